import { CcrError, type ErrorCode, isCcrError, isSkipTarget, messageOf } from '@ccr/sdk'
import { isThenable, placeOf, settle } from '@ccr/sdk/kernel'
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
  const late = (): CcrError =>
    fault(tap, 'CCR_HOOK_TIMEOUT', `did not finish ${tap.hook} within ${tap.timeoutMs} ms`)
  return async (...args) => {
    const { health } = tap
    if (health.quarantine) return refuse(tap)
    const began = performance.now()
    let fine = false
    try {
      let result = seam.call(...args)
      if (isThenable(result)) result = await settle(result, tap.timeoutMs, seam.signal(...args), late)
      const wrong = result === undefined ? undefined : seam.fault(result, ...args)
      if (wrong !== undefined) throw unusable(tap, wrong)
      fine = true
      return result
    } catch (thrown) {
      // A request that turns out not to be valid is not the plugin's fault.
      const invalid = isCcrError(thrown) && thrown.code === 'CCR_REQUEST_INVALID'
      if (invalid || isSkipTarget(thrown) || seam.signal(...args).aborted) throw thrown
      return failed(tap, thrown, log)
    } finally {
      health.called(tap.hook, performance.now() - began, fine)
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
    const { health } = tap
    if (health.quarantine) return refuse(tap)
    const began = performance.now()
    try {
      const result = call(...args)
      if (isThenable(result)) void Promise.resolve(result).catch(() => undefined)
      if (result !== undefined) throw unusable(tap, 'it must set the stream up at once and give nothing')
    } catch (thrown) {
      failed(tap, thrown, log)
    } finally {
      // That a stream could be set up does not show yet that the plugin works.
      health.called(tap.hook, performance.now() - began, false)
    }
  }
}

/** Applies the failure policy. */
function failed(tap: Tap, thrown: unknown, log: Log): undefined {
  const error = named(tap, thrown)
  tap.health.failed(tap.hook, error)
  if (tap.onFailure === 'fail') throw error
  const { code, at } = error
  log.warn({ plugin: tap.plugin, hook: tap.hook, code, at }, `${error.message}; skipped`)
}

/** A plugin in quarantine is not called: what may be skipped is, what may not fails at once. */
function refuse(tap: Tap): undefined {
  if (tap.onFailure === 'skip') return
  throw fault(tap, 'CCR_PLUGIN_QUARANTINED', 'is quarantined: it failed too often; change, correct or disable it')
}

function unusable(tap: Tap, wrong: string): CcrError {
  return fault(tap, 'CCR_HOOK_RESULT', `gave ${tap.hook} a result it cannot use: ${wrong}`)
}

function named(tap: Tap, thrown: unknown): CcrError {
  if (isCcrError(thrown) && thrown.plugin !== undefined) return thrown
  return fault(tap, 'CCR_HOOK_FAILED', `failed in ${tap.hook}: ${messageOf(thrown)}`, thrown)
}

function fault({ plugin, hook, paths }: Tap, code: ErrorCode, fact: string, cause?: unknown): CcrError {
  const at = cause === undefined ? undefined : placeOf(cause, paths)
  return new CcrError(code, `plugin '${plugin}' ${fact}`, { plugin, hook, at, cause })
}
