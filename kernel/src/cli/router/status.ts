import { join } from 'node:path'
import { findHolder, findRunning } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import type { SafeModeReport } from '../../host/safe-mode.ts'
import { EXIT } from '../exit-codes.ts'
import { withPlace } from '../failure.ts'
import { readGeneration, type GenerationReport } from '../generation-report.ts'
import { isProven } from '../../load/process-identity.ts'
import { describeShortcomings } from '../shortcomings.ts'
import { isFree } from './is-free.ts'
import { readStartRecord } from './start-record.ts'

/** `ccr status`: what runs in this home. Writes nothing. */
export async function status(
  context: CommandContext,
  options: { readonly json?: boolean | undefined },
): Promise<number> {
  const running = await findRunning(context.home)
  if (running === undefined) {
    const { pid, text } = await whatIsThere(context.home)
    const { home } = context
    context.print(options.json ? JSON.stringify({ running: false, home, pid }) : text)
    return EXIT.notRunning
  }
  const { pid, version } = running
  const url = running.url
  const uptimeSeconds = secondsSince(running.startedAt)
  // A router that answers on /health runs, whatever its admin API says.
  const report = await readGeneration(context.home, running.url).catch((error: unknown) => error as Error)
  if (options.json) {
    const details = report instanceof Error ? { reportError: report.message } : report
    context.print(JSON.stringify({ running: true, home: context.home, url, pid, version, uptimeSeconds, ...details }))
  } else {
    context.print(`ccr ${version} is running at ${url} (pid ${pid}, up ${duration(uptimeSeconds)})`)
    for (const line of report instanceof Error ? [`  no more is known: ${report.message}`] : describe(report))
      context.print(line)
  }
  return EXIT.ok
}

/** What is known of a router that does not answer. */
async function whatIsThere(home: string): Promise<{ readonly pid?: number; readonly text: string }> {
  const holder = await findHolder(home)
  if (holder !== undefined) {
    const { pid, announced } = holder
    if (announced === undefined) return { pid, text: `ccr is starting (pid ${pid})` }
    // One that is ending listens no more.
    const isEnding = await isFree(announced.url)
    const blocked = `ccr does not answer (pid ${pid}): something keeps it from turning, perhaps a plugin`
    return { pid, text: isEnding ? `ccr is ending (pid ${pid})` : blocked }
  }
  const supervisor = readStartRecord(home)?.supervisor
  if (supervisor === undefined || !isProven(supervisor)) return { text: 'ccr is not running' }
  const log = join(home, 'logs', 'supervisor.log')
  return { pid: supervisor.pid, text: `ccr is started again (pid ${supervisor.pid}); ${log} says why` }
}

function describe(report: GenerationReport): readonly string[] {
  const { generation, unmatched, lastError, instances, reverted, draining, safeMode } = report
  return [
    `  generation ${generation}`,
    ...(safeMode === undefined ? [] : describeSafeMode(safeMode)),
    ...describeShortcomings(report).map((line) => `  ${line}`),
    ...instances.flatMap(({ id, quarantine }) =>
      quarantine === undefined ? [] : placed(`plugin ${id} is quarantined: ${quarantine.message}`, quarantine.at),
    ),
    ...reverted.flatMap(({ entry, message, at }) =>
      placed(`plugin ${entry} runs as it was before its last change: ${message}`, at),
    ),
    ...draining.map(({ generation: old, leases, exchanges }) => {
      const oldest = exchanges[0]
      const since =
        oldest === undefined ? '' : `, the oldest (${oldest.path}) for ${duration(Math.round(oldest.ms / 1000))}`
      return `  generation ${old} still has ${leases} exchange${leases === 1 ? '' : 's'}${since}`
    }),
    ...unmatched.map(({ what, count, last }) => {
      const times = `${count} time${count === 1 ? '' : 's'}`
      return `  asked for in vain, ${times}, the last ${duration(secondsSince(last))} ago: ${what}`
    }),
    ...(lastError === undefined ? [] : placed(`the last change was not taken: ${lastError.message}`, lastError.at)),
  ]
}

function placed(text: string, at: string | undefined): readonly string[] {
  return withPlace(text, at).map((line) => `  ${line}`)
}

function describeSafeMode({ why, suspect, leftOut, guards }: SafeModeReport): readonly string[] {
  return [
    `  SAFE MODE: ${why}`,
    `    left out: ${leftOut.join(', ') || 'nothing'}`,
    ...(suspect === undefined ? [] : [`    suspect: ${suspect}`]),
    ...(guards.length === 0 ? [] : [`    no request is answered without ${guards.join(', ')}`]),
    '    a change of the config or of one of these files, `ccr reload` or `ccr restart` ends it',
  ]
}

function secondsSince(date: string): number {
  return Math.max(0, Math.round((Date.now() - new Date(date).getTime()) / 1000))
}

/** The two largest units, as in `3 h 12 min`. */
function duration(seconds: number): string {
  const parts = (
    [
      ['d', 86_400],
      ['h', 3_600],
      ['min', 60],
      ['s', 1],
    ] as const
  ).map(([unit, size], index, units) => {
    const above = units[index - 1]?.[1] ?? Number.POSITIVE_INFINITY
    return { unit, count: Math.floor((seconds % above) / size) }
  })
  const first = parts.findIndex((part) => part.count > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter((part) => part.count > 0)
    .map((part) => `${part.count} ${part.unit}`)
    .join(' ')
}
