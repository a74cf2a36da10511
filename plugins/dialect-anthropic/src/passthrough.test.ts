import type { CanonicalEvent } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPassthrough } from './passthrough.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const NONE: ReadonlySet<CanonicalEvent['type']> = new Set()
const start = '{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1}}}'
const frames = [
  `event: message_start\ndata: ${start}`,
  'event: ping\ndata: {"type": "ping"}',
  ': comment',
  'event: content_block_start\n' +
    'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","input":{}}}',
  'event: content_block_delta\n' +
    'data: {"type":"content_block_delta","index":0,"delta":' +
    '{"type":"input_json_delta","partial_json":"é \\"index\\":7 👧"}}',
  'event:content_block_delta\n' +
    'data:{"delta":{"text":"odd order","type":"text_delta"},"index":0,"type":"content_block_delta"}',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0   }  ',
  'event: later_event\ndata: {"type":"later_event","value":1}',
  'event: message_delta\ndata: {"type":"message_delta",\n' +
    'data: "delta":{"stop_reason":"ü"},"usage":{"output_tokens":4}}',
  'event: message_stop\ndata: {"type":"message_stop"}',
].map((frame) => `${frame}\n\n`)
const stream = frames.join('')

const skeletons = [
  JSON.parse(start) as unknown,
  { type: 'ping' },
  { type: 'content_block_start', index: 0, content_block: { type: 'tool_use' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'odd order' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'later_event' },
  { type: 'message_delta', delta: { stop_reason: 'ü' }, usage: { output_tokens: 4 } },
  { type: 'message_stop' },
]

function pass(
  reads: readonly Uint8Array[],
  full = NONE,
  maxFrame?: number,
): { bytes: string; events: unknown[]; code: unknown } {
  const reader = createPassthrough(full, maxFrame, (prefix) => `${prefix}new`)
  const bytes: Uint8Array[] = []
  const events: unknown[] = []
  let code: unknown
  try {
    for (const read of [...reads, undefined]) {
      const part = read ? reader.push(read) : reader.end()
      bytes.push(part.bytes)
      events.push(...part.events)
    }
  } catch (thrown) {
    code = (thrown as { code?: unknown }).code
  }
  return { bytes: Buffer.concat(bytes).toString('latin1'), events, code }
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...places, bytes.length].map((to, index) => bytes.subarray(places[index - 1] ?? 0, to))
}

