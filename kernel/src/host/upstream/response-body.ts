import type { BodyReader, BodySource } from '@ccr/sdk/kernel'
import type { Dispatcher } from 'undici'

const HIGH_WATER_BYTES = 64 * 1024
const SETTLED = Promise.resolve()

/**
 * The bytes of one answer as its reader takes them: the socket is paused while more than 64 KiB wait, and what waits is
 * handed out as one piece, so that a burst costs one step.
 */
export class ResponseBody implements BodySource {
  readonly #controller: Dispatcher.DispatchController
  readonly #leave: () => void
  #chunks: Buffer[] = []
  #queued = 0
  #paused = false
  #state: 'open' | 'ended' | 'failed' | 'left' = 'open'
  #failure: unknown
  #reader: BodyReader | undefined
  /** The reader takes nothing, or will be called anyway. */
  #busy = true

  /** @param leave closes the connection */
  constructor(controller: Dispatcher.DispatchController, leave: () => void) {
    this.#controller = controller
    this.#leave = leave
  }

  readTo(reader: BodyReader): void {
    this.#reader = reader
    this.#busy = false
    if (this.#queued > 0 || this.#state !== 'open') this.#wake()
  }

  push(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#chunks.push(chunk)
    this.#queued += chunk.length
    if (this.#queued > HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true
      this.#controller.pause()
    }
    if (!this.#busy) this.#wake()
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    if (!this.#busy) this.#wake()
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
    if (!this.#busy) this.#wake()
  }

  leave(): void {
    const open = this.#state === 'open'
    this.#state = 'left'
    this.#chunks = []
    this.#queued = 0
    if (open) this.#leave()
  }

  // One socket read may bring many pieces: the reader is called after the last of them. A settled promise does it
  // without the resource that queueMicrotask makes for each call.
  #wake(): void {
    this.#busy = true
    void SETTLED.then(this.#hand)
  }

  readonly #hand = (): void => {
    const reader = this.#reader!
    while (this.#queued > 0) {
      const wait = reader.piece(this.#take())
      if (wait) return void wait.then(this.#hand)
    }
    this.#busy = false
    if (this.#state === 'open' || this.#state === 'left') return
    // Heard once.
    this.#busy = true
    if (this.#state === 'failed') reader.fail(this.#failure)
    else reader.end()
  }

  #take(): Buffer {
    const chunks = this.#chunks
    const value = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.#queued)
    this.#chunks = []
    this.#queued = 0
    if (this.#paused) {
      this.#paused = false
      // Resuming may push at once; the queue is already empty.
      this.#controller.resume()
    }
    return value
  }
}
