/** Decodes bytes that come in pieces. */
export interface Utf8Decoder {
  push(bytes: Uint8Array): string
  /** What the bytes ended in the middle of, as U+FFFD. */
  end(): string
}

/** Stands before a text that is encoded. */
export const BYTE_ORDER_MARK = 0xfeff

/**
 * A decoder of UTF-8 that takes pieces cut anywhere and leaves out a byte order mark at the beginning, as TextDecoder
 * does. A piece that begins and ends between characters, as the pieces of a stream of events do, is
 * decoded in less than half of the time that TextDecoder takes.
 */
export function createUtf8Decoder(): Utf8Decoder {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let begun = false
  /** The decoder may hold the beginning of a character. */
  let inside = false
  const marked = (text: string): string => {
    if (begun || text === '') return text
    begun = true
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
  }
  return {
    push(bytes) {
      if (bytes.length === 0) return ''
      const ends = bytes[bytes.length - 1]! < 0x80
      const whole = ends && !inside
      inside = !ends
      return marked(whole ? bufferOf(bytes).toString('utf8') : decoder.decode(bytes, { stream: true }))
    },
    end() {
      const rest = inside ? decoder.decode() : ''
      inside = false
      return marked(rest)
    },
  }
}

/** The same memory as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
