import { createSseReader, type CanonicalEvent } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEncoder } from './encoder.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 300)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const encoder = createEncoder()

function frames(text: string): { event: string | undefined; data: unknown }[] {
  const reader = createSseReader()
  return [...reader.push(Buffer.from(text)), ...reader.end()].map(({ event, data }) => ({
    event,
    data: JSON.parse(data) as unknown,
  }))
}

const text = fc.string({ unit: 'binary' })
const index = fc.nat({ max: 50 })
const delta = fc.oneof(
  fc.record({ type: fc.constant('text_delta'), text }),
  fc.record({ type: fc.constant('thinking_delta'), thinking: text }),
  fc.record({ type: fc.constant('thinking_delta'), thinking: text, estimated_tokens: fc.nat() }),
  fc.record({ type: fc.constant('input_json_delta'), partial_json: text }),
  fc.record({ type: fc.constant('signature_delta'), signature: text }),
  fc.record({ type: fc.constant('citations_delta'), citation: fc.record({ cited_text: text }) }),
  fc.record({ type: fc.constant('later_delta'), value: text }),
  fc.record({ type: fc.constant('text_delta') }),
)
const events = fc.oneof(
  fc.record({ type: fc.constant('content_block_delta'), index, delta }),
  fc.record({ type: fc.constant('content_block_delta'), index, delta, note: text }),
  fc.record({
    type: fc.constant('content_block_start'),
    index,
    content_block: fc.record({ type: fc.constant('text'), text }),
  }),
  fc.record({ type: fc.constant('content_block_stop'), index }),
  fc.record({
    type: fc.constant('message_delta'),
    delta: fc.record({ stop_reason: text }),
    usage: fc.record({ output_tokens: index }),
  }),
  fc.constant({ type: 'message_stop' }),
  fc.record({ type: fc.constant('later_event'), value: text }),
) as unknown as fc.Arbitrary<CanonicalEvent>

describe('the stream encoder', LIMITS, () => {
  it('writes any batch as frames that name their type and hold the whole event', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 8 }), (batch) => {
        const written = encoder.events(batch)
        expect(frames(written)).toEqual(batch.map((event) => ({ event: event.type, data: event })))
        expect(written.split('\n\n')).toHaveLength(batch.length + 1)
      }),
      { numRuns: RUNS },
    )
  })

  it('writes a batch as the frames of its events, one after the other', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 5 }), (batch) => {
        expect(encoder.events(batch)).toBe(batch.map((event) => encoder.events([event])).join(''))
      }),
    )
  })

  it.each<[CanonicalEvent, string]>([
    [
      { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'a"\n\u2028😀' } },
      'event: content_block_delta\n' +
        'data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"a\\"\\n\u2028😀"}}\n\n',
    ],
    [
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"a' } },
      'event: content_block_delta\n' +
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a"}}\n\n',
    ],
    [
      { type: 'content_block_delta', index: 1, delta: { type: 'thinking_delta', thinking: 'hm' } },
      'event: content_block_delta\n' +
        'data: {"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"hm"}}\n\n',
    ],
    [{ type: 'message_stop' }, 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ])('writes %j', (event, written) => {
    expect(encoder.events([event])).toBe(written)
  })

  it('cannot be made to write a second frame by the type of an unknown event', () => {
    const event = { type: 'x\ndata: {"type":"message_stop"}\r\n\n' } as unknown as CanonicalEvent
    expect(frames(encoder.events([event]))).toEqual([expect.objectContaining({ data: event })])
  })

  it('pings, and says what failed', () => {
    expect(encoder.contentType).toBe('text/event-stream; charset=utf-8')
    expect(frames(encoder.ping())).toEqual([{ event: 'ping', data: { type: 'ping' } }])
    expect(
      frames(encoder.failure({ status: 529, type: 'overloaded_error', message: 'busy\n\n', retryAfter: '5' })),
    ).toEqual([{ event: 'error', data: { type: 'error', error: { type: 'overloaded_error', message: 'busy\n\n' } } }])
  })
})
