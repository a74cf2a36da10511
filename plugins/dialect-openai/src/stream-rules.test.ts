import { estimateInput, isEstimated, type CanonicalEvent, type UpstreamError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { calls, counts, part, text, thought, tool } from '../test/deltas.ts'
import {
  answer,
  byRule,
  chunk,
  decode,
  DONE,
  fakeAttempt,
  faultsOf,
  messageOf,
  readStream,
  run,
  target,
} from '../test/harness.ts'
import { sign } from './reasoning.ts'
import type { ChatEvent } from './wire.ts'

interface Row {
  readonly rule: string
  readonly deltas: readonly object[]
  readonly finish?: string
  readonly content: readonly object[]
  readonly stop?: string
}

const STREAMS: readonly Row[] = [
  {
    rule: 'rule 85: text, tool, text',
    deltas: [{ content: 'a' }, calls(part(0, { name: 'f', arguments: '{}' }, 'a')), { content: 'b' }],
    content: [text('a'), tool('a', 'f'), text('b')],
  },
  {
    rule: 'rule 86: thinking, text, thinking, text',
    deltas: [{ reasoning_content: 'a' }, { content: 'b' }, { reasoning_content: 'c' }, { content: 'd' }],
    content: [thought('a'), text('b'), thought('c'), text('d')],
  },
  {
    rule: 'rule 87: text, thinking',
    deltas: [{ content: 'a' }, { reasoning_content: 'b' }],
    content: [text('a'), thought('b')],
  },
  {
    rule: 'rule 88: thinking with a signature of this router',
    deltas: [{ thinking: { content: 'a', signature: sign('x', 'reasoning') } }, { content: 'b' }],
    content: [{ type: 'thinking', thinking: 'a', signature: sign('x', 'reasoning') }, text('b')],
  },
  {
    rule: 'rule 91: one index, two ids',
    deltas: [
      calls(part(0, { name: 'f', arguments: '{"a":1}' }, 'a')),
      calls(part(0, { name: 'g', arguments: '{"b":2}' }, 'b')),
    ],
    content: [tool('a', 'f', { a: 1 }), tool('b', 'g', { b: 2 })],
  },
  {
    rule: 'rule 91: one index, one id, the same arguments again at the end, as of vLLM',
    deltas: [
      calls(part(0, { name: 'f', arguments: '' }, 'a')),
      calls(part(0, { arguments: '{"a":1}' })),
      calls(part(0, { arguments: '{"a": 1}' })),
    ],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: 'rule 91: one index, no ids, two complete calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{"a":1}' })), calls(part(0, { name: 'f', arguments: '{"b":2}' }))],
    content: [tool('toolu_2', 'f', { a: 1 }), tool('toolu_3', 'f', { b: 2 })],
  },
  {
    rule: 'rule 92: no index, two calls in one delta',
    deltas: [
      calls(part(undefined, { name: 'f', arguments: '{}' }, 'a'), part(undefined, { name: 'g', arguments: '{}' }, 'b')),
    ],
    content: [tool('a', 'f'), tool('b', 'g')],
  },
  {
    rule: 'rule 92: no index, no ids, two calls in one delta',
    deltas: [calls(part(undefined, { name: 'f', arguments: '' }), part(undefined, { name: 'g', arguments: '{}' }))],
    content: [tool('toolu_2', 'f'), tool('toolu_3', 'g')],
  },
  {
    rule: 'rule 92: no index, arguments follow',
    deltas: [
      calls(part(undefined, { name: 'f', arguments: '{"a' }, 'a')),
      calls(part(undefined, { arguments: '":1}' })),
    ],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: 'rule 93: interleaved arguments, with text between',
    deltas: [
      calls(part(0, { name: 'f', arguments: '{"a"' }, 'a'), part(1, { name: 'g', arguments: '{"b"' }, 'b')),
      { content: 'x' },
      calls(part(1, { arguments: ':2}' }), part(0, { arguments: ':1}' })),
    ],
    content: [tool('a', 'f', { a: 1 }), tool('b', 'g', { b: 2 }), text('x')],
  },
  {
    rule: 'rule 94: the name comes after the id, in pieces, before arguments',
    deltas: [
      calls(part(0, {}, 'a')),
      calls(part(0, { name: 'get_' })),
      calls(part(0, { name: 'time' })),
      calls(part(0, { arguments: '{}' })),
    ],
    content: [tool('a', 'get_time')],
  },
  {
    rule: 'rule 94: arguments come before the name',
    deltas: [calls(part(0, { arguments: '{"a":' }, 'a')), calls(part(0, { name: 'f', arguments: '1}' }))],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: 'rule 94: a name repeated in every fragment',
    deltas: [
      calls(part(0, { name: 'f', arguments: '' }, 'a')),
      calls(part(0, { name: 'f', arguments: '{"a"' }, 'a')),
      calls(part(0, { name: 'f', arguments: ':1}' }, 'a')),
    ],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: 'rule 95: arguments as an object',
    deltas: [calls(part(0, { name: 'f', arguments: { a: [1] } }, 'a'))],
    content: [tool('a', 'f', { a: [1] })],
  },
  {
    rule: 'rule 113: content as a list',
    deltas: [
      {
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ],
    content: [text('ab')],
  },
  {
    rule: 'rule 113: thinking in the content list',
    deltas: [{ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] }, { content: 'b' }],
    content: [{ type: 'thinking', thinking: 'a', signature: sign('local', undefined) }, text('b')],
  },
  { rule: '3.4 an empty finish reason is none', deltas: [{ content: 'a' }], content: [text('a')], stop: 'end_turn' },
]

