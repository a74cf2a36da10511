import type { CommandContext } from './context.ts'
import { withPlace } from './failure.ts'
import { readGeneration, type GenerationReport } from './generation-report.ts'

/** What a generation runs without, and what in its config is probably not meant so; a line or two each. */
export function describeShortcomings({
  disabledProviders,
  brokenPresets,
  failures,
  warnings,
}: Pick<GenerationReport, 'disabledProviders' | 'brokenPresets' | 'failures' | 'warnings'>): readonly string[] {
  return [
    ...disabledProviders.flatMap(({ name, model, reason, at }) => {
      const what = `${model === undefined ? '' : `model ${model} of `}provider ${name}`
      return withPlace(`${what} is disabled: ${reason}`, at)
    }),
    ...brokenPresets.flatMap(({ name, reason, at, servedAsBefore }) => {
      const state = servedAsBefore ? 'is served as it was before its last change' : 'is left out'
      return withPlace(`preset ${name} ${state}: ${reason}`, at)
    }),
    ...failures.flatMap(({ subject, message, at }) => withPlace(`${named(subject)} was left out: ${message}`, at)),
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
}

/** What a generation could not build is a provider, which says so, or a plugin. */
function named(subject: string): string {
  return subject.startsWith('provider ') ? subject.replaceAll("'", '') : `plugin ${subject}`
}

/** Tells them to whoever has just started the router; one that does not say has none to tell. */
export async function complainOfShortcomings(context: CommandContext, url: string): Promise<void> {
  const report = await readGeneration(context.home, url).catch(() => undefined)
  if (report) complainOf(context, report)
}

/** Tells them to whoever has just changed what runs. */
export function complainOf(context: CommandContext, report: Parameters<typeof describeShortcomings>[0]): void {
  for (const line of describeShortcomings(report)) context.complain(line.startsWith(' ') ? line : `ccr: ${line}`)
}
