/** Told of a cancellation: a function, or an object that costs no closure. */
export type CancelListener = (() => void) | { handleEvent(): void }

/**
 * One end of waiting. It offers what this code uses of an AbortSignal, and the real one only to who asks for it: making
 * one costs as much as the rest of a small request.
 */
export class Cancellation {
  #aborted = false
  #reason: unknown
  #listeners: CancelListener[] = []
  #controller: AbortController | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  /** The same as a standard signal. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    for (const listener of this.#listeners.splice(0)) {
      if (typeof listener === 'function') listener()
      else listener.handleEvent()
    }
  }

  /** Calls a listener at most once. */
  addEventListener(_type: 'abort', listener: CancelListener): void {
    if (!this.#aborted) this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: CancelListener): void {
    // Nearly always the last one that was added; to cut out of an array makes another.
    const at = this.#listeners.lastIndexOf(listener)
    if (at >= 0 && at === this.#listeners.length - 1) this.#listeners.pop()
    else if (at >= 0) this.#listeners.splice(at, 1)
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }
}
