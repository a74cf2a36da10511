import type { CanonicalEvent, ContentBlock, UpstreamError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  answer,
  chunk,
  decode,
  DONE,
  fakeAttempt,
  faultsOf,
  messageOf,
  readStream,
  run,
  target,
  wholeAnswer,
} from '../test/harness.ts'
import { sign } from './reasoning.ts'
import type { ChatEvent } from './wire.ts'

const calls = (...list: readonly object[]): object => ({ tool_calls: list })
const part = (index: number | undefined, fn: object, id?: string): object => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  type: 'function',
  function: fn,
})
const thought = (thinking: string, field: 'reasoning_content' | 'reasoning' = 'reasoning_content'): object => ({
  type: 'thinking',
  thinking,
  signature: sign('local', field),
})
const text = (value: string): object => ({ type: 'text', text: value })
const tool = (id: string, name: string, input: object = {}): object => ({ type: 'tool_use', id, name, input })
const counts = (prompt: number, completion: number, details: object = {}): object => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details },
})

interface Row {
  readonly rule: string
  readonly deltas: readonly object[]
  readonly finish?: string
  readonly content: readonly object[]
  readonly stop?: string
}

const STREAMS: readonly Row[] = [
  {
    rule: '68 reasoning_content',
    deltas: [{ reasoning_content: 'a' }, { content: 'b' }],
    content: [thought('a'), text('b')],
  },
  {
    rule: '68 reasoning',
    deltas: [{ reasoning: 'a' }, { content: 'b' }],
    content: [thought('a', 'reasoning'), text('b')],
  },
  {
    rule: '68 reasoning_details',
    deltas: [
      {
        reasoning_details: [
          { type: 'reasoning.text', text: 'a' },
          { type: 'reasoning.summary', summary: 'b' },
        ],
      },
    ],
    content: [thought('ab', 'reasoning')],
  },
  {
    rule: '68 reasoning named twice counts once',
    deltas: [{ reasoning: 'a', reasoning_details: [{ text: 'a' }] }],
    content: [thought('a', 'reasoning')],
  },
  { rule: '69 stop', deltas: [{ content: 'a' }], content: [text('a')], stop: 'end_turn' },
  { rule: '69 length', deltas: [{ content: 'a' }], finish: 'length', content: [text('a')], stop: 'max_tokens' },
  {
    rule: '69 tool_calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'))],
    finish: 'tool_calls',
    content: [tool('a', 'f')],
    stop: 'tool_use',
  },
  {
    rule: '69 content_filter',
    deltas: [{ content: 'a' }],
    finish: 'content_filter',
    content: [text('a')],
    stop: 'refusal',
  },
  {
    rule: '69 function_call',
    deltas: [{ function_call: { name: 'f', arguments: '{"a"' } }, { function_call: { arguments: ':1}' } }],
    finish: 'function_call',
    content: [tool('toolu_2', 'f', { a: 1 })],
    stop: 'tool_use',
  },
  {
    rule: '69 an unknown reason ends the turn',
    deltas: [{ content: 'a' }],
    finish: 'eos',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: '69 a name of every object is no reason',
    deltas: [{ content: 'a' }],
    finish: 'constructor',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: '69 tool_calls without a call ends the turn',
    deltas: [{ content: 'a' }],
    finish: 'tool_calls',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: '70 stop with calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'))],
    content: [tool('a', 'f')],
    stop: 'tool_use',
  },
  {
    rule: '73 empty arguments',
    deltas: [calls(part(0, { name: 'f', arguments: '' }, 'a'))],
    content: [tool('a', 'f')],
  },
  {
    rule: '74, 110 arguments cut by the limit are left as they are',
    deltas: [{ content: 't' }, calls(part(0, { name: 'f', arguments: '{"a' }, 'a'))],
    finish: 'length',
    content: [text('t')],
    stop: 'max_tokens',
  },
  {
    rule: '74 a call cut before its arguments is left out',
    deltas: [{ content: 't' }, calls(part(0, { name: 'f', arguments: '' }, 'a'))],
    finish: 'length',
    content: [text('t')],
    stop: 'max_tokens',
  },
  { rule: '75 empty annotations', deltas: [{ content: 'a', annotations: [] }], content: [text('a')] },
  {
    rule: '79 an unusable id is replaced',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'functions.f:0'))],
    content: [tool('toolu_2', 'f')],
  },
  {
    rule: '79 an id used twice is replaced',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'), part(1, { name: 'g', arguments: '{}' }, 'a'))],
    content: [tool('a', 'f'), tool('toolu_2', 'g')],
  },
  { rule: '80 refusal', deltas: [{ refusal: 'no' }], content: [text('no')], stop: 'refusal' },
  {
    rule: '85 text, tool, text',
    deltas: [{ content: 'a' }, calls(part(0, { name: 'f', arguments: '{}' }, 'a')), { content: 'b' }],
    content: [text('a'), tool('a', 'f'), text('b')],
  },
  {
    rule: '86 thinking, text, thinking, text',
    deltas: [{ reasoning_content: 'a' }, { content: 'b' }, { reasoning_content: 'c' }, { content: 'd' }],
    content: [thought('a'), text('b'), thought('c'), text('d')],
  },
  {
    rule: '87 text, thinking',
    deltas: [{ content: 'a' }, { reasoning_content: 'b' }],
    content: [text('a'), thought('b')],
  },
  {
    rule: '88 thinking with a signature of this router',
    deltas: [{ thinking: { content: 'a', signature: sign('x', 'reasoning') } }, { content: 'b' }],
    content: [{ type: 'thinking', thinking: 'a', signature: sign('x', 'reasoning') }, text('b')],
  },
  {
    rule: '91 one index, two ids',
    deltas: [
      calls(part(0, { name: 'f', arguments: '{"a":1}' }, 'a')),
      calls(part(0, { name: 'g', arguments: '{"b":2}' }, 'b')),
    ],
    content: [tool('a', 'f', { a: 1 }), tool('b', 'g', { b: 2 })],
  },
  {
    rule: '91 one index, no ids, two complete calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{"a":1}' })), calls(part(0, { name: 'f', arguments: '{"b":2}' }))],
    content: [tool('toolu_2', 'f', { a: 1 }), tool('toolu_3', 'f', { b: 2 })],
  },
  {
    rule: '92 no index, two calls in one delta',
    deltas: [
      calls(part(undefined, { name: 'f', arguments: '{}' }, 'a'), part(undefined, { name: 'g', arguments: '{}' }, 'b')),
    ],
    content: [tool('a', 'f'), tool('b', 'g')],
  },
  {
    rule: '92 no index, no ids, two calls in one delta',
    deltas: [calls(part(undefined, { name: 'f', arguments: '' }), part(undefined, { name: 'g', arguments: '{}' }))],
    content: [tool('toolu_2', 'f'), tool('toolu_3', 'g')],
  },
  {
    rule: '92 no index, arguments follow',
    deltas: [
      calls(part(undefined, { name: 'f', arguments: '{"a' }, 'a')),
      calls(part(undefined, { arguments: '":1}' })),
    ],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: '93 interleaved arguments, with text between',
    deltas: [
      calls(part(0, { name: 'f', arguments: '{"a"' }, 'a'), part(1, { name: 'g', arguments: '{"b"' }, 'b')),
      { content: 'x' },
      calls(part(1, { arguments: ':2}' }), part(0, { arguments: ':1}' })),
    ],
    content: [tool('a', 'f', { a: 1 }), tool('b', 'g', { b: 2 }), text('x')],
  },
  {
    rule: '94 the name comes after the id, in pieces, before arguments',
    deltas: [
      calls(part(0, {}, 'a')),
      calls(part(0, { name: 'get_' })),
      calls(part(0, { name: 'time' })),
      calls(part(0, { arguments: '{}' })),
    ],
    content: [tool('a', 'get_time')],
  },
  {
    rule: '94 arguments come before the name',
    deltas: [calls(part(0, { arguments: '{"a":' }, 'a')), calls(part(0, { name: 'f', arguments: '1}' }))],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: '94 a name repeated in every fragment',
    deltas: [
      calls(part(0, { name: 'f', arguments: '' }, 'a')),
      calls(part(0, { name: 'f', arguments: '{"a"' }, 'a')),
      calls(part(0, { name: 'f', arguments: ':1}' }, 'a')),
    ],
    content: [tool('a', 'f', { a: 1 })],
  },
  {
    rule: '95 arguments as an object',
    deltas: [calls(part(0, { name: 'f', arguments: { a: [1] } }, 'a'))],
    content: [tool('a', 'f', { a: [1] })],
  },
  {
    rule: '113 content as a list',
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
    rule: '113 thinking in the content list',
    deltas: [{ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] }, { content: 'b' }],
    content: [{ type: 'thinking', thinking: 'a', signature: sign('local', undefined) }, text('b')],
  },
  { rule: '3.4 an empty finish reason is none', deltas: [{ content: 'a' }], content: [text('a')], stop: 'end_turn' },
]

