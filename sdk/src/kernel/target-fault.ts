import { isCcrError, type CcrError } from '../errors.ts'
import type { HookName } from '../hooks.ts'

/**
 * What a handler says is wrong with the target of its attempt, such as that no credentials for it can be had: that is
 * the target's failure, and none of the handler's.
 */
export function targetFault(thrown: unknown, hook: HookName): CcrError | undefined {
  if (hook !== 'transformRequest') return undefined
  return isCcrError(thrown) && thrown.code.startsWith('CCR_UPSTREAM_') ? thrown : undefined
}
