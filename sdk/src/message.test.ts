import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalEvent, CanonicalMessage, ContentBlock } from './canonical.ts'
import {
  createAccumulator,
  mergeUsage,
  messageEvents,
  messageOfEvents,
  parseObject,
  weightOfEvents,
} from './message.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 300)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const id = fc.stringMatching(/^[A-Za-z0-9_]{1,12}$/)
/** Objects as JSON knows them: no `-0`, no `undefined`. */
const input = fc
  .dictionary(fc.string(), fc.jsonValue())
  .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>)
const citation = fc.record({ type: fc.constant('web_search_result_location'), url: fc.webUrl() })

const block: fc.Arbitrary<ContentBlock> = fc.oneof(
  fc.record({ type: fc.constant('text'), text: fc.string() }),
  fc.record({
    type: fc.constant('text'),
    text: fc.string(),
    citations: fc.option(fc.array(citation, { maxLength: 3 })),
  }),
  fc.record({ type: fc.constant('thinking'), thinking: fc.string(), signature: fc.string() }),
  fc.record({ type: fc.constant('redacted_thinking'), data: fc.string() }),
  fc.record({ type: fc.constant('tool_use'), id, name: id, input, caller: fc.constant({ type: 'direct' }) }),
  fc.record({ type: fc.constant('server_tool_use'), id, name: id, input }),
  fc.record({ type: fc.constant('mcp_tool_use'), id, name: id, input, server_name: id }),
  fc.record({
    type: fc.constant('web_search_tool_result'),
    tool_use_id: id,
    content: fc.array(input, { maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('some_later_block'), value: input }),
)

const count = fc.nat({ max: 100_000 })
const message: fc.Arbitrary<CanonicalMessage> = fc.record({
  id,
  type: fc.constant('message'),
  role: fc.constant('assistant'),
  model: id,
  content: fc.array(block, { maxLength: 6 }),
  stop_reason: fc.constantFrom('end_turn', 'max_tokens', 'tool_use', 'refusal', 'some_later_reason'),
  stop_sequence: fc.option(fc.string()),
  container: fc.option(fc.record({ id })),
  usage: fc.record({
    input_tokens: count,
    output_tokens: count,
    cache_read_input_tokens: fc.option(count),
    cache_creation: fc.option(fc.record({ ephemeral_5m_input_tokens: count })),
    service_tier: fc.constantFrom('standard', null),
  }),
})

function accumulate(events: readonly CanonicalEvent[]): CanonicalMessage | undefined {
  const accumulator = createAccumulator()
  for (const event of events) accumulator.push(event)
  return accumulator.message()
}

const start: CanonicalEvent = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 0 },
  },
}

/** A tool call whose arguments are these pieces. */
function toolCall(index: number, pieces: readonly string[]): CanonicalEvent[] {
  return [
    {
      type: 'content_block_start',
      index,
      content_block: { type: 'tool_use', id: `toolu_${index}`, name: 'read', input: {} },
    },
    ...pieces.map((partial_json): CanonicalEvent => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index },
  ]
}

describe('messageEvents and createAccumulator', LIMITS, () => {
  it('give any message back', () => {
    fc.assert(
      fc.property(message, (whole) => {
        expect(accumulate(messageEvents(whole))).toEqual(whole)
      }),
      { numRuns: RUNS },
    )
  })

  it('write the events of any message in their order', () => {
    fc.assert(
      fc.property(message, (whole) => {
        const events = messageEvents(whole)
        const blocks = events.slice(1, -2)
        expect([events[0], ...events.slice(-2)].map((event) => event?.type)).toEqual([
          'message_start',
          'message_delta',
          'message_stop',
        ])
        let open = -1
        let next = 0
        for (const event of blocks) {
          const { index } = event as { index: number }
          if (event.type === 'content_block_start') {
            expect([open, index]).toEqual([-1, next++])
            open = index
          } else {
            expect(index).toBe(open)
            if (event.type === 'content_block_stop') open = -1
          }
        }
        expect([open, next]).toEqual([-1, whole.content.length])
      }),
    )
  })

  it('do not change what they are given', () => {
    fc.assert(
      fc.property(message, (whole) => {
        const before = JSON.stringify(whole)
        const events = messageEvents(whole)
        const eventsBefore = JSON.stringify(events)
        accumulate(events)
        expect([JSON.stringify(whole), JSON.stringify(events)]).toEqual([before, eventsBefore])
      }),
    )
  })
})

