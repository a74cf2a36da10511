import { existsSync, readFileSync } from 'node:fs'
import type { CanonicalEvent, ContentBlock, Exchange } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../test/harness.ts'
import { FIXTURES } from '../../../test/recorded.ts'
import { client } from './client.ts'

const exchange = { request: { model: 'm', messages: [] }, startedAt: 0 } as unknown as Exchange
const RECORDED = `${FIXTURES}/anthropic/vercel__anthropic-web-search-tool.1.chunks.txt`

interface Said {
  readonly content?: string | null
  readonly annotations?: readonly object[]
}

const whole = (events: readonly CanonicalEvent[]): Said =>
  (client.message(messageOf(events), exchange) as { choices: [{ message: Said }] }).choices[0].message

/** What the chunks of a stream say together. */
function streamed(events: readonly CanonicalEvent[]): Said {
  const encoder = client.encoder(exchange)
  const frames = events.map((event) => String(encoder.events([event]))).join('')
  const deltas = frames
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => (JSON.parse(frame.slice(6)) as { choices: [{ delta: Said }] }).choices[0].delta)
  const annotations = deltas.flatMap((delta) => delta.annotations ?? [])
  return {
    content: deltas.map(({ content }) => content ?? '').join(''),
    ...(annotations.length > 0 && { annotations }),
  }
}

/** An answer of these blocks, each with its deltas. */
const answerOf = (...blocks: readonly (readonly [object, ...object[]])[]): CanonicalEvent[] =>
  [
    {
      type: 'message_start',
      message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage: {} },
    },
    ...blocks.flatMap(([content_block, ...deltas], index) => [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ] as unknown as CanonicalEvent[]

const text = { type: 'text', text: '' }
const says = (said: string): object => ({ type: 'text_delta', text: said })
const cites = (url: string): object => ({
  type: 'citations_delta',
  citation: { type: 'web_search_result_location', url, title: 'T', cited_text: 'c' },
})
const source = (url: string, start_index: number, end_index: number): object => ({
  type: 'url_citation',
  url_citation: { url, title: 'T', start_index, end_index },
})

describe('a citation in a stream', () => {
  it('is of the whole block, before or behind whose text it came', () => {
    const events = answerOf(
      [text, says('ab')],
      [text, cites('u1'), says('cd'), cites('u2'), says('e')],
      [text, says('f')],
    )
    const expected = { content: 'abcdef', annotations: [source('u1', 2, 5), source('u2', 2, 5)] }
    expect(streamed(events)).toEqual(expected)
    expect(whole(events)).toMatchObject(expected)
  })

  it.skipIf(!existsSync(RECORDED))('of a recorded search is where a whole answer has it', () => {
    const lines = readFileSync(RECORDED, 'utf8').split('\n')
    const events = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as CanonicalEvent)
    const { content, annotations } = whole(events)
    expect(annotations!.length).toBeGreaterThan(5)
    expect(streamed(events)).toEqual({ content, annotations })
  })
})

describe('a picture in an answer', () => {
  it.each([
    [{ type: 'base64', media_type: 'image/webp', data: 'AA' }, '[image of type image/webp cannot be shown here]'],
    [{ type: 'url', url: 'https://e.org/a.png' }, '[image https://e.org/a.png cannot be shown here]'],
    [{ type: 'file', file_id: 'f1' }, '[image f1 cannot be shown here]'],
  ])('is named in text where it stood: %j', (from, named) => {
    const image = { type: 'image', source: from } as ContentBlock
    const events = answerOf([text, says('ab')], [image], [text, cites('u'), says('c')])
    const end = 2 + named.length
    const expected = { content: `ab${named}c`, annotations: [source('u', end, end + 1)] }
    expect(streamed(events)).toEqual(expected)
    expect(whole(events)).toMatchObject(expected)
  })
})

