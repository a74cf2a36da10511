import type { CanonicalEvent, ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  byRule,
  chunk,
  decode,
  DONE,
  fakeAttempt,
  faultsOf,
  messageOf,
  run,
  target,
  wholeAnswer,
} from '../test/harness.ts'
import { calls, counts, detailed, part, text, thought, tool } from '../test/deltas.ts'
import { asRefusal } from './refusal.ts'
import type { ChatEvent } from './wire.ts'

interface Row {
  readonly rule: string
  /** The message of a whole answer, or the deltas that it has in a stream. */
  readonly deltas: readonly object[]
  readonly finish?: string
  readonly content: readonly object[]
  readonly stop?: string
}

const ANSWERS: readonly Row[] = [
  {
    rule: 'rule 67: thinking, text, calls',
    deltas: [
      {
        tool_calls: [
          { id: 'a', function: { name: 'f', arguments: '{"a":1}' } },
          { id: 'b', function: { name: 'f', arguments: {} } },
        ],
        content: 't',
        reasoning_content: 'r',
      },
    ],
    content: [thought('r'), text('t'), tool('a', 'f', { a: 1 }), tool('b', 'f')],
    finish: 'tool_calls',
    stop: 'tool_use',
  },
  {
    rule: 'rule 68: reasoning_content',
    deltas: [{ reasoning_content: 'a' }, { content: 'b' }],
    content: [thought('a'), text('b')],
  },
  {
    rule: 'rule 68: reasoning',
    deltas: [{ reasoning: 'a' }, { content: 'b' }],
    content: [thought('a', 'reasoning'), text('b')],
  },
  {
    rule: 'rule 68: reasoning_details',
    deltas: [
      {
        reasoning_details: [
          { type: 'reasoning.text', text: 'a' },
          { type: 'reasoning.summary', summary: 'b' },
        ],
      },
    ],
    content: [
      detailed('ab', [
        { type: 'reasoning.text', text: 'a' },
        { type: 'reasoning.summary', summary: 'b' },
      ]),
    ],
  },
  {
    rule: 'rule 68: reasoning named twice counts once',
    deltas: [{ reasoning: 'a', reasoning_details: [{ text: 'a' }] }],
    content: [detailed('a', [{ text: 'a' }])],
  },
  { rule: 'rule 69: stop', deltas: [{ content: 'a' }], content: [text('a')], stop: 'end_turn' },
  { rule: 'rule 69: length', deltas: [{ content: 'a' }], finish: 'length', content: [text('a')], stop: 'max_tokens' },
  {
    rule: 'rule 69: tool_calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'))],
    finish: 'tool_calls',
    content: [tool('a', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 69: content_filter',
    deltas: [{ content: 'a' }],
    finish: 'content_filter',
    content: [text('a')],
    stop: 'refusal',
  },
  {
    rule: 'rule 69: function_call',
    deltas: [{ function_call: { name: 'f', arguments: '{"a"' } }, { function_call: { arguments: ':1}' } }],
    finish: 'function_call',
    content: [tool('toolu_2', 'f', { a: 1 })],
    stop: 'tool_use',
  },
  {
    rule: 'rule 69: an unknown reason ends the turn',
    deltas: [{ content: 'a' }],
    finish: 'eos',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: 'rule 69: a name of every object is no reason',
    deltas: [{ content: 'a' }],
    finish: 'constructor',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: 'rule 69: tool_calls without a call ends the turn',
    deltas: [{ content: 'a' }],
    finish: 'tool_calls',
    content: [text('a')],
    stop: 'end_turn',
  },
  {
    rule: 'rule 70: stop with calls',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'))],
    content: [tool('a', 'f')],
    stop: 'tool_use',
  },
  {
    rule: 'rule 73: empty arguments',
    deltas: [calls(part(0, { name: 'f', arguments: '' }, 'a'))],
    content: [tool('a', 'f')],
  },
  {
    rule: 'rule 74, rule 110: arguments cut by the limit are left as they are',
    deltas: [{ content: 't' }, calls(part(0, { name: 'f', arguments: '{"a' }, 'a'))],
    finish: 'length',
    content: [text('t')],
    stop: 'max_tokens',
  },
  {
    rule: 'rule 74: a call cut before its arguments is left out',
    deltas: [{ content: 't' }, calls(part(0, { name: 'f', arguments: '' }, 'a'))],
    finish: 'length',
    content: [text('t')],
    stop: 'max_tokens',
  },
  { rule: 'rule 75: empty annotations', deltas: [{ content: 'a', annotations: [] }], content: [text('a')] },
  {
    rule: 'rule 79: an unusable id is replaced',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'functions.f:0'))],
    content: [tool('toolu_2', 'f')],
  },
  {
    rule: 'rule 79: an id used twice is replaced',
    deltas: [calls(part(0, { name: 'f', arguments: '{}' }, 'a'), part(1, { name: 'g', arguments: '{}' }, 'a'))],
    content: [tool('a', 'f'), tool('toolu_2', 'g')],
  },
  {
    rule: 'rule 80: refusal',
    deltas: [{ refusal: 'no' }],
    content: [asRefusal({ type: 'text', text: 'no' })],
    stop: 'refusal',
  },
  {
    rule: 'rule 73: arguments as an object',
    deltas: [calls(part(0, { name: 'f', arguments: { a: [1] } }, 'a'))],
    content: [tool('a', 'f', { a: [1] })],
  },
  {
    rule: 'rule 78: content as a list',
    deltas: [{ content: [text('a'), text('b')] }],
    content: [text('ab')],
    stop: 'end_turn',
  },
]