it('messageEvents says at the start only what a stream knows by then', () => {
  const usage = { input_tokens: 3, output_tokens: 5 }
  const content = [
    { type: 'text', text: 'a', citations: [{ n: 1 }] },
    { type: 'text', text: 'b', citations: null },
    { type: 'thinking', thinking: 'c', signature: 's' },
    { type: 'mcp_tool_use', id: 'i', name: 'f', input: { x: 1 } },
    { type: 'tool_use', id: 'j', name: 'f' },
    { type: 'redacted_thinking', data: 'd' },
  ]
  const message = { id: 'm', type: 'message', role: 'assistant', model: 'x', content, usage }
  const events = messageEvents({ ...message, stop_reason: 'stop_sequence', stop_sequence: 'END' } as never)
  const block = (index: number, content_block: object, ...deltas: readonly object[]): object[] => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
  const unstopped = { content: [], stop_reason: null, stop_sequence: null }
  expect(events).toEqual([
    { type: 'message_start', message: { ...message, ...unstopped, usage: { input_tokens: 3, output_tokens: 0 } } },
    ...block(
      0,
      { type: 'text', text: '', citations: [] },
      { type: 'citations_delta', citation: { n: 1 } },
      { type: 'text_delta', text: 'a' },
    ),
    ...block(1, { type: 'text', text: '', citations: null }, { type: 'text_delta', text: 'b' }),
    ...block(
      2,
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'thinking_delta', thinking: 'c' },
      { type: 'signature_delta', signature: 's' },
    ),
    ...block(
      3,
      { type: 'mcp_tool_use', id: 'i', name: 'f', input: {} },
      { type: 'input_json_delta', partial_json: '{"x":1}' },
    ),
    ...block(4, { type: 'tool_use', id: 'j', name: 'f', input: {} }, { type: 'input_json_delta', partial_json: '{}' }),
    ...block(5, { type: 'redacted_thinking', data: 'd' }),
    { type: 'message_delta', delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' }, usage },
    { type: 'message_stop' },
  ])
})

describe('createAccumulator', () => {
  it('has no message before message_start', () => {
    expect(accumulate([{ type: 'ping' }])).toBeUndefined()
  })

  it('joins the pieces of a tool call', () => {
    expect(accumulate([start, ...toolCall(0, ['', '{"a"', ':[1]}'])])?.content).toEqual([
      { type: 'tool_use', id: 'toolu_0', name: 'read', input: { a: [1] } },
    ])
  })

  it('takes a tool call without arguments as one without input', () => {
    expect(accumulate([start, ...toolCall(0, [])])?.content).toEqual([
      { type: 'tool_use', id: 'toolu_0', name: 'read', input: {} },
    ])
  })

  it.each([
    ['cut off', ['{"a":"b']],
    ['no object', ['[1]']],
    ['no JSON', ['oops']],
  ])('leaves out a tool call that is %s', (_name, pieces) => {
    const events = [start, ...toolCall(0, pieces), ...toolCall(1, ['{}'])]
    expect(accumulate(events)?.content).toEqual([{ type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }])
  })

  it('keeps what only the end of a stream says', () => {
    const whole = accumulate([
      start,
      {
        type: 'message_delta',
        delta: { stop_reason: 'refusal', stop_sequence: 'END', stop_details: { category: 'cyber' } },
        usage: { output_tokens: 7 },
        context_management: { applied_edits: [] },
      } as CanonicalEvent,
      {
        type: 'message_delta',
        delta: { stop_reason: null, stop_details: null } as never,
        usage: { input_tokens: null, output_tokens: 9 },
      },
    ])
    expect(whole).toMatchObject({
      stop_reason: 'refusal',
      stop_sequence: 'END',
      stop_details: { category: 'cyber' },
      context_management: { applied_edits: [] },
      usage: { input_tokens: 3, output_tokens: 9 },
    })
    expect(whole).not.toHaveProperty('delta')
  })

  it('ignores deltas of blocks that are not there, and events it does not know', () => {
    const events = [
      start,
      { type: 'content_block_delta', index: 4, delta: { type: 'text_delta', text: 'x' } },
      { type: 'content_block_delta', index: 4, delta: { type: 'signature_delta', signature: 's' } },
      { type: 'content_block_stop', index: 4 },
      { type: 'later' },
    ]
    expect(accumulate(events as CanonicalEvent[])?.content).toEqual([])
  })
})