describe('streams', () => {
  it.each(STREAMS)('$rule', ({ deltas, finish = 'stop', content, stop }) => {
    const events = decode([...deltas.map((delta) => chunk(delta, '')), chunk({}, finish), DONE])
    expect(faultsOf(events)).toEqual([])
    const message = messageOf(events)
    expect(message.content).toEqual(content)
    if (stop) expect(message.stop_reason).toBe(stop)
  })

  it.each(STREAMS)('114 $rule, with the finish reason in the last delta', ({ deltas, finish = 'stop', content }) => {
    const events = deltas.map((delta, index) => chunk(delta, index === deltas.length - 1 ? finish : null))
    expect(messageOf(decode([...events, DONE])).content).toEqual(content)
  })

  it('84 every delta is passed on by itself', () => {
    const deltas = decode([chunk({ content: 'Hel' }), chunk({ content: 'lo' }, 'stop'), DONE]).filter(
      (event) => event.type === 'content_block_delta',
    )
    expect(deltas.map(({ delta }) => delta)).toEqual([
      { type: 'text_delta', text: 'Hel' },
      { type: 'text_delta', text: 'lo' },
    ])
  })

  it('89 thinking is signed directly before its end', () => {
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

  it('90 a call starts with an empty input and streams its arguments', () => {
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

const WHOLE: readonly {
  readonly rule: string
  readonly message: object
  readonly content: readonly object[]
  readonly finish?: string
  readonly stop?: string
}[] = [
  {
    rule: '67 thinking, text, calls',
    message: {
      tool_calls: [
        { id: 'a', function: { name: 'f', arguments: '{"a":1}' } },
        { id: 'b', function: { name: 'f', arguments: {} } },
      ],
      content: 't',
      reasoning_content: 'r',
    },
    content: [thought('r'), text('t'), tool('a', 'f', { a: 1 }), tool('b', 'f')],
    finish: 'tool_calls',
    stop: 'tool_use',
  },
  {
    rule: '73 empty arguments',
    message: { content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] },
    content: [tool('a', 'f')],
    stop: 'tool_use',
  },
  {
    rule: '78 content as a list',
    message: {
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    content: [text('ab')],
    stop: 'end_turn',
  },
  { rule: '80 refusal', message: { content: null, refusal: 'no' }, content: [text('no')], stop: 'refusal' },
]

describe('whole answers', () => {
  it.each(WHOLE)('$rule', ({ message, content, finish, stop }) => {
    expect(wholeAnswer(message, finish)).toMatchObject({ content, stop_reason: stop })
  })

  it('77 an error with status 200 is an error', () => {
    const { fault } = run(target.explode({ error: { message: 'm', code: 429 } }, fakeAttempt()))
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', message: 'm', cause: { type: 'rate_limit_error' } })
  })

  it.each([[[]], ['text'], [{ object: 'list' }], [null]])('something else is refused: %j', (value) => {
    expect(() => target.explode(value, fakeAttempt())).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })
})

describe('annotations', () => {
  const annotations = ['a', 'b'].map((one) => ({
    type: 'url_citation',
    url_citation: { url: `https://${one}.org`, title: one, content: 'cited' },
  }))
  const isSearch = (block: ContentBlock): boolean =>
    block.type === 'server_tool_use' || block.type === 'web_search_tool_result'

  it('76 one search with all results stands before the text of a whole answer', () => {
    const { content } = wholeAnswer({ content: 't', annotations })
    expect(content.map((block) => block.type)).toEqual(['server_tool_use', 'web_search_tool_result', 'text'])
    expect(content[1]).toMatchObject({
      tool_use_id: (content[0] as { id?: string }).id,
      content: [{ url: 'https://a.org' }, { url: 'https://b.org' }],
    })
    expect(content[2]).toMatchObject({
      text: 't',
      citations: [{ url: 'https://a.org', cited_text: 'cited' }, { url: 'https://b.org' }],
    })
  })

  it.each([
    ['before the answer goes on', []],
    ['before its text', [chunk({ content: 'a' }), chunk({ annotations }), chunk(calls(part(0, { name: 'f' })))]],
  ])('keeps a bounded number of characters of them %s', (_when, before) => {
    const cited = { url: 'x'.repeat(1024 * 1024) }
    expect(() => decode([...before, ...Array<ChatEvent>(9).fill(chunk({ annotations: [cited] }))])).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }),
    )
  })

  it('112 in a stream the text goes on in a new block, and later sources are cited', () => {
    const events = decode([
      chunk({ content: 'a' }),
      chunk({ annotations: annotations.slice(0, 1) }),
      chunk({ content: 'b' }),
      chunk({ annotations: annotations.slice(1) }),
      chunk({}, 'stop'),
      DONE,
    ])
    expect(faultsOf(events)).toEqual([])
    const { content } = messageOf(events)
    expect(content.filter(isSearch)).toHaveLength(2)
    expect(content[0]).toMatchObject({ text: 'a', citations: [{ url: 'https://a.org' }] })
    expect(content.at(-1)).toMatchObject({ text: 'b', citations: [{ url: 'https://b.org' }] })
  })
})

const last = (events: readonly CanonicalEvent[]): unknown =>
  events.find((event) => event.type === 'message_delta')?.usage

describe('usage', () => {
  it.each([
    [
      '71 cached tokens are part of the prompt',
      counts(100, 5, { cached_tokens: 60 }),
      { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 5 },
    ],
    [
      '71 never below zero',
      counts(10, 5, { cached_tokens: 60 }),
      { input_tokens: 0, cache_read_input_tokens: 60, output_tokens: 5 },
    ],
    [
      '72 tokens written to the cache',
      counts(100, 5, { cached_tokens: 10, cache_write_tokens: 20 }),
      { input_tokens: 70, cache_read_input_tokens: 10, cache_creation_input_tokens: 20, output_tokens: 5 },
    ],
    [
      '3.5 reasoning tokens',
      { usage: { prompt_tokens: 1, completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 4 } } },
      { input_tokens: 1, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } },
    ],
    [
      '3.5 cache hits under another name',
      { usage: { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 4 } },
      { input_tokens: 6, cache_read_input_tokens: 4, output_tokens: 1 },
    ],
    [
      '3.5 usage beside the chunk',
      { x_groq: { usage: { prompt_tokens: 3, completion_tokens: 2 } } },
      { input_tokens: 3, output_tokens: 2 },
    ],
    ['3.5 nonsense is left out', { usage: { prompt_tokens: null, completion_tokens: -3 } }, { output_tokens: 0 }],
  ])('%s', (_rule, rest, usage) => {
    expect(last(decode([chunk({ content: 'a' }), chunk({}, 'stop', rest), DONE]))).toEqual(usage)
  })

  it.each([
    ['96 in the packet of the finish reason', [chunk({ content: 'a' }, 'stop', counts(7, 3))]],
    ['97 in a chunk without choices after it', [chunk({ content: 'a' }, 'stop'), { choices: [], ...counts(7, 3) }]],
    [
      '98 on every chunk',
      [
        chunk({ content: 'a' }, null, counts(7, 1)),
        chunk({ content: 'b' }, null, counts(7, 2)),
        chunk({}, 'stop', counts(7, 3)),
      ],
    ],
    ['98 inside the choice', [{ choices: [{ index: 0, delta: {}, finish_reason: 'stop', ...counts(7, 3) }] }]],
  ])('%s', (_rule, events) => {
    expect(last(decode([...(events as ChatEvent[]), DONE]))).toEqual({ input_tokens: 7, output_tokens: 3 })
  })

  it('99, 100 unknown usage: an estimate at the start, no input tokens at the end', () => {
    const attempt = fakeAttempt({ messages: [{ role: 'user', content: 'x'.repeat(400) }] })
    const events = decode([chunk({ content: 'four' }), chunk({}, 'stop'), DONE], attempt)
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 101, output_tokens: 0 } } })
    expect(last(events)).toEqual({ output_tokens: 1 })
  })
})

