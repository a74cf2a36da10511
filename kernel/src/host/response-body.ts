import type { Dispatcher } from 'undici'

const HIGH_WATER_BYTES = 64 * 1024
const SETTLED = Promise.resolve()

/**
 * The bytes of one answer, pulled by its reader: the socket is paused while more than 64 KiB wait, and what waits is
 * handed out as one chunk, so that a burst costs one step. Leaving the loop early closes the connection.
 */
export class ResponseBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #controller: Dispatcher.DispatchController
  readonly #leave: () => void
  #chunks: Buffer[] = []
  #queued = 0
  #paused = false
  #state: 'open' | 'ended' | 'failed' | 'left' = 'open'
  #failure: unknown
  #waiting: { resolve(result: IteratorResult<Uint8Array>): void; reject(reason: unknown): void } | undefined
  #waking = false

  /** @param leave closes the connection */
  constructor(controller: Dispatcher.DispatchController, leave: () => void) {
    this.#controller = controller
    this.#leave = leave
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  push(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#chunks.push(chunk)
    this.#queued += chunk.length
    if (this.#queued > HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true
      this.#controller.pause()
    }
    this.#wake()
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#wake()
  }

  /** What arrived before is still handed out, except when the reader itself gave up. */
  fail(reason: unknown, discard = false): void {
    if (this.#state === 'left' || this.#state === 'failed') return
    if (discard) {
      this.#chunks = []
      this.#queued = 0
    } else if (this.#state === 'ended') return
    this.#state = 'failed'
    this.#failure = reason
    this.#wake()
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#queued > 0) return Promise.resolve(this.#take())
    if (this.#state === 'failed') return Promise.reject(this.#failure as Error)
    if (this.#state !== 'open') return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    const open = this.#state === 'open'
    this.#state = 'left'
    this.#chunks = []
    this.#queued = 0
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
    if (open) this.#leave()
    return Promise.resolve({ done: true, value: undefined })
  }

  // One socket read may bring many pieces: the reader is woken after the last of them. A settled promise does it
  // without the resource that queueMicrotask makes for each call.
  #wake(): void {
    if (this.#waiting === undefined || this.#waking) return
    this.#waking = true
    void SETTLED.then(this.#hand)
  }

  readonly #hand = (): void => {
    this.#waking = false
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    if (this.#queued > 0) waiting.resolve(this.#take())
    else if (this.#state === 'failed') waiting.reject(this.#failure)
    else waiting.resolve({ done: true, value: undefined })
  }

  #take(): IteratorResult<Uint8Array> {
    const chunks = this.#chunks
    const value = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.#queued)
    this.#chunks = []
    this.#queued = 0
    if (this.#paused) {
      this.#paused = false
      // Resuming may push at once; the queue is already empty.
      this.#controller.resume()
    }
    return { done: false, value }
  }
}
