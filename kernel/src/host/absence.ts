import type { ResolvedConfig } from '../config/resolve.ts'
import type { Generation } from '../core/generation.ts'

/**
 * Why a configured provider does not take part, and what to do, as clients are told: without a path. Nothing of a
 * provider that is not configured.
 */
export function absenceOf(
  provider: string,
  { disabledProviders }: Pick<ResolvedConfig, 'disabledProviders'>,
  generation: Generation | undefined,
): string | undefined {
  const name = provider.toLowerCase()
  const reason =
    disabledProviders.find((one) => one.name.toLowerCase() === name)?.reason ??
    generation?.failures.find(({ subject }) => subject.toLowerCase() === `provider '${name}'`)?.message
  if (reason === undefined) return undefined
  return PATH.test(reason) ? '`ccr status` says why' : `Reason: ${reason}`
}

/** A path of a file, or a pointer into one, which looks the same. */
const PATH = /(^|[\s"'`(])(\/|[A-Za-z]:\\)/
