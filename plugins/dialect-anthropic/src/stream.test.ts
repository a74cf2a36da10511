import type { CanonicalEvent } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newId } from '../test/recordings.ts'
import { createDecoder, type WireEvent } from './decoder.ts'
import { createReader } from './reader.ts'

const start =
  '{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"x","content":[],' +
  '"usage":{"input_tokens":1,"output_tokens":0}}}'
const stream = [
  `event: message_start\ndata: ${start}`,
  'event: ping\ndata: {"type": "ping"}',
  ': comment',
  'data:{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,\n' +
    'data: "delta":{"type":"text_delta","text":"é 👧 漢"}}',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0   }',
  'event: later_event\ndata: {"type":"later_event","value":[1]}',
  'event: message_delta\n' +
    'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}',
  'event: message_stop\ndata: {"type":"message_stop"}',
  'data: [DONE]',
]
  .map((frame) => `${frame}\n\n`)
  .join('')

type Outcome = { events: unknown[]; code: unknown }

function decode(reads: readonly Uint8Array[]): Outcome {
  const reader = createReader()
  const decoder = createDecoder(newId)
  const events: CanonicalEvent[] = []
  const take = (event: WireEvent): void => void decoder.chunk(event, (one) => events.push(one))
  try {
    for (const bytes of reads) reader.push(bytes, take)
    reader.end(take)
    void decoder.flush?.(() => undefined)
    return { events, code: undefined }
  } catch (thrown) {
    return { events, code: (thrown as { code?: unknown }).code }
  }
}

const whole = (text: string): Outcome => decode([Buffer.from(text)])
const types = ({ events }: Outcome): unknown[] => events.map((event) => (event as CanonicalEvent).type)
const ordinary = [
  'message_start',
  'ping',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'later_event',
  'message_delta',
  'message_stop',
]

describe('the events of a stream', { timeout: 30_000 }, () => {
  it('pass as they are, unknown ones too', () => {
    const outcome = whole(stream)
    expect(outcome.code).toBeUndefined()
    expect(types(outcome)).toEqual(ordinary)
    expect(outcome.events[3]).toEqual({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'é 👧 漢' },
    })
  })

  const bytes = Buffer.from(stream)
  it('are the same for every cut in two, and for single bytes', () => {
    const expected = decode([bytes])
    for (let at = 0; at <= bytes.length; at++)
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
    expect(decode([...bytes].map((_byte, at) => bytes.subarray(at, at + 1)))).toEqual(expected)
  })

  it('are the same for any cuts and any kind of line end, also before an error', () => {
    const faults = fc.constantFrom(
      '',
      'data: {oops\n\n',
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"x"}}\n\n',
      'data: 5\n\n',
    )
    const ends = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(faults, fc.nat(), ends, fc.array(fc.nat(), { maxLength: 6 }), (fault, place, end, cuts) => {
        const frames = stream.split(/(?<=\n\n)/)
        frames.splice(place % (frames.length + 1), 0, fault)
        const text = frames.join('')
        const cut = Buffer.from(text.replaceAll('\n', end))
        const places = [...new Set(cuts.map((one) => one % (cut.length + 1)))].sort((a, b) => a - b)
        const reads = [...places, cut.length].map((to, index) => cut.subarray(places[index - 1] ?? 0, to))
        expect(decode(reads)).toEqual(whole(text))
      }),
    )
  })

  it('need no final blank line', () => {
    expect(types(whole(stream.slice(0, stream.indexOf('\n\ndata: [DONE]'))))).toEqual(ordinary)
  })

  it('that end before message_stop are reported, for every prefix', () => {
    const end =
      stream.indexOf('event: message_stop\ndata: {"type":"message_stop"}') +
      'event: message_stop\ndata: {"type":"message_stop"}'.length
    for (let at = 0; at < Buffer.byteLength(stream.slice(0, end)); at++) {
      const outcome = decode([bytes.subarray(0, at)])
      expect(outcome.code).toBe('CCR_STREAM_ENDED')
      expect(types(outcome)).not.toContain('message_stop')
    }
  })

  it('that are no JSON objects are refused, quoting little', () => {
    const broken = `data: {"text":"${'secret '.repeat(100)}`
    expect(whole(`${broken}\n\n`).code).toBe('CCR_STREAM_INVALID')
    expect(() => createReader().push(Buffer.from(`${broken}\n\n`), () => undefined)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{0,180}$/) }),
    )
    for (const data of ['[]', 'null', '"x"', 'x']) expect(whole(`data: ${data}\n\n`).code).toBe('CCR_STREAM_INVALID')
  })

  it('without data are none', () => {
    expect(types(whole(`event: ping\ndata:\n\n${stream}`))).toEqual(ordinary)
  })
})

describe('the decoder', () => {
  it('drops a second message_start, and all that follows message_stop', () => {
    const frame = `data: ${start}\n\n`
    expect(types(whole(`${frame}${stream}data: {"type":"error","error":{}}\n\ndata: {"x":1}\n\n`))).toEqual(ordinary)
  })

  it.each([
    [
      '{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
      { type: 'overloaded_error', message: 'busy' },
    ],
    ['{"type":"error","error":{"type":"odd","message":"busy"}}', { message: 'busy' }],
    ['{"error":{"message":"busy","code":500}}', { message: 'busy' }],
    ['{"type":"error"}', {}],
  ])('throws what %s says', (data, cause) => {
    const decoder = createDecoder(newId)
    const event = JSON.parse(data) as WireEvent
    expect(() => void decoder.chunk(event, () => undefined)).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_ERROR', cause }),
    )
  })

  it('quotes at most 500 characters of an error', () => {
    const event = { type: 'error', error: { type: 'api_error', message: 'x'.repeat(10_000) } } as const
    expect(() => void createDecoder(newId).chunk(event, () => undefined)).toThrow(/^.{1,560}$/)
  })

  it('refuses events without a type, and a message_start without a message', () => {
    for (const event of [
      {},
      { type: 5 },
      { type: null },
      { type: 'message_start' },
      { type: 'message_start', message: null },
    ]) {
      expect(() => void createDecoder(newId).chunk(event as WireEvent, () => undefined)).toThrow(
        expect.objectContaining({ code: 'CCR_STREAM_INVALID' }),
      )
    }
  })

  it('gives thinking that nobody signs an empty signature', () => {
    const events: CanonicalEvent[] = []
    const event = { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } } as const
    void createDecoder(newId).chunk(event as unknown as WireEvent, (one) => events.push(one))
    expect(events).toEqual([{ ...event, content_block: { type: 'thinking', thinking: '', signature: '' } }])
    const signed = { ...event, content_block: { ...event.content_block, signature: 'theirs' } } as const
    void createDecoder(newId).chunk(signed, (one) => events.push(one))
    expect(events.at(-1)).toEqual(signed)
  })

  it.each([
    [{ content: null }, { content: [], usage: { input_tokens: 0, output_tokens: 0 } }],
    [{ content: [] }, { content: [], usage: { input_tokens: 0, output_tokens: 0 } }],
    [{ usage: { input_tokens: 3 } }, { content: [], usage: { input_tokens: 3 } }],
  ])('fills in the usage and content that compatible servers leave out: %j', (given, filled) => {
    const events: CanonicalEvent[] = []
    const event = { type: 'message_start', message: { id: 'm', ...given } } as unknown as WireEvent
    void createDecoder(newId).chunk(event, (one) => events.push(one))
    expect(events).toEqual([{ type: 'message_start', message: { id: 'm', ...filled } }])
  })
})