describe('the frames of a stream', () => {
  const asking = (extra?: object): Exchange =>
    ({ request: { model: 'm', messages: [], ...(extra && { extra: { openai: extra } }) }, startedAt: 5_999 }) as never
  const frames = (events: readonly CanonicalEvent[], asked = asking()): unknown[] =>
    String(client.encoder(asked).events(events))
      .split('\n\n')
      .slice(0, -1)
      .map((frame) => (frame === 'data: [DONE]' ? frame : (JSON.parse(frame.slice(6)) as unknown)))
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'm' }
  const chunk = (delta: object, finish_reason: string | null = null): object => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  })
  const role = { role: 'assistant', content: '', refusal: null }
  const called = (index: number, id: string): object => ({
    tool_calls: [{ index, id, type: 'function', function: { name: 'f', arguments: '' } }],
  })
  const given = (index: number, text: string): object => ({ tool_calls: [{ index, function: { arguments: text } }] })
  const json = (partial_json: string): object => ({ type: 'input_json_delta', partial_json })

  it('are chunks of what was said, field by field', () => {
    const tool = (id: string, input?: unknown): object => ({
      type: 'tool_use',
      id,
      name: 'f',
      ...(input !== undefined && { input }),
    })
    const events = answerOf(
      [
        { type: 'thinking', thinking: 'a' },
        { type: 'thinking_delta', thinking: 'b' },
      ],
      [{ type: 'thinking' }, { type: 'thinking_delta', thinking: '' }, { type: 'signature_delta', signature: 'x' }],
      [{ type: 'text', text: 'c' }, says('d'), says(''), { type: 'later_delta' }],
      [{ type: 'text' }],
      [tool('t1', {}), json(''), json('{"x"'), json(':1}')],
      [tool('t2', { y: 2 })],
      [tool('t3')],
      [{ type: 'server_tool_use', id: 's', name: 'g', input: { z: 3 } }, json('{"z":3}')],
      [{ type: 'redacted_thinking', data: 'r' }],
      [{ type: 'text', text: '' }, { type: 'citations_delta', citation: null }, cites('u')],
    )
    expect(frames(events)).toEqual([
      chunk(role),
      chunk({ reasoning_content: 'a' }),
      chunk({ reasoning_content: 'b' }),
      chunk({ content: 'c' }),
      chunk({ content: 'd' }),
      chunk(called(0, 't1')),
      chunk(given(0, '{"x"')),
      chunk(given(0, ':1}')),
      chunk(called(1, 't2')),
      chunk(given(1, '{"y":2}')),
      chunk(called(2, 't3')),
      chunk(given(2, '{}')),
      chunk({ annotations: [source('u', 2, 2)] }),
      chunk({}, 'stop'),
      'data: [DONE]',
    ])
  })

  it('say the usage to who asked, and null before', () => {
    const [start, ...rest] = answerOf()
    const usage = { input_tokens: 1, cache_read_input_tokens: 20, cache_creation_input_tokens: 300 }
    const counted = { ...start, message: { ...(start as { message: object }).message, usage } } as CanonicalEvent
    const told = {
      prompt_tokens: 321,
      completion_tokens: 1,
      total_tokens: 322,
      prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 300 },
      completion_tokens_details: { reasoning_tokens: 0 },
    }
    const asked = asking({ stream_options: { include_usage: true } })
    expect(frames([counted, ...rest], asked)).toEqual([
      { ...chunk(role), usage: null },
      { ...chunk({}, 'stop'), usage: null },
      { ...head, choices: [], usage: told },
      'data: [DONE]',
    ])
    for (const no of [{ stream_options: null }, { stream_options: { include_usage: 'yes' } }])
      expect(frames([counted, ...rest], asking(no))).toHaveLength(3)
  })

  it.each([
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['pause_turn', 'stop'],
  ])('end for %s with %s', (stop_reason, reason) => {
    const [start] = answerOf()
    const end = { type: 'message_delta', delta: { stop_reason, stop_sequence: null } } as CanonicalEvent
    expect(frames([start!, end]).at(-1)).toEqual(chunk({}, reason))
    const open = { ...end, delta: { stop_reason: null, stop_sequence: null } } as CanonicalEvent
    expect(frames([start!, open])).toHaveLength(1)
  })

  it('are written at once for what is no content', () => {
    const encoder = client.encoder(asking())
    expect(encoder.ping!()).toBe(': ping\n\n')
    const failure = { status: 502, type: 'api_error', message: 'm' } as const
    const error = { message: 'm', type: 'server_error', param: null, code: null }
    expect(encoder.failure(failure)).toBe(`data: ${JSON.stringify({ error })}\n\n`)
    const reported = { type: 'error', error: { type: 'overloaded_error', message: 'm' } } as CanonicalEvent
    expect(frames([reported])).toEqual([{ error: { ...error, type: 'overloaded_error' } }])
    expect(frames([{ type: 'ping' }])).toEqual([])
  })
})

describe('a whole answer', () => {
  it.each<[string, readonly object[], object]>([
    ['text alone', [{ type: 'text', text: 'a' }], { content: 'a' }],
    ['nothing', [], { content: '' }],
    [
      'citations of other places',
      [{ type: 'text', text: 'a', citations: [null, { type: 'page_location', url: 'u' }] }],
      { content: 'a' },
    ],
    [
      'thinking and a call',
      [
        { type: 'thinking', thinking: 't', signature: '' },
        { type: 'tool_use', id: 'i', name: 'f' },
      ],
      {
        content: null,
        reasoning_content: 't',
        tool_calls: [{ id: 'i', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
    ],
    [
      'a source without a title',
      [{ type: 'text', text: 'a', citations: [{ type: 'web_search_result_location', url: 'u' }] }],
      {
        content: 'a',
        annotations: [{ type: 'url_citation', url_citation: { url: 'u', title: 'u', start_index: 0, end_index: 1 } }],
      },
    ],
  ])('of %s holds nothing else', (_name, content, message) => {
    const canonical = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content, stop_reason: 'end_turn' }
    const answer = client.message({ ...canonical, usage: {} } as never, exchange) as { choices: unknown }
    expect(answer.choices).toEqual([
      { index: 0, message: { role: 'assistant', refusal: null, ...message }, logprobs: null, finish_reason: 'stop' },
    ])
  })
})
