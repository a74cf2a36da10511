import type { CanonicalEvent } from '../canonical.ts'
import { CcrError } from '../errors.ts'
import { weightOfEvents } from '../message.ts'
import type { Settings } from './settings.ts'

/** A piece of an answer: canonical events, and the bytes to forward in their place when the answer is passed on. */
export interface Piece {
  readonly events: readonly CanonicalEvent[]
  readonly bytes: Uint8Array | undefined
}

/** What is kept back of an answer: its beginning, or all of it for a client that does not stream. */
export class Held {
  readonly #limits: Settings['limits']
  readonly #stream: boolean
  #pieces: Piece[] = []
  #events = 0
  #bytes = 0

  constructor(limits: Settings['limits'], stream: boolean) {
    this.#limits = limits
    this.#stream = stream
  }

  /** @throws CcrError `CCR_STREAM_LIMIT` when a whole answer is larger than it may be */
  add(piece: Piece): void {
    this.#pieces.push(piece)
    this.#events += piece.events.length
    this.#bytes += piece.bytes?.byteLength ?? weightOfEvents(piece.events)
    const { answerBytes } = this.#limits
    if (this.#stream || this.#bytes <= answerBytes) return
    throw new CcrError('CCR_STREAM_LIMIT', `its answer is larger than ${answerBytes} bytes`)
  }

  /** More of a stream is kept than may be. */
  get full(): boolean {
    return this.#events > this.#limits.heldEvents || this.#bytes > this.#limits.heldBytes
  }

  /** What was kept, which is kept no more. */
  take(): readonly Piece[] {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }
}
