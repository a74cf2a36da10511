import { CcrError } from '../errors.ts'
import { bufferOf } from '../utf8.ts'

/** How long a finished upstream may take to close before it is closed, and what it may still send. */
const CLOSE_MS = 500
const CLOSE_READS = 16
/** How long the body of an error is read. */
const SOME_MS = 2_000
/** How long the mark of the end is waited for. */
const MARK_MS = 10_000

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

/** What a step wants next: more bytes; nothing but the mark of the end, which the end itself may stand for; no more. */
export type Want = 'more' | 'mark' | 'enough'

/** Takes the bytes of one read, or nothing at the end of the body. */
export type Step = (bytes: Uint8Array | undefined) => Want | Promise<Want>

/**
 * Reads a body until `step` wants no more. What has given enough may close by itself, so that its connection is used
 * again: within 500 ms, 16 reads and `limitBytes`. When `step` throws it is closed at once. While nothing but the mark
 * of the end is wanted, a fault or 10 s of silence is the end of the body.
 */
export function readPieces(body: BodySource, limitBytes: number, step: Step): Promise<void> {
  return new Promise((resolve, reject) => body.readTo(new Reading(body, limitBytes, step, resolve, reject)))
}

/**
 * Reads a body to its end; `onRead` hears of every read.
 *
 * @throws CcrError `CCR_STREAM_LIMIT`
 */
export function readWhole(body: BodySource, limitBytes: number, onRead?: () => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let parts: Uint8Array[] = []
    let bytes = 0
    const piece = (read: Uint8Array): undefined => {
      onRead?.()
      bytes += read.byteLength
      parts.push(read)
      if (bytes <= limitBytes) return
      parts = []
      body.leave()
      reject(new CcrError('CCR_STREAM_LIMIT', `its answer is larger than ${limitBytes} bytes`))
    }
    const end = (): void => {
      const [only] = parts
      resolve(only && parts.length === 1 ? bufferOf(only) : Buffer.concat(parts, bytes))
    }
    body.readTo({ piece, end, fail: reject })
  })
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

/** Gives pieces to a step, and waits for each. */
class Reading implements BodyReader {
  readonly #body: BodySource
  readonly #limitBytes: number
  readonly #step: Step
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  #want: Want = 'more'
  #ended = false
  #over = false
  #reads = 0
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #fault: { readonly reason: unknown } | undefined

  constructor(body: BodySource, limitBytes: number, step: Step, resolve: () => void, reject: (why: unknown) => void) {
    this.#body = body
    this.#limitBytes = limitBytes
    this.#step = step
    this.#resolve = resolve
    this.#reject = reject
  }

  piece(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#over) return this.#surplus(bytes)
    if (this.#want === 'mark') clearTimeout(this.#timer)
    return this.#take(bytes)
  }

  end(): void {
    clearTimeout(this.#timer)
    if (!this.#over) void this.#take(undefined)
  }

  fail(reason: unknown): void {
    this.#fault = { reason }
    if (this.#want === 'mark') return this.end()
    clearTimeout(this.#timer)
    this.#broke(reason)
  }

  #take(bytes: Uint8Array | undefined): Promise<void> | undefined {
    this.#ended = bytes === undefined
    try {
      const want = this.#step(bytes)
      if (typeof want !== 'string') return want.then(this.#stepped, this.#broke)
      this.#stepped(want)
    } catch (thrown) {
      this.#broke(thrown)
    }
    return undefined
  }

  /** What ended the body is told, rather than what came of it. */
  readonly #broke = (thrown: unknown): void => {
    if (this.#over) return
    this.#over = true
    this.#body.leave()
    this.#reject(this.#fault ? this.#fault.reason : thrown)
  }

  readonly #stepped = (want: Want): void => {
    this.#want = want
    if (this.#ended || want === 'enough') {
      this.#over = true
      if (!this.#ended) this.#timer = setTimeout(() => this.#body.leave(), CLOSE_MS)
      this.#resolve()
    } else if (want === 'mark') this.#timer = setTimeout(this.#silent, MARK_MS)
  }

  readonly #silent = (): void => {
    this.#body.leave()
    this.end()
  }

  /** What comes after enough was read; it was finished, so how its connection ends is of no interest. */
  #surplus(bytes: Uint8Array): undefined {
    this.#reads++
    this.#bytes += bytes.byteLength
    if (this.#reads < CLOSE_READS && this.#bytes < this.#limitBytes) return
    clearTimeout(this.#timer)
    this.#body.leave()
  }
}
