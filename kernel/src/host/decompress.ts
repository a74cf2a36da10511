import { pipeline, Readable, type Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { CcrError } from '@ccr/sdk'

const RATIO = 100
const RATIO_FLOOR_BYTES = 8 * 1024 * 1024

/** Turns a compressed body into its plain bytes; throws `CCR_STREAM_LIMIT` for one that swells without measure. */
export type Decompress = (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/**
 * The decompressor for a `content-encoding`; nothing for a plain body. At most one coding is accepted, because a chain
 * multiplies what a small answer can blow up to.
 *
 * @throws CcrError `CCR_STREAM_INVALID` for a chain or an unknown coding
 */
export function decompressorFor(contentEncoding: string | undefined): Decompress | undefined {
  if (contentEncoding === undefined) return undefined
  const coding = contentEncoding.trim().toLowerCase()
  if (coding === '' || coding === 'identity') return undefined
  const create = DECODERS[coding]
  if (!create)
    throw new CcrError(
      'CCR_STREAM_INVALID',
      `it used the content encoding '${coding.slice(0, 40)}', which is not supported`,
    )
  return (body) => expand(body, create())
}

// Each read is flushed at once: a compressed stream must not be held back until a block is full.
const DECODERS: Readonly<Record<string, (() => Transform) | undefined>> = {
  gzip: () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
}

async function* expand(body: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array> {
  let read = 0
  let made = 0
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of body) {
        read += chunk.length
        yield chunk
      }
    })(),
  )
  // The loop below reports the error; the callback only keeps it from being thrown a second time.
  pipeline(counted, decoder, () => undefined)
  for await (const chunk of decoder as AsyncIterable<Buffer>) {
    made += chunk.length
    if (made > RATIO_FLOOR_BYTES && made > read * RATIO) {
      throw new CcrError('CCR_STREAM_LIMIT', `its compressed answer grows more than ${RATIO} times; it was given up`)
    }
    yield chunk
  }
}