describe('a passed-through stream', { timeout: 30_000 }, () => {
  it('keeps its bytes, and tells the skeleton of each event', () => {
    expect(pass([Buffer.from(stream)])).toEqual({ bytes: latin1(stream), events: skeletons, code: undefined })
  })

  it('tells events whole that somebody observes', () => {
    const { events } = pass([Buffer.from(stream)], new Set(['content_block_delta', 'content_block_start']))
    expect(events[2]).toEqual({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'tool_use', id: 't', input: {} },
    })
    expect(events[3]).toEqual({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json: 'é "index":7 👧' },
    })
  })

  it.each([
    ['', true],
    ['\n', true],
    ['\n\n', true],
    [`\n\n${frames[1]}`, false],
  ])('tells an error that stands on a line of its own at its end, before %j', (rest, told) => {
    const error = { error: { type: 'overloaded_error', message: 'ü' } }
    for (const type of [{}, { type: 'error' }]) {
      const bytes = Buffer.from(`${frames[0]}${JSON.stringify({ ...type, ...error })}${rest}`)
      const { events } = pass([bytes])
      expect(events[1]).toEqual(told ? { type: 'error', ...error } : { type: 'ping' })
      expect(pass(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).events).toEqual(events)
    }
  })

  it.each(['{"type":"message_stop"}', '{"error":null}', '{"error":', 'x{"error":{}}'])(
    'tells nothing else that stands so: %s',
    (line) => expect(pass([Buffer.from(`${frames[0]}${line}`)])).toEqual(pass([Buffer.from(frames[0]!)])),
  )

  it('always tells errors whole', () => {
    const error = { type: 'error', error: { type: 'api_error', message: 'é' } }
    expect(pass([Buffer.from(`event: error\ndata: ${JSON.stringify(error)}\n\n`)]).events).toEqual([error])
    expect(pass([Buffer.from('event: error\ndata: {"error":{"message":"x"}}\n\n')]).events).toEqual([
      { type: 'error', error: { message: 'x' } },
    ])
  })

  it('is handed on without a copy where a read holds whole events', () => {
    const read = Buffer.from(frames.slice(0, 4).join(''))
    const { bytes } = createPassthrough(NONE).push(read)
    expect([bytes.buffer, bytes.byteOffset, bytes.length]).toEqual([read.buffer, read.byteOffset, read.length])
  })

  it('holds an event until it is complete, and keeps no read of its source', () => {
    const reader = createPassthrough(NONE)
    const read = Buffer.from(frames[0]! + frames[1]!.slice(0, 9))
    expect(Buffer.from(reader.push(read).bytes).toString()).toBe(frames[0])
    read.fill(0)
    expect(reader.push(Buffer.from(frames[1]!.slice(9, 12)))).toMatchObject({ bytes: { length: 0 }, events: [] })
    const rest = reader.push(Buffer.from(frames[1]!.slice(12)))
    expect(Buffer.from(rest.bytes).toString()).toBe(frames[1])
    expect(rest.events).toEqual([{ type: 'ping' }])
  })

  it('never hands on an event before its final blank line', () => {
    const { bytes, events } = createPassthrough(NONE).push(Buffer.from(stream.slice(0, -1)))
    expect(Buffer.from(bytes).toString()).toBe(frames.slice(0, -1).join(''))
    expect(events).toEqual(skeletons.slice(0, -1))
  })

  it.each(['\n', '\r\n', '\r'])('is the same for every cut with line ends %j', (end) => {
    const bytes = Buffer.from(stream.replaceAll('\n', end))
    const expected = { bytes: bytes.toString('latin1'), events: skeletons, code: undefined }
    for (let at = 0; at <= bytes.length; at++)
      expect(pass([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
    expect(pass([...bytes].map((_byte, at) => bytes.subarray(at, at + 1)))).toEqual(expected)
  })

  it('may begin with a byte order mark', () => {
    const bytes = Buffer.from(`\ufeffevent: ping\ndata: {"type":"ping"}\n\n${stream}`)
    for (let at = 0; at < 9; at++) {
      expect(pass([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({
        bytes: bytes.toString('latin1'),
        events: [{ type: 'ping' }, ...skeletons],
        code: undefined,
      })
    }
  })

  it.each([
    ['an empty event', '\n\n\n'],
    ['an event without data', 'event: ping\n\n'],
    ['empty data', 'data:\n\n'],
    ['a final marker', 'data: [DONE]\n\n'],
    ['other fields', 'id: 1\nretry: 2\n\n'],
  ])('hands on %s, which is no event', (_name, text) => {
    expect(pass([Buffer.from(text)])).toEqual({ bytes: text, events: [], code: undefined })
  })

  it.each([
    ['no JSON', 'data: {oops}\n\n'],
    ['a cut object', 'data: {"type":"content_block_stop","index":0\n\n'],
    ['a type that its event line contradicts', 'event: ping\ndata: {"type":"message_stop"}\n\n'],
    ['no type', 'data: {"a":1}\n\n'],
    ['no object', 'event: ping\ndata: 5\n\n'],
    ['an index that is no number', 'data: {"type":"content_block_stop","index":0x1}\n\n'],
  ])('is refused for %s, after the events before it', (_name, text) => {
    expect(pass([Buffer.from(frames[0]! + text + frames[1]!)])).toEqual({
      bytes: latin1(frames[0]!),
      events: [skeletons[0]],
      code: 'CCR_STREAM_INVALID',
    })
  })

  it('takes no event beyond the limit, and throws again when called again', () => {
    const reader = createPassthrough(NONE, 64)
    reader.push(Buffer.alloc(64, 97))
    for (const call of [
      () => reader.push(Buffer.from('a')),
      () => reader.push(Buffer.from('\n\n')),
      () => reader.end(),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
    }
  })

  it('costs a long event one copy of its bytes when held, and one when complete', () => {
    const size = 4 * 1024 * 1024
    const text = `event: later\ndata: {"type":"later","value":"${'x'.repeat(size)}"}\n\n`
    const bytes = Buffer.from(text)
    let copied = 0
    const { concat } = Buffer
    Buffer.concat = (list, ...rest) => {
      const joined = concat(list, ...rest)
      copied += joined.length
      return joined
    }
    try {
      const reads = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) =>
        bytes.subarray(at * 65_536, (at + 1) * 65_536),
      )
      const reader = createPassthrough(NONE)
      const parts = reads.map((read) => reader.push(read))
      expect(parts.filter((part) => part.bytes.length > 0)).toHaveLength(1)
      expect(parts.at(-1)?.events).toEqual([{ type: 'later' }])
    } finally {
      Buffer.concat = concat
    }
    expect(copied).toBe(bytes.length)
  })
})

const token = fc.constantFrom(
  ...frames,
  'data: ',
  'data:',
  'event: ping',
  ':',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\r\r',
  '{"type":"ping"}',
  '{',
  'é',
  '\ufeff',
  '[DONE]',
  'x',
)
const streams = fc.array(token, { maxLength: 14 }).map((tokens) => Buffer.from(tokens.join('')))
const cuts = fc.array(fc.nat(), { maxLength: 8 })

/** Whether a part does not come twice: the start of a call that gets another id is told whole, but only once. */
const once = (bytes: Buffer, part: string): boolean => bytes.toString('latin1').split(part).length <= 2

describe('any stream', LIMITS, () => {
  it('can be cut where its events end', () => {
    fc.assert(
      fc.property(streams, cuts, (bytes, places) => {
        fc.pre(once(bytes, '"id":"t"'))
        const reader = createPassthrough(NONE)
        const all: unknown[] = []
        let before = ''
        for (const read of cut(bytes, places)) {
          const part = (() => {
            try {
              return reader.push(read)
            } catch {
              return undefined
            }
          })()
          if (!part) return
          expect(part.ends).toHaveLength(part.events.length)
          part.ends.forEach((end, index) => {
            all.push(part.events[index])
            const until = before + Buffer.from(part.bytes.subarray(0, end)).toString('latin1')
            expect(pass([Buffer.from(until, 'latin1')])).toEqual({ bytes: until, events: all, code: undefined })
          })
          before += Buffer.from(part.bytes).toString('latin1')
        }
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    )
  })

  it('gives the same bytes, events and error for any cuts', () => {
    fc.assert(
      fc.property(streams, cuts, (bytes, places) => {
        expect(pass(cut(bytes, places))).toEqual(pass([bytes]))
      }),
      { numRuns: RUNS },
    )
  })

  it('gives the same for any cuts at any limit', () => {
    fc.assert(
      fc.property(streams, cuts, fc.integer({ min: 1, max: 90 }), (bytes, places, limit) => {
        expect(pass(cut(bytes, places), NONE, limit)).toEqual(pass([bytes], NONE, limit))
      }),
      { numRuns: RUNS },
    )
  })

  it('is mended once, and ends between events', () => {
    fc.assert(
      fc.property(streams, cuts, (bytes, places) => {
        fc.pre(once(bytes, '"id":"t"'))
        const passed = pass(cut(bytes, places))
        expect(pass([Buffer.from(passed.bytes, 'latin1')])).toMatchObject({
          bytes: passed.bytes,
          events: passed.events,
        })
        expect(passed.bytes).toMatch(/^$|^\u00ef\u00bb\u00bf[\r\n]*$|^[\r\n]+$|(\r\n|\r|\n)(\r\n|\r|\n)$/)
      }),
    )
  })

  it('whose events lack nothing is handed on from its first byte', () => {
    const lines = fc.constantFrom(...frames, '\n', '\r', '\r\n', '\n\n', '\r\r', ': x\n', 'id: 1\r')
    const usual = fc.array(lines, { maxLength: 14 }).map((tokens) => Buffer.from(tokens.join('')))
    fc.assert(
      fc.property(usual, cuts, (bytes, places) => {
        // A second start is left out, and a second call has the id of the first.
        fc.pre(once(bytes, '"message_start"') && once(bytes, '"id":"t"'))
        const passed = pass(cut(bytes, places))
        expect(bytes.toString('latin1').startsWith(passed.bytes)).toBe(true)
      }),
    )
  })
})