describe('whole answers', () => {
  const whole = ANSWERS.filter(({ deltas }) => deltas.length === 1)
  it.each(byRule(whole))('%s', (_rule, { deltas, finish, content, stop }) => {
    const message = wholeAnswer(deltas[0]!, finish)
    expect(message.content).toEqual(content)
    if (stop) expect(message.stop_reason).toBe(stop)
  })

  it('rule 77: an error with status 200 is an error', () => {
    const { fault } = run(target.explode({ error: { message: 'm', code: 429 } }, fakeAttempt()))
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', message: 'm', cause: { type: 'rate_limit_error' } })
  })

  it('rule 79: the message has an id of its own, and every call an acceptable one that no other has', () => {
    const ids = ['functions.f:0', 'a', 'a', '', 'ü', 7, undefined]
    const tool_calls = ids.map((id) => ({ id, function: { name: 'f', arguments: '{}' } }))
    const message = wholeAnswer({ tool_calls }, 'tool_calls', { id: 'chatcmpl-1' })
    expect(message.id).toMatch(/^msg_/)
    const given = message.content.map((block) => (block as { id?: string }).id)
    expect(given).toHaveLength(ids.length)
    expect(new Set(given).size).toBe(ids.length)
    for (const id of given) expect(id).toMatch(/^[A-Za-z0-9_-]+$/)
  })

  it.each([[[]], ['text'], [{ object: 'list' }], [null]])('something else is refused: %j', (value) => {
    expect(() => target.explode(value, fakeAttempt())).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })
})

describe('the same answers in a stream', () => {
  it.each(byRule(ANSWERS))('%s', (_rule, { deltas, finish = 'stop', content, stop }) => {
    const events = decode([...deltas.map((delta) => chunk(delta, '')), chunk({}, finish), DONE])
    expect(faultsOf(events)).toEqual([])
    const message = messageOf(events)
    expect(message.content).toEqual(content)
    if (stop) expect(message.stop_reason).toBe(stop)
  })
})

describe('annotations', () => {
  const annotations = ['a', 'b'].map((one) => ({
    type: 'url_citation',
    url_citation: { url: `https://${one}.org`, title: one, content: 'cited' },
  }))
  const isSearch = (block: ContentBlock): boolean =>
    block.type === 'server_tool_use' || block.type === 'web_search_tool_result'

  it('rule 76: one search with all results stands before the text of a whole answer', () => {
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

  it('rule 112: in a stream the text goes on in a new block, and later sources are cited', () => {
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
      'rule 71: cached tokens are part of the prompt',
      counts(100, 5, { cached_tokens: 60 }),
      { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 5 },
    ],
    [
      'rule 71: never below zero',
      counts(10, 5, { cached_tokens: 60 }),
      { input_tokens: 0, cache_read_input_tokens: 60, output_tokens: 5 },
    ],
    [
      'rule 72: tokens written to the cache',
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
})