describe('streams', () => {
  it.each(byRule(STREAMS))('%s', (_rule, { deltas, finish = 'stop', content, stop }) => {
    const events = decode([...deltas.map((delta) => chunk(delta, '')), chunk({}, finish), DONE])
    expect(faultsOf(events)).toEqual([])
    const message = messageOf(events)
    expect(message.content).toEqual(content)
    if (stop) expect(message.stop_reason).toBe(stop)
  })

  it.each(byRule(STREAMS))('rule 114: %s, with the finish reason in the last delta', (_rule, row) => {
    const { deltas, finish = 'stop', content } = row
    const events = deltas.map((delta, index) => chunk(delta, index === deltas.length - 1 ? finish : null))
    expect(messageOf(decode([...events, DONE])).content).toEqual(content)
  })

  it('rule 84: every delta is passed on by itself', () => {
    const deltas = decode([chunk({ content: 'Hel' }), chunk({ content: 'lo' }, 'stop'), DONE]).filter(
      (event) => event.type === 'content_block_delta',
    )
    expect(deltas.map(({ delta }) => delta)).toEqual([
      { type: 'text_delta', text: 'Hel' },
      { type: 'text_delta', text: 'lo' },
    ])
  })

  it('rule 89: thinking is signed directly before its end', () => {
    const events = decode([
      chunk({ reasoning: 'a' }),
      chunk(calls(part(0, { name: 'f', arguments: '{}' }, 'a')), 'tool_calls'),
      DONE,
    ])
    const stop = events.findIndex((event) => event.type === 'content_block_stop')
    expect(events[stop - 1]).toEqual({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'signature_delta', signature: sign('local', 'reasoning') },
    })
  })

  it('rule 90: a call starts with an empty input and streams its arguments', () => {
    const events = decode([
      chunk(calls(part(0, { name: 'f', arguments: '{"a"' }, 'a'))),
      chunk(calls(part(0, { arguments: ':1}' })), 'tool_calls'),
      DONE,
    ])
    expect(events.slice(1, 4)).toEqual([
      { type: 'content_block_start', index: 0, content_block: tool('a', 'f') },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"a"' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: ':1}' } },
    ])
  })

  it('3.4 a stop sequence that the server names', () => {
    const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop', stop_reason: 'END' }] } as ChatEvent
    expect(messageOf(decode([chunk({ content: 'a' }), end, DONE]))).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    })
  })

  it('other choices and chunks after the end are ignored', () => {
    const other = { choices: [{ index: 1, delta: { content: 'x' } }] } as ChatEvent
    const message = messageOf(decode([other, chunk({ content: 'a' }, 'stop'), DONE, chunk({ content: 'y' }), DONE]))
    expect(message.content).toEqual([text('a')])
  })

  it('the message names the model that the client asked for', () => {
    expect(answer([{ content: 'a' }], 'stop', { model: 'real' })).toMatchObject({ id: 'msg_1', model: 'asked' })
  })
})

