import type { ResolvedConfig } from '../config/resolve.ts'
import type { Generation } from '../core/generation.ts'

/**
 * Why a configured provider, or this model of it, does not take part, and what to do, as clients are told: without a
 * path. Nothing of a provider that is not configured.
 */
export function absenceOf(
  target: { readonly provider: string; readonly model?: string },
  { disabledProviders }: Pick<ResolvedConfig, 'disabledProviders'>,
  generation: Generation | undefined,
): string | undefined {
  const [name, model] = [target.provider.toLowerCase(), target.model?.toLowerCase()]
  const disabled = disabledProviders.filter((one) => one.name.toLowerCase() === name)
  const subjects = [`provider '${name}'`, `provider '${name}' (model '${model}')`]
  const reason =
    disabled.find((one) => one.model === undefined || one.model.toLowerCase() === model)?.reason ??
    generation?.failures.find(({ subject }) => subjects.includes(subject.toLowerCase()))?.message
  if (reason === undefined) return undefined
  return PATH.test(reason) ? '`ccr status` says why' : `Reason: ${reason}`
}

/** A path of a file, or a pointer into one, which looks the same. */
const PATH = /(^|[\s"'`(])(\/|[A-Za-z]:\\)/
