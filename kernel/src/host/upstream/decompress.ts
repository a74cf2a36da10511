import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { CcrError } from '@ccr/sdk'
import type { BodyReader, BodySource } from '@ccr/sdk/kernel'

const RATIO = 100
const RATIO_FLOOR_BYTES = 8 * 1024 * 1024

/** Turns a compressed body into its plain bytes; fails with `CCR_STREAM_LIMIT` for one that swells without measure. */
export type Decompress = (body: BodySource) => BodySource

/**
 * The decompressor for a `content-encoding`; nothing for a plain body. At most one coding is accepted, because a chain
 * multiplies what a small answer can blow up to.
 *
 * @throws CcrError `CCR_STREAM_INVALID` for a chain or an unknown coding
 */
export function decompressorFor(contentEncoding: string | undefined): Decompress | undefined {
  const coding = codingOf(contentEncoding)
  if (coding === '') return undefined
  const create = DECODERS.get(coding)
  if (!create)
    throw new CcrError(
      'CCR_STREAM_INVALID',
      `it used the content encoding '${coding.slice(0, 40)}', which is not supported`,
    )
  return (body) => new Expanded(body, create())
}

/** Whether a body of this `content-encoding` can be read. */
export function isDecodable(contentEncoding: string | undefined): boolean {
  const coding = codingOf(contentEncoding)
  return coding === '' || DECODERS.has(coding)
}

function codingOf(contentEncoding = ''): string {
  const coding = contentEncoding.trim().toLowerCase()
  return coding === 'identity' ? '' : coding
}

// Each read is flushed at once: a compressed stream must not be held back until a block is full.
const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => createGunzip({ flush: constants.Z_SYNC_FLUSH })],
  ['x-gzip', () => createGunzip({ flush: constants.Z_SYNC_FLUSH })],
  ['deflate', () => createInflate({ flush: constants.Z_SYNC_FLUSH })],
  ['br', () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
])

/** The codes of a decoder say nothing to a user, and those of Brotli are no errors of the network to anyone. */
function broken(cause: Error): CcrError {
  return new CcrError('CCR_STREAM_INVALID', 'its compressed answer is broken, or was cut; try again', { cause })
}

/** A compressed body, read through its decoder; each waits for the next when that takes no more. */
class Expanded implements BodySource, BodyReader {
  readonly #body: BodySource
  readonly #decoder: Transform
  #reader: BodyReader | undefined
  #read = 0
  #made = 0
  /** The reader takes no more until then. */
  #wait: Promise<void> | undefined

  constructor(body: BodySource, decoder: Transform) {
    this.#body = body
    this.#decoder = decoder
  }

  readTo(reader: BodyReader): void {
    this.#reader = reader
    this.#decoder
      .on('data', (chunk: Buffer) => this.#plain(chunk))
      .on('end', () => this.#ended())
      .on('error', (cause) => this.fail(broken(cause)))
    this.#body.readTo(this)
  }

  leave(): void {
    this.#reader = undefined
    this.#body.leave()
    this.#decoder.destroy()
  }

  piece(bytes: Uint8Array): Promise<void> | undefined {
    this.#read += bytes.length
    if (this.#decoder.write(bytes)) return undefined
    return new Promise((resolve) => this.#decoder.once('drain', resolve))
  }

  end(): void {
    this.#decoder.end()
  }

  fail(reason: unknown): void {
    this.#body.leave()
    this.#decoder.destroy()
    this.#last((reader) => reader.fail(reason))
  }

  #plain(chunk: Buffer): void {
    this.#made += chunk.length
    if (this.#made > RATIO_FLOOR_BYTES && this.#made > this.#read * RATIO) {
      const fact = `its compressed answer grows more than ${RATIO} times; it was given up`
      return this.fail(new CcrError('CCR_STREAM_LIMIT', fact))
    }
    this.#wait = this.#reader?.piece(chunk)
    if (!this.#wait) return
    this.#decoder.pause()
    void this.#wait.then(() => {
      this.#wait = undefined
      this.#decoder.resume()
    })
  }

  /** Bytes may stand behind the end of the coding: nobody reads them. */
  #ended(): void {
    this.#body.leave()
    this.#last((reader) => reader.end())
  }

  /** The last that a reader hears, when it is done with what it was given. */
  #last(tell: (reader: BodyReader) => void): void {
    const told = (): void => {
      const reader = this.#reader
      this.#reader = undefined
      if (reader) tell(reader)
    }
    if (this.#wait) void this.#wait.then(told)
    else told()
  }
}