describe('faults', () => {
  it.each<readonly [string, readonly ChatEvent[]]>([
    ['101 the end without a finish reason', [chunk({ content: 'a' })]],
    ['101 [DONE] without a finish reason', [chunk({ content: 'a' }), DONE]],
    ['105 [DONE] alone', [DONE]],
    ['105 nothing at all', []],
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
    [
      'a context that is too long',
      { error: { message: 'm', code: 'context_length_exceeded' } },
      'invalid_request_error',
    ],
    ['anything else', { error: { message: 'm', type: 'server_error' } }, 'api_error'],
    ['a text', { error: 'm' }, 'api_error'],
  ])('103 %s', (_what, error, type) => {
    const { events, fault } = run([chunk({ content: 'a' }), error as ChatEvent, chunk({ content: 'b' }, 'stop'), DONE])
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', message: 'm', cause: { message: 'm', type } })
    expect(faultsOf(events, false)).toEqual([])
  })

  it('104 an error as the first chunk leaves nothing behind', () => {
    expect(run([{ error: { message: 'm' } }]).events).toEqual([])
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

  it('106, 107 comments, [DONE] without a line end, and an error event', () => {
    const first = `: hello\n\ndata:${JSON.stringify(chunk({ content: 'a' }, 'stop'))}\r\n\r\n`
    expect(readStream([Buffer.from(`${first}data: [DONE]`)]).fault).toBeUndefined()
    expect(readStream([Buffer.from(`${first}event: error\ndata: {"message":"m"}\n\n`)]).fault).toMatchObject({
      code: 'CCR_STREAM_ERROR',
      message: 'm',
    })
  })
})
