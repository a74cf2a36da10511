/** What can end a wait: an AbortSignal, or anything that offers as much of it. */
export interface Abortable {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * Waits for a promise until a deadline or an abort; what it does afterwards is ignored. The timer and the listener are
 * gone when the wait is over.
 *
 * @param limitMs milliseconds, or Infinity
 * @param expired makes the error of a missed deadline
 */
export function settle<T>(
  promise: PromiseLike<T>,
  limitMs: number,
  signal: Abortable | undefined,
  expired: () => Error = () => new Error('the wait took too long'),
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
    }
    const aborted = (): void => {
      finish()
      reject(signal?.reason as Error)
    }
    const late = (): void => {
      finish()
      reject(expired())
    }
    const timer = limitMs === Infinity ? undefined : setTimeout(late, limitMs)
    // Also of a wait that is over at once: the promise may still reject, and somebody must hear it.
    if (signal?.aborted) aborted()
    else signal?.addEventListener('abort', aborted)
    promise.then(
      (value) => {
        finish()
        resolve(value)
      },
      (thrown: unknown) => {
        finish()
        reject(thrown as Error)
      },
    )
  })
}

/** Waits; an abort ends the wait with its reason. */
export function pause(ms: number, signal?: Abortable): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    if (signal?.aborted) aborted()
    else signal?.addEventListener('abort', aborted)
  })
}

/** Whether a value can be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Runs something that must be over within a time, in milliseconds. */
export function within(limitMs: number, run: () => void | Promise<void>): Promise<void> {
  const running = new Promise<void>((resolve) => resolve(run()))
  return settle(running, limitMs, undefined, () => new Error(`it took longer than ${limitMs} ms`))
}