const last = (events: readonly CanonicalEvent[]): unknown =>
  events.find((event) => event.type === 'message_delta')?.usage

describe('usage', () => {
  it.each([
    ['rule 96: in the packet of the finish reason', [chunk({ content: 'a' }, 'stop', counts(7, 3))]],
    [
      'rule 97: in a chunk without choices after it',
      [chunk({ content: 'a' }, 'stop'), { choices: [], ...counts(7, 3) }],
    ],
    [
      'rule 98: on every chunk',
      [
        chunk({ content: 'a' }, null, counts(7, 1)),
        chunk({ content: 'b' }, null, counts(7, 2)),
        chunk({}, 'stop', counts(7, 3)),
      ],
    ],
    ['rule 98: inside the choice', [{ choices: [{ index: 0, delta: {}, finish_reason: 'stop', ...counts(7, 3) }] }]],
  ])('%s', (_rule, events) => {
    expect(last(decode([...(events as ChatEvent[]), DONE]))).toEqual({ input_tokens: 7, output_tokens: 3 })
  })

  it('rule 99, rule 100: unknown usage: an estimate at the start, no input tokens at the end', () => {
    const attempt = fakeAttempt({ messages: [{ role: 'user', content: 'x'.repeat(400) }] })
    const events = decode([chunk({ content: 'four' }), chunk({}, 'stop'), DONE], attempt)
    expect(events[0]).toMatchObject({
      message: { usage: { input_tokens: estimateInput(attempt.exchange.request), output_tokens: 0 } },
    })
    expect(last(events)).toEqual({ output_tokens: 1 })
  })
})

