import { CcrError } from '../errors.ts'
import { bufferOf } from '../utf8.ts'

/** How long a finished upstream may take to close before it is closed, and what it may still send. */
const CLOSE_MS = 500
const CLOSE_READS = 16
/** How long the body of an error is read. */
const SOME_MS = 2_000

/** The bytes of an answer, decompressed, given as they come; no more than a bounded buffer is read ahead. */
export interface BodySource {
  /** Begins to give pieces; to be called once. */
  readTo(reader: BodyReader): void
  /** Reads no more: closes the connection unless the body has ended. The reader hears nothing any more. */
  leave(): void
}

/** Takes a body. By callback, because an iterator costs two promises and three turns of the microtask queue a piece. */
export interface BodyReader {
  /** The bytes of one read; a promise, which never rejects, means: give no more until it resolves. */
  piece(bytes: Uint8Array): Promise<void> | undefined
  /** The body has ended. */
  end(): void
  /** Nothing more comes, and why. */
  fail(reason: unknown): void
}

/** Takes the bytes of one read, or nothing at the end of the body; says whether it wants no more. */
export type Step = (bytes: Uint8Array | undefined) => boolean | Promise<boolean>

/**
 * Reads a body until `step` wants no more. What has given enough may close by itself, so that its connection is used
 * again: within 500 ms, 16 reads and `limitBytes`. When `step` throws it is closed at once.
 */
export function readPieces(body: BodySource, limitBytes: number, step: Step): Promise<void> {
  return new Promise((resolve, reject) => body.readTo(new Reading(body, limitBytes, step, { resolve, reject })))
}

/**
 * Reads a body to its end; `onRead` hears of every read.
 *
 * @throws CcrError `CCR_STREAM_LIMIT`
 */
export function readWhole(body: BodySource, limitBytes: number, onRead?: () => void): Promise<Buffer> {
  return new Promise((resolve, reject) => body.readTo(new Whole(body, limitBytes, onRead, { resolve, reject })))
}

/** Reads what there is, for 2 s, of a body that says why something failed: a limit, a fault or a stall ends it. */
export function readSome(body: BodySource, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0)
    const done = (): void => {
      clearTimeout(timer)
      body.leave()
      resolve(read.subarray(0, limitBytes))
    }
    const timer = setTimeout(done, SOME_MS)
    const piece = (bytes: Uint8Array): undefined => {
      read = Buffer.concat([read, bytes])
      if (read.length > limitBytes) done()
    }
    body.readTo({ piece, end: done, fail: done })
  })
}

/** How a reading is settled. */
interface Settle<T> {
  resolve(value: T): void
  reject(reason: unknown): void
}

class Whole implements BodyReader {
  readonly #body: BodySource
  readonly #limitBytes: number
  readonly #onRead: (() => void) | undefined
  readonly #settle: Settle<Buffer>
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(body: BodySource, limitBytes: number, onRead: (() => void) | undefined, settle: Settle<Buffer>) {
    this.#body = body
    this.#limitBytes = limitBytes
    this.#onRead = onRead
    this.#settle = settle
  }

  piece(bytes: Uint8Array): undefined {
    this.#onRead?.()
    this.#bytes += bytes.byteLength
    this.#parts.push(bytes)
    if (this.#bytes <= this.#limitBytes) return
    this.#parts = []
    this.#body.leave()
    const fact = `its answer is larger than ${this.#limitBytes} bytes`
    this.#settle.reject(new CcrError('CCR_STREAM_LIMIT', fact))
  }

  end(): void {
    const parts = this.#parts
    this.#parts = []
    const [only] = parts
    this.#settle.resolve(only && parts.length === 1 ? bufferOf(only) : Buffer.concat(parts, this.#bytes))
  }

  fail(reason: unknown): void {
    this.#settle.reject(reason)
  }
}

/** Gives pieces to a step, and waits for each. */
class Reading implements BodyReader {
  readonly #body: BodySource
  readonly #limitBytes: number
  readonly #step: Step
  readonly #done: Settle<void>
  #over = false
  #reads = 0
  #bytes = 0
  #closing: NodeJS.Timeout | undefined

  constructor(body: BodySource, limitBytes: number, step: Step, done: Settle<void>) {
    this.#body = body
    this.#limitBytes = limitBytes
    this.#step = step
    this.#done = done
  }

  piece(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#over) return this.#surplus(bytes)
    try {
      const enough = this.#step(bytes)
      if (typeof enough !== 'boolean') return enough.then(this.#stepped, this.#broke)
      if (enough) this.#finish()
    } catch (thrown) {
      this.fail(thrown)
    }
    return undefined
  }

  end(): void {
    clearTimeout(this.#closing)
    if (this.#over) return
    try {
      const enough = this.#step(undefined)
      if (typeof enough === 'boolean') this.#complete()
      else enough.then(this.#complete, this.#broke)
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  fail(reason: unknown): void {
    clearTimeout(this.#closing)
    if (this.#over) return
    this.#over = true
    this.#body.leave()
    this.#done.reject(reason)
  }

  readonly #broke = (thrown: unknown): void => this.fail(thrown)

  readonly #complete = (): void => {
    if (this.#over) return
    this.#over = true
    this.#done.resolve()
  }

  readonly #stepped = (enough: boolean): void => {
    if (enough && !this.#over) this.#finish()
  }

  #finish(): void {
    this.#closing = setTimeout(() => this.#body.leave(), CLOSE_MS)
    this.#complete()
  }

  /** What comes after enough was read; it was finished, so how its connection ends is of no interest. */
  #surplus(bytes: Uint8Array): undefined {
    this.#reads++
    this.#bytes += bytes.byteLength
    if (this.#reads < CLOSE_READS && this.#bytes < this.#limitBytes) return
    clearTimeout(this.#closing)
    this.#body.leave()
  }
}
