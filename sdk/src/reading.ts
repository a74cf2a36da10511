import { CcrError } from './errors.ts'

/** How long a finished upstream may take to close before it is closed, and what it may still send. */
const CLOSE_MS = 500
const CLOSE_READS = 16

/**
 * Reads a body to its end; `onRead` hears of every read.
 *
 * @throws CcrError `CCR_STREAM_LIMIT`
 */
export async function readWhole(body: AsyncIterable<Uint8Array>, limitBytes: number, onRead?: () => void) {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    onRead?.()
    size += part.byteLength
    if (size > limitBytes) throw new CcrError('CCR_STREAM_LIMIT', `its answer is larger than ${limitBytes} bytes`)
    parts.push(part)
  }
  const [only] = parts
  return parts.length === 1 ? Buffer.from(only!.buffer, only!.byteOffset, only!.byteLength) : Buffer.concat(parts)
}

/** A finished upstream may close by itself, so that its connection is used again; any other is closed at once. */
export async function closeBody(body: AsyncIterator<Uint8Array>, finished: boolean, limitBytes: number): Promise<void> {
  const leave = (): void => void Promise.resolve(body.return?.()).catch(() => undefined)
  if (!finished) return leave()
  const timer = setTimeout(leave, CLOSE_MS)
  try {
    for (let reads = 0, size = 0; reads < CLOSE_READS && size < limitBytes; reads++) {
      const read = await body.next()
      if (read.done) return
      size += read.value.byteLength
    }
    leave()
  } catch {
    // It was finished; how its connection ends is of no interest.
  } finally {
    clearTimeout(timer)
  }
}