describe('mergeUsage', () => {
  it('lets later values win, but not absent ones', () => {
    const known = { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: null }
    expect(mergeUsage(known, { output_tokens: 0, input_tokens: null, cache_creation_input_tokens: undefined })).toEqual(
      {
        input_tokens: 1,
        output_tokens: 0,
        cache_read_input_tokens: null,
      },
    )
    expect(mergeUsage(known, undefined)).toBe(known)
    expect(mergeUsage(known, null)).toBe(known)
  })
})

describe('weightOfEvents', () => {
  const deltas = (['text', 'thinking', 'partial_json'] as const).map((field) => {
    const type = field === 'partial_json' ? 'input_json_delta' : `${field}_delta`
    return (text: string) =>
      ({ type: 'content_block_delta', index: 0, delta: { type, [field]: text } }) as unknown as CanonicalEvent
  })

  it.each(deltas)('counts what each event takes, however little is in it', (delta) => {
    expect(weightOfEvents([delta(''), { type: 'content_block_stop', index: 0 }])).toBeGreaterThan(100)
    expect(weightOfEvents([delta('abc')]) - weightOfEvents([delta('')])).toBe(3)
  })

  it('counts of any event but a delta about its length as JSON', () => {
    fc.assert(
      fc.property(block, (content_block) => {
        const event: CanonicalEvent = { type: 'content_block_start', index: 0, content_block }
        const { length } = JSON.stringify(event)
        // Escapes make the JSON up to six times as long as what is held.
        expect(weightOfEvents([event])).toBeGreaterThan(length / 6)
        expect(weightOfEvents([event])).toBeLessThan(length * 3 + 64)
      }),
    )
  })
})

describe('parseObject', () => {
  it.each(['', '[]', 'null', '1', '"a"', '{', '{"a":1}x'])('takes %j for no object', (text) => {
    expect(parseObject(text)).toBeUndefined()
  })

  it('takes nothing that is deeper than a request may be', () => {
    expect(parseObject(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)).toBeUndefined()
  })

  it('reads an object', () => {
    expect(parseObject(' {"a":{}} ')).toEqual({ a: {} })
  })
})

describe('pieces that upstreams leave out', () => {
  const answer = (block: object, delta: object): CanonicalEvent[] =>
    [
      { type: 'message_start', message: { id: 'm', type: 'message', role: 'assistant', model: 'x', content: [] } },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
    ] as never

  it.each([
    ['text', { type: 'text', text: '' }, { type: 'text_delta', text: null }, { type: 'text', text: '' }],
    ['beginnings of text', { type: 'text' }, { type: 'text_delta', text: 'a' }, { type: 'text', text: 'a' }],
    [
      'beginnings of thinking',
      { type: 'thinking' },
      { type: 'thinking_delta', thinking: 'a' },
      { type: 'thinking', thinking: 'a' },
    ],
    [
      'arguments',
      { type: 'tool_use', id: 'a', name: 'b', input: {} },
      { type: 'input_json_delta', partial_json: null },
      { type: 'tool_use', id: 'a', name: 'b', input: {} },
    ],
  ])('are empty %s', (_, block, delta, whole) => {
    expect(messageOfEvents(answer(block, delta)).content).toEqual([whole])
  })

  it('a block may begin with a part of its text', () => {
    const text = answer({ type: 'text', text: 'a' }, { type: 'text_delta', text: 'b' })
    expect(messageOfEvents(text).content).toEqual([{ type: 'text', text: 'ab' }])
    const thinking = answer({ type: 'thinking', thinking: 'a' }, { type: 'thinking_delta', thinking: 'b' })
    expect(messageOfEvents(thinking)).toMatchObject({ content: [{ type: 'thinking', thinking: 'ab' }], usage: {} })
  })

  it('a stream without a beginning is no message', () => {
    expect(() => messageOfEvents([{ type: 'message_stop' }])).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_ENDED' }),
    )
  })

  it('the parts of an accumulator work by themselves', () => {
    const { push, message } = createAccumulator()
    for (const event of answer({ type: 'text', text: '' }, { type: 'text_delta', text: 'a' })) push(event)
    expect(message()?.content).toEqual([{ type: 'text', text: 'a' }])
  })
})
