import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createSseReader, type SseFrame, type SseReader } from './sse.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 500)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const encoder = new TextEncoder()

function readAll(reader: SseReader, reads: readonly Uint8Array[]): readonly SseFrame[] {
  return [...reads.flatMap((bytes) => reader.push(bytes)), ...reader.end()]
}

function parse(text: string): readonly SseFrame[] {
  return readAll(createSseReader(), [encoder.encode(text)])
}

/** Frames up to the first throw, and the code of what was thrown. */
function outcome(reads: readonly Uint8Array[], maxFrame: number): { frames: SseFrame[]; code: unknown } {
  const reader = createSseReader(maxFrame)
  const frames: SseFrame[] = []
  try {
    for (const bytes of reads) frames.push(...reader.push(bytes))
    frames.push(...reader.end())
    return { frames, code: undefined }
  } catch (thrown) {
    return { frames, code: (thrown as { code?: unknown }).code }
  }
}

/** The bytes cut at these places, each taken modulo the length. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...sorted, bytes.length].map((end, index) => bytes.subarray(sorted[index - 1] ?? 0, end))
}

describe('the lines of an event stream', () => {
  const one = [{ event: 'a', data: 'x' }]
  const object = { event: undefined, data: '{"b":1}' }
  it.each<[string, string, readonly SseFrame[]]>([
    ['LF', 'event: a\ndata: x\n\n', one],
    ['CRLF', 'event: a\r\ndata: x\r\n\r\n', one],
    ['CR', 'event: a\rdata: x\r\r', one],
    ['mixed line ends', 'event: a\rdata: x\r\n\n', one],
    ['a byte order mark', '\ufeffevent: a\ndata: x\n\n', one],
    [
      'a byte order mark that is not the first is part of its field',
      'data: x\n\n\ufeffdata: y\n\n',
      [{ event: undefined, data: 'x' }],
    ],
    ['comments', ': hello\nevent: a\n:\ndata: x\n: bye\n\n', one],
    ['no space after the colon', 'event:a\ndata:x\n\n', one],
    ['only one space is taken', 'data:  x\n\n', [{ event: undefined, data: ' x' }]],
    ['data of several lines', 'data: x\ndata:\ndata: y\n\n', [{ event: undefined, data: 'x\n\ny' }]],
    ['a field without a colon', 'data\n\n', [{ event: undefined, data: '' }]],
    ['an event without data is none', 'event: a\n\ndata: x\n\n', [{ event: undefined, data: 'x' }]],
    ['other fields', 'id: 1\nretry: 5\nevent: a\ndatax: 1\ndata: x\n\n', one],
    ['the last event name counts', 'event: b\nevent: a\ndata: x\n\n', one],
    ['blank lines between', '\n\n\nevent: a\ndata: x\n\n\n\n', one],
    ['an object on a line of its own at the end', 'event: a\ndata: x\n\n{"b":1}', [...one, object]],
    ['such a line, and blank ones behind it', 'event: a\ndata: x\n\n{"b":1}\n\n', [...one, object]],
    ['such a line and no event', '{"b":1}', [object]],
    ['the last of such lines', '{"a":1}\n{"b":1}\n', [object]],
    ['none before an event', '{"b":1}\nevent: a\ndata: x\n\n', one],
    ['no line that only holds one', ' {"b":1}\nb: {"b":1}\nevent: a\ndata: x\n\n x{"b":1}', one],
    ['no final blank line', 'event: a\ndata: x\n', one],
    ['no final line end', 'event: a\ndata: x', one],
    ['nothing', '', []],
    ['a colon in the value', 'data: {"a":1}\n\n', [{ event: undefined, data: '{"a":1}' }]],
  ])('%s', (_name, text, frames) => {
    expect(parse(text)).toEqual(frames)
  })
})

describe('bytes that arrive in parts', LIMITS, () => {
  const text = 'event: é\r\ndata: 👩‍👩‍👧 €\rdata: ü\n\n: c\ndata: 漢字\r\n\r\n'
  const bytes = encoder.encode(text)

  it.each([...bytes.keys()])('a cut before byte %i changes nothing', (place) => {
    expect(readAll(createSseReader(), cut(bytes, [place]))).toEqual(parse(text))
  })

  it('single bytes change nothing', () => {
    expect(readAll(createSseReader(), cut(bytes, [...bytes.keys()]))).toEqual(parse(text))
  })

  const pieces = fc.constantFrom(
    'data: ',
    'data:',
    'event: x',
    ': c',
    'data',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\r\r',
    'é',
    '👧',
    '\ufeff',
    'a',
    ' ',
  )
  const streams = fc.array(pieces, { maxLength: 40 }).map((parts) => encoder.encode(parts.join('')))

  it('any cuts of any stream give the events of the whole', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 6 }), (stream, places) => {
        expect(readAll(createSseReader(), cut(stream, places))).toEqual(readAll(createSseReader(), [stream]))
      }),
    )
  })

  it('any two-way cut of any bytes gives the events of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), (stream, place) => {
        expect(readAll(createSseReader(), cut(stream, [place]))).toEqual(readAll(createSseReader(), [stream]))
      }),
    )
  })

  it('any cuts of any stream beyond the limit give the same events before the same error', () => {
    fc.assert(
      fc.property(
        streams,
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.integer({ min: 1, max: 12 }),
        (stream, places, limit) => {
          expect(outcome(cut(stream, places), limit)).toEqual(outcome([stream], limit))
        },
      ),
      { numRuns: RUNS },
    )
  })
})

describe('the limit of one event', () => {
  const limit = { code: 'CCR_STREAM_LIMIT' }

  it('is the longest that is taken', () => {
    expect(outcome([encoder.encode(`data: ${'x'.repeat(10)}\n\n`)], 16).frames).toHaveLength(1)
    expect(outcome([encoder.encode(`data: ${'x'.repeat(11)}\n\n`)], 16)).toMatchObject(limit)
  })

  it('holds for a line that never ends', () => {
    const reader = createSseReader(100)
    reader.push(new Uint8Array(100).fill(97))
    expect(() => reader.push(new Uint8Array(1).fill(97))).toThrow(expect.objectContaining(limit))
  })

  it('holds for data of many lines', () => {
    expect(outcome([encoder.encode(`${'data: 12345\n'.repeat(2)}\n`)], 11).frames).toHaveLength(1)
    expect(outcome([encoder.encode('data: 12345\n'.repeat(10))], 20)).toMatchObject(limit)
  })

  it('lets the events before it pass', () => {
    expect(outcome([encoder.encode(`data: 1\n\ndata: ${'x'.repeat(100)}\n\n`)], 20)).toEqual({
      frames: [{ event: undefined, data: '1' }],
      code: 'CCR_STREAM_LIMIT',
    })
  })
})

describe('the work', { timeout: 30_000 }, () => {
  afterEach(() => void vi.restoreAllMocks())

  /** Characters that searching, slicing and joining touch. */
  function countWork(run: () => void): number {
    let work = 0
    const { indexOf, slice } = String.prototype
    const { join } = Array.prototype
    vi.spyOn(String.prototype, 'indexOf').mockImplementation(function (this: string, part, from = 0) {
      const found = indexOf.call(this, part, from)
      work += (found < 0 ? this.length : found + 1) - from
      return found
    })
    vi.spyOn(String.prototype, 'slice').mockImplementation(function (this: string, from, to) {
      const part = slice.call(this, from, to)
      work += part.length
      return part
    })
    vi.spyOn(Array.prototype, 'join').mockImplementation(function (this: unknown[], separator) {
      const text = join.call(this, separator)
      work += text.length
      return text
    })
    run()
    vi.restoreAllMocks()
    return work
  }

  const read = 64 * 1024
  function feed(bytes: Uint8Array): void {
    const reader = createSseReader()
    for (let from = 0; from < bytes.length; from += read) reader.push(bytes.subarray(from, from + read))
    reader.end()
  }

  it.each<[string, string]>([
    ['a line of 4 MiB', `data: ${'x'.repeat(4 * 1024 * 1024)}\n\n`],
    ['short lines that end in LF', 'data: x\n\n'.repeat(30_000)],
    ['short lines that end in CR', 'data: x\r\r'.repeat(30_000)],
    ['short lines that end in LF, and one CR at the end of each read', `${'a\n'.repeat(read / 2 - 1)}a\r`.repeat(4)],
    ['short lines that end in CR, and one LF at the end of each read', `${'a\r'.repeat(read / 2 - 1)}a\n`.repeat(4)],
  ])('is linear for %s', (_name, text) => {
    const bytes = encoder.encode(text)
    expect(countWork(() => feed(bytes))).toBeLessThan(8 * bytes.length)
  })
})
