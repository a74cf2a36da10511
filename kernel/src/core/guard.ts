import { CcrError, isCcrError, isSkipTarget, isThenable, messageOf, settle } from '@ccr/sdk'
import type { Log } from './log.ts'
import type { Tap } from './tap.ts'

/** What a guard does with the arguments and the result of one kind of handler. */
export interface Seam<Args extends readonly unknown[]> {
  /** Calls the handler. */
  call(...args: Args): unknown
  /** Says what is wrong with a result, or nothing when it is acceptable. Never sees `undefined`. */
  fault(result: unknown, ...args: Args): string | undefined
  /** Aborted when waiting for the handler has become pointless. */
  signal(...args: Args): AbortSignal
}

/**
 * Makes a handler safe to register on a hook: it always gives a promise, a synchronous throw is a rejection, waiting
 * ends at the deadline or when the exchange is over, results are checked, and the failure policy is applied. What the
 * handler does after its deadline is ignored.
 */
export function guard<Args extends readonly unknown[]>(
  tap: Tap,
  seam: Seam<Args>,
  log: Log,
): (...args: Args) => Promise<unknown> {
  return async (...args) => {
    try {
      let result = seam.call(...args)
      if (isThenable(result)) result = await settle(result, tap.timeoutMs, seam.signal(...args), () => late(tap))
      if (result === undefined) return undefined
      const fault = seam.fault(result, ...args)
      if (fault !== undefined) throw resultError(tap, fault)
      return result
    } catch (thrown) {
      // A request that turns out not to be valid is not the plugin's fault.
      const invalid = isCcrError(thrown) && thrown.code === 'CCR_REQUEST_INVALID'
      if (invalid || isSkipTarget(thrown) || seam.signal(...args).aborted) throw thrown
      const error = named(tap, thrown)
      if (tap.onFailure === 'fail') throw error
      log.warn({ plugin: tap.plugin, hook: tap.hook, code: error.code }, `${error.message}; skipped`)
      return undefined
    }
  }
}

/** The same for a handler that must not wait. */
export function guardSync<Args extends readonly unknown[]>(
  tap: Tap,
  call: (...args: Args) => unknown,
  log: Log,
): (...args: Args) => void {
  return (...args) => {
    try {
      const result = call(...args)
      if (isThenable(result)) void Promise.resolve(result).catch(() => undefined)
      if (result !== undefined) throw resultError(tap, 'it must set the stream up at once and give nothing')
    } catch (thrown) {
      const error = named(tap, thrown)
      if (tap.onFailure === 'fail') throw error
      log.warn({ plugin: tap.plugin, hook: tap.hook, code: error.code }, `${error.message}; skipped`)
    }
  }
}

function named(tap: Tap, thrown: unknown): CcrError {
  if (isCcrError(thrown) && thrown.plugin !== undefined) return thrown
  const detail = { plugin: tap.plugin, hook: tap.hook, cause: thrown }
  return new CcrError('CCR_HOOK_FAILED', `plugin '${tap.plugin}' failed in ${tap.hook}: ${messageOf(thrown)}`, detail)
}

function resultError(tap: Tap, fault: string): CcrError {
  return new CcrError(
    'CCR_HOOK_RESULT',
    `plugin '${tap.plugin}' gave ${tap.hook} a result it cannot use: ${fault}`,
    tap,
  )
}

function late(tap: Tap): CcrError {
  return new CcrError(
    'CCR_HOOK_TIMEOUT',
    `plugin '${tap.plugin}' did not finish ${tap.hook} within ${tap.timeoutMs} ms`,
    tap,
  )
}