describe('faults', () => {
  it.each<readonly [string, readonly ChatEvent[]]>([
    ['rule 101: the end without a finish reason', [chunk({ content: 'a' })]],
    ['rule 101: [DONE] without a finish reason', [chunk({ content: 'a' }), DONE]],
    ['rule 105: [DONE] alone', [DONE]],
    ['rule 105: nothing at all', []],
  ])('%s', (_rule, events) => {
    const { events: out, fault } = run(events)
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
    expect(out.some((event) => event.type === 'message_delta' || event.type === 'message_stop')).toBe(false)
  })

  it.each<readonly [string, object, UpstreamError['type']]>([
    ['a rate limit', { error: { message: 'm', code: 429 } }, 'rate_limit_error'],
    ['a rate limit by name', { error: { message: 'm', type: 'rate_limit_exceeded' } }, 'rate_limit_error'],
    ['an overload', { error: { message: 'm', code: 529 } }, 'overloaded_error'],
    ['an overload by name', { error: { message: 'm', type: 'overloaded_error' } }, 'overloaded_error'],
    ['anything else', { error: { message: 'm', type: 'server_error' } }, 'api_error'],
    ['a text', { error: 'm' }, 'api_error'],
  ])('rule 103: %s', (_what, error, type) => {
    const { events, fault } = run([chunk({ content: 'a' }), error as ChatEvent, chunk({ content: 'b' }, 'stop'), DONE])
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', message: 'm', cause: { message: 'm', type } })
    expect(faultsOf(events, false)).toEqual([])
  })

  it('rule 104: an error as the first chunk leaves nothing behind', () => {
    expect(run([{ error: { message: 'm' } }]).events).toEqual([])
  })

  it('rule 116: a finish reason in a chunk whose delta is empty, null or absent counts', () => {
    for (const delta of [{}, null, undefined]) {
      const end = { choices: [{ index: 0, delta, finish_reason: 'length' }] } as ChatEvent
      expect(messageOf(decode([chunk({ content: 'a' }), end, DONE])).stop_reason).toBe('max_tokens')
    }
  })

  it('3.4 finish reason error', () => {
    expect(run([chunk({ content: 'a' }, 'error')]).fault).toMatchObject({ code: 'CCR_STREAM_ERROR' })
  })

  it.each([['{"a'], ['[1]'], ['{"a":1}{'], ['{a:1}']])(
    'arguments that are no object are never completed: %s',
    (args) => {
      const { events, fault } = run([chunk(calls(part(0, { name: 'f', arguments: args }, 'a')), 'tool_calls'), DONE])
      expect(fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
      expect(events.some((event) => event.type === 'message_stop')).toBe(false)
    },
  )

  it('a call without a name is no call', () => {
    expect(run([chunk(calls(part(0, { arguments: '{}' }, 'a')), 'tool_calls'), DONE]).fault).toMatchObject({
      code: 'CCR_STREAM_INVALID',
    })
  })

  it('an event that is not JSON ends the stream after what came before it', () => {
    const { events, fault } = readStream([
      Buffer.from(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\ndata: {oops\n\n`),
    ])
    expect(fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    expect(events.at(-1)).toMatchObject({ delta: { text: 'a' } })
  })

  it('half an event at the end is an answer that ended', () => {
    expect(readStream([Buffer.from('data: {"choices":[{"ind')]).fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
  })

  it('rule 106, rule 107: comments, [DONE] without a line end, and an error event', () => {
    const first = `: hello\n\ndata:${JSON.stringify(chunk({ content: 'a' }, 'stop'))}\r\n\r\n`
    expect(readStream([Buffer.from(`${first}data: [DONE]`)]).fault).toBeUndefined()
    expect(readStream([Buffer.from(`${first}event: error\ndata: {"message":"m"}\n\n`)]).fault).toMatchObject({
      code: 'CCR_STREAM_ERROR',
      message: 'm',
    })
  })
})

describe('rule 28: a message where a delta is meant', () => {
  const whole = (message: object, finish_reason: string | null = 'stop'): ChatEvent =>
    ({ choices: [{ index: 0, message, finish_reason }] }) as ChatEvent

  it('is the delta: reasoning, text and calls', () => {
    const message = {
      role: 'assistant',
      reasoning_content: 'r',
      content: 'whole answer',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    }
    const bytes = Buffer.from(`data: ${JSON.stringify(whole(message, 'tool_calls'))}\n\ndata: [DONE]\n\n`)
    const { content, stop_reason } = messageOf(readStream([bytes]).events)
    expect(content).toEqual([thought('r'), text('whole answer'), tool('a', 'f', { a: 1 })])
    expect(stop_reason).toBe('tool_use')
  })

  it.each([
    ['an empty delta before it', [chunk({ role: 'assistant', content: '' }), whole({ content: 'ab' })]],
    ['pieces of it', [whole({ content: 'a' }, null), whole({ content: 'b' })]],
    ['deltas that had said it', [chunk({ content: 'a' }), chunk({ content: 'b' }), whole({ content: 'ab' })]],
    [
      'a delta beside it',
      [{ choices: [{ delta: { content: 'ab' }, message: { content: 'ab' }, finish_reason: 'stop' }] }],
    ],
  ])('counts once, with %s', (_what, events) => {
    expect(messageOf(decode([...(events as ChatEvent[]), DONE])).content).toEqual([text('ab')])
  })
})

it.each([
  [undefined, true],
  [{ prompt_tokens: 3, completion_tokens: 2 }, false],
  [{ prompt_tokens: 3 }, true],
])('row 61: usage of %j is told to be guessed: %s', (usage, guessed) => {
  const events = decode([chunk({ content: 'a' }), chunk({}, 'stop', { usage }), DONE])
  const end = events.find((event) => event.type === 'message_delta')
  expect(isEstimated(end?.usage)).toBe(guessed)
})

describe('an answer that nothing marks the end of', () => {
  it('is complete from its finish reason on', () => {
    const decoder = target.decoder(fakeAttempt())
    const seen = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'a' }), chunk({}, 'stop')].map(
      (event) => {
        decoder.chunk(event, () => undefined)
        return decoder.complete
      },
    )
    expect(seen).toEqual([false, false, true])
  })

  it('is not complete where finish reasons come with what is said, or something is said behind one', () => {
    const decoder = target.decoder(fakeAttempt())
    const call = calls(part(0, { name: 'f', arguments: '' }, 'a'))
    const pieces = [
      chunk({ content: 'a' }, 'stop'),
      chunk({}, 'stop'),
      chunk({ content: '' }),
      chunk({ content: 'b' }),
      chunk({}, 'stop'),
      chunk(call, 'tool_calls'),
    ]
    const seen = pieces.map((event) => {
      decoder.chunk(event, () => undefined)
      return decoder.complete
    })
    expect(seen).toEqual([false, true, true, false, true, false])
  })
})
