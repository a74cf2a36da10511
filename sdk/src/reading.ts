import { CcrError } from './errors.ts'

/** How long a finished upstream may take to close before it is closed, and what it may still send. */
const CLOSE_MS = 500
const CLOSE_READS = 16

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
export function readBody(body: BodySource, limitBytes: number, step: Step): Promise<void> {
  return new Promise((resolve, reject) => body.readTo(new Reading(body, limitBytes, step, { resolve, reject })))
}

/**
 * Reads a body to its end; `onRead` hears of every read.
 *
 * @throws CcrError `CCR_STREAM_LIMIT`
 */
export async function readWhole(body: BodySource, limitBytes: number, onRead?: () => void): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  await readBody(body, limitBytes, (part) => {
    if (!part) return true
    onRead?.()
    size += part.byteLength
    if (size > limitBytes) throw new CcrError('CCR_STREAM_LIMIT', `its answer is larger than ${limitBytes} bytes`)
    parts.push(part)
    return false
  })
  const [only] = parts
  return parts.length === 1 ? Buffer.from(only!.buffer, only!.byteOffset, only!.byteLength) : Buffer.concat(parts)
}

class Reading implements BodyReader {
  readonly #body: BodySource
  readonly #limitBytes: number
  readonly #step: Step
  readonly #done: { resolve(): void; reject(reason: unknown): void }
  #over = false
  #reads = 0
  #bytes = 0
  #closing: NodeJS.Timeout | undefined

  constructor(
    body: BodySource,
    limitBytes: number,
    step: Step,
    done: { resolve(): void; reject(reason: unknown): void },
  ) {
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
