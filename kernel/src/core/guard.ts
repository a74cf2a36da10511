import { type Attempt, CcrError, type ErrorCode, type Exchange, isCcrError, isSkipTarget } from '@ccr/sdk'
import { type Abortable, clientFault, factOf, isThenable, placeOf, settle, targetFault } from '@ccr/sdk/kernel'
import type { Tap } from './tap.ts'

/** What a guard does with the arguments and the result of one kind of handler. */
export interface Seam<First, Second> {
  /** Calls the handler. */
  call(first: First, second: Second): unknown
  /** Says what is wrong with a result, or nothing when it is acceptable. Never sees `undefined`. */
  fault(result: unknown, first: First): string | undefined
  /** Aborted when waiting for the handler has become pointless; nothing when it never is. */
  cancellation(second: Second): Abortable | undefined
}

/** Is told how a handler ended: with an error, or else with what it gave. */
export type Done = (error: unknown, result?: unknown) => void

/** A handler that is safe to register on a hook: it throws nothing, and calls `done` once. */
export type Guarded<First, Second> = (first: First, second: Second, done: Done) => void

/**
 * Makes a handler safe to register on a hook: a synchronous throw is an error like a rejection, waiting ends at the
 * deadline or when the exchange is over, results are checked, and the failure policy is applied. What the handler does
 * after its deadline is ignored. A handler that gives its result at once is done at once: a promise for each of a dozen
 * handlers cost as much as what they decide.
 */
export function guard<First, Second extends Exchange | Attempt>(
  tap: Tap,
  seam: Seam<First, Second>,
): Guarded<First, Second> {
  const late = (): CcrError => fault(tap, 'CCR_HOOK_TIMEOUT', `did not finish ${tap.hook} within ${tap.timeoutMs} ms`)
  const { health } = tap
  const fail = (thrown: unknown, began: number, first: First, second: Second, done: Done): void => {
    // Not the plugin's fault: a request that is not valid, a target that cannot be used, an end that it was told of.
    const over = seam.cancellation(second)
    const others = targetFault(thrown, tap.hook) ?? clientFault(thrown, second)
    let error: unknown
    if (isSkipTarget(thrown) || thrown === others) error = thrown
    else if (over?.aborted) error = over.reason
    else if (others) error = tap.onFailure === 'fail' ? others : undefined
    else error = failed(tap, thrown)
    health.called(tap.hook, performance.now() - began, false)
    done(error)
  }
  const finish = (result: unknown, began: number, first: First, second: Second, done: Done): void => {
    if (result !== undefined) {
      try {
        const wrong = seam.fault(result, first)
        if (wrong !== undefined) throw unusable(tap, wrong)
      } catch (thrown) {
        return fail(thrown, began, first, second, done)
      }
    }
    health.called(tap.hook, performance.now() - began, true)
    done(undefined, result)
  }
  return (first, second, done) => {
    if (health.quarantine) return done(refusal(tap))
    const began = performance.now()
    let result: unknown
    try {
      result = seam.call(first, second)
      if (isThenable(result)) {
        const worked = (value: unknown): void => finish(value, began, first, second, done)
        const broke = (thrown: unknown): void => fail(thrown, began, first, second, done)
        const waiting = settle(result, tap.timeoutMs, seam.cancellation(second), late)
        // Only what stands behind `done` can still throw, and it has not gone on then.
        return void waiting.then(worked, broke).catch(done)
      }
    } catch (thrown) {
      return fail(thrown, began, first, second, done)
    }
    finish(result, began, first, second, done)
  }
}

/** The same for a handler that must not wait. */
export function guardSync<Args extends readonly unknown[]>(
  tap: Tap,
  call: (...args: Args) => unknown,
): (...args: Args) => void {
  return (...args) => {
    const { health } = tap
    if (health.quarantine) {
      const refused = refusal(tap)
      if (refused) throw refused
      return
    }
    const began = performance.now()
    try {
      const result = call(...args)
      if (isThenable(result)) void Promise.resolve(result).catch(() => undefined)
      if (result !== undefined) throw unusable(tap, 'it must set the stream up at once and give nothing')
    } catch (thrown) {
      const error = failed(tap, thrown)
      if (error) throw error
    } finally {
      // That a stream could be set up does not show yet that the plugin works.
      health.called(tap.hook, performance.now() - began, false)
    }
  }
}

/** Applies the failure policy: gives the error, unless the handler may be skipped. */
function failed(tap: Tap, thrown: unknown): CcrError | undefined {
  const error = named(tap, thrown)
  tap.health.failed(tap.hook, error)
  if (tap.onFailure === 'fail') return error
  const { code, at } = error
  tap.log.warn({ plugin: tap.plugin, hook: tap.hook, code, at }, `${error.message}; skipped`)
  return undefined
}

/** A plugin in quarantine is not called: what may be skipped is, what may not fails at once. */
function refusal(tap: Tap): CcrError | undefined {
  if (tap.onFailure === 'skip') return undefined
  return fault(tap, 'CCR_PLUGIN_QUARANTINED', 'is quarantined: it failed too often; change, correct or disable it')
}

function unusable(tap: Tap, wrong: string): CcrError {
  return fault(tap, 'CCR_HOOK_RESULT', `gave ${tap.hook} a result it cannot use: ${wrong}`)
}

function named(tap: Tap, thrown: unknown): CcrError {
  if (isCcrError(thrown) && thrown.plugin !== undefined) return thrown
  return fault(tap, 'CCR_HOOK_FAILED', `failed in ${tap.hook}: ${factOf(thrown)}`, thrown)
}

function fault({ plugin, hook, paths }: Tap, code: ErrorCode, fact: string, cause?: unknown): CcrError {
  const at = cause === undefined ? undefined : placeOf(cause, paths)
  return new CcrError(code, `plugin '${plugin}' ${fact}`, { plugin, hook, at, cause })
}
