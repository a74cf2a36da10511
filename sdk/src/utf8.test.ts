import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUtf8Decoder } from './utf8.ts'

function decode(pieces: readonly Uint8Array[]): string {
  const decoder = createUtf8Decoder()
  return pieces.map((piece) => decoder.push(piece)).join('') + decoder.end()
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other)
  return [0, ...ends].map((start, at) => bytes.subarray(start, ends[at] ?? bytes.length))
}

describe('bytes in pieces', () => {
  // Bytes of which characters of every length, broken ones and byte order marks are made.
  const byte = fc.constantFrom(0x41, 0x0a, 0x80, 0xbf, 0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0xef, 0xbb, 0xff)
  const made = fc.array(byte, { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes))
  const written = fc.string({ unit: 'binary' }).map((text) => Buffer.from(text))

  it('are the text that TextDecoder makes of them, however they are cut', () => {
    fc.assert(
      fc.property(fc.oneof(made, written), fc.array(fc.nat()), (bytes, places) => {
        expect(decode(cut(bytes, places))).toBe(new TextDecoder().decode(bytes))
      }),
      { numRuns: 3000 },
    )
  })

  it('lose a byte order mark at the beginning only', () => {
    const mark = [0xef, 0xbb, 0xbf]
    expect(decode([Uint8Array.from([...mark, 65]), Uint8Array.from([...mark, 65])])).toBe('A\ufeffA')
    expect(decode([Uint8Array.from(mark.slice(0, 2)), Uint8Array.from([0xbf, 66])])).toBe('B')
  })

  it('that end inside a character end in U+FFFD', () => {
    expect(decode([Uint8Array.from([65, 0xe2, 0x82])])).toBe('A\ufffd')
  })
})
