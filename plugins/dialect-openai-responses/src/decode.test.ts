import type { CanonicalMessage } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  answer,
  codeOf,
  decode,
  expectValid,
  fakeAttempt,
  messageOf,
  run,
  target,
  wholeAnswer,
} from '../test/harness.ts'
import {
  added,
  args,
  call,
  completed,
  created,
  done,
  incomplete,
  message,
  reasoning,
  summary,
  text,
} from '../test/wire-events.ts'
import { itemOf, phaseOf } from './original.ts'
import { itemsOf } from './reasoning.ts'
import type { Fields, ResponsesEvent } from './wire.ts'

const content = (events: readonly ResponsesEvent[]): CanonicalMessage['content'] => answer(events).content
const begun = (index: number, item: Fields): ResponsesEvent =>
  added(index, { ...item, content: [], summary: [], arguments: '', input: '', status: 'in_progress' })
const usage = (cached: number, written = 0) => ({
  input_tokens: 100,
  input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 7 },
  total_tokens: 120,
})

/** A stream and the whole answer that says the same. */
function bothWays(output: readonly Fields[], deltas: readonly ResponsesEvent[], rest: Fields = {}): CanonicalMessage {
  const streamed = [
    created,
    ...output.map((item, index) => begun(index, item)),
    ...deltas,
    ...output.map((item, index) => done(index, item)),
    completed({ output, ...rest }),
  ]
  const fromStream = answer(streamed)
  const fromWhole = wholeAnswer({ object: 'response', status: 'completed', output, ...rest })
  expect(fromWhole).toEqual(fromStream)
  return fromStream
}

describe('calls', () => {
  const read = call(0, 'read', '{"p":1}')
  const write = call(1, 'write', '{"q":2}')
  const expected = [
    { type: 'tool_use', id: 'call_0', name: 'read', input: { p: 1 } },
    { type: 'tool_use', id: 'call_1', name: 'write', input: { q: 2 } },
  ]

  it.each<[string, ResponsesEvent[]]>([
    ['one after the other', [args(0, '{"p"'), args(0, ':1}'), args(1, '{"q":2}')]],
    ['interleaved', [args(0, '{"p"'), args(1, '{"q"'), args(0, ':1}'), args(1, ':2}')]],
    ['the second first', [args(1, '{"q":2}'), args(0, '{"p":1}')]],
    ['without deltas', []],
    [
      'by number only',
      [
        { ...args(0, '{"p":1}'), item_id: 'x' },
        { ...args(1, '{"q":2}'), item_id: 'y' },
      ],
    ],
    [
      'by id only',
      [
        { ...args(1, '{"q":2}'), output_index: undefined },
        { ...args(0, '{"p":1}'), output_index: 9 },
      ],
    ],
  ])('rule 158, 90–93 two calls are two blocks: %s', (_name, deltas) => {
    const { content, stop_reason } = bothWays([read, write], deltas)
    expect(content).toEqual(expected)
    expect(stop_reason).toBe('tool_use')
  })

  it.each([
    ['nothing', '', {}],
    ['an empty object', '{}', {}],
  ])('rule 73 arguments that are %s are {}', (_name, given, input) => {
    expect(bothWays([call(0, 'f', given)], []).content).toMatchObject([{ name: 'f', input }])
  })

  it('rule 95 arguments as an object are taken', () => {
    expect(content([created, done(0, { ...read, arguments: { p: 1 } }), completed()])).toEqual([expected[0]])
  })

  it('rule 94 a name that comes late is the name', () => {
    const named = { type: 'response.function_call_arguments.done', output_index: 0, name: 'read', arguments: '{"p":1}' }
    const late = [created, begun(0, { ...read, name: undefined }), args(0, '{"p":1}'), named, completed()]
    expect(content(late)).toEqual([expected[0]])
  })

  it('rule 74, 110 a call that the limit cut stays cut', () => {
    const cut = call(0, 'read', '{"p":', 'incomplete')
    const events = decode([created, begun(0, cut), args(0, '{"p":'), done(0, cut), incomplete('max_output_tokens')])
    expect(messageOf(events)).toMatchObject({ content: [], stop_reason: 'max_tokens' })
    expect(JSON.stringify(events)).toContain(JSON.stringify({ type: 'input_json_delta', partial_json: '{"p":' }))
    expect(wholeAnswer({ status: 'incomplete', output: [cut] })).toMatchObject({
      content: [],
      stop_reason: 'max_tokens',
    })
  })

  it('a call whose arguments are no object is an error where nothing was cut', () => {
    const { fault } = run([created, begun(0, read), args(0, '{"p":'), completed()])
    expect(codeOf(fault)).toBe('CCR_STREAM_INVALID')
  })

  it('the free text of a custom tool is one argument, in a stream as in a whole answer', () => {
    const custom = {
      type: 'custom_tool_call',
      id: 'item_0',
      call_id: 'call_0',
      name: 'patch',
      input: 'a "q"\n\ud83d\ude00',
    }
    const deltas = ['a "q', '"\n\ud83d', '\ude00'].map((delta) => ({
      type: 'response.custom_tool_call_input.delta',
      output_index: 0,
      delta,
    }))
    expect(bothWays([custom], deltas).content).toMatchObject([{ name: 'patch', input: { input: custom.input } }])
    const cut = run([created, begun(0, custom), deltas[0]!, done(0, { ...custom, status: 'incomplete' }), completed()])
    expect(codeOf(cut.fault)).toBe('CCR_STREAM_INVALID')
  })
})

describe('reasoning', () => {
  const item = reasoning(0, ['one', 'two'], 'SECRET')
  const summaries = [summary(0, 'on'), summary(0, 'e'), summary(0, 'two', 1)]

  it('rule 159 summary parts are one block with separators, signed with the whole item', () => {
    const block = bothWays([item, call(1, 'f', '{}')], summaries).content[0] as { thinking: string; signature: string }
    expect(block.thinking).toBe('one\n\ntwo')
    expect(itemsOf(block.signature, 'local')).toEqual([item])
    expect(itemsOf(block.signature, 'another')).toEqual([])
  })

  it('rule 159 the encrypted content of the finished item counts, not that of its announcement', () => {
    const events = [
      created,
      added(0, { ...item, summary: [], encrypted_content: 'EARLY' }),
      ...summaries,
      done(0, item),
    ]
    const [block] = content([...events, completed()]) as unknown as [{ signature: string }]
    expect(itemsOf(block.signature, 'local')).toEqual([item])
  })

  it.each<[string, Fields[], number]>([
    ['hidden reasoning is a block without text', [reasoning(0, [], 'A'), message(1, 'x')], 1],
    ['hidden reasoning behind shown reasoning joins its block', [item, reasoning(1, [], 'B')], 2],
    ['two hidden ones are one block', [reasoning(0, [], 'A'), reasoning(1, [], 'B')], 2],
    ['plain reasoning is carried too', [{ type: 'reasoning', id: 'r', summary: [], content: [{ text: 'raw' }] }], 1],
  ])('rule 159 %s', (_name, output, items) => {
    const [block, ...rest] = bothWays(output, []).content as [{ type: string; signature: string }, ...unknown[]]
    expect(block.type).toBe('thinking')
    expect(itemsOf(block.signature, 'local')).toHaveLength(items)
    expect(rest).toHaveLength(output.length - items)
  })

  it('reasoning that nobody could read again and that shows nothing is no block', () => {
    expect(bothWays([reasoning(0, []), message(1, 'x')], []).content).toEqual([{ type: 'text', text: 'x' }])
  })

  it('rule 86 thinking and text alternate in blocks of their own', () => {
    const output = [reasoning(0, ['a']), message(1, 'b'), reasoning(2, ['c']), message(3, 'd')]
    expect(bothWays(output, []).content.map(({ type }) => type)).toEqual(['thinking', 'text', 'thinking', 'text'])
  })

  it('reasoning that is shown in two ways counts once', () => {
    const raw = { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'raw' }
    const both = { ...item, content: [{ type: 'reasoning_text', text: 'raw' }] }
    const [block] = content([created, begun(0, item), raw, summary(0, 'one'), done(0, both), completed()])
    expect(block).toMatchObject({ thinking: 'raw' })
  })
})

describe('text', () => {
  it.each<[string, ResponsesEvent[]]>([
    ['84 deltas', [text(0, 'Hel'), text(0, 'lo')]],
    ['deltas that stop short of the text', [text(0, 'Hel')]],
    ['no deltas', []],
    ['the done event alone', [{ type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hello' }]],
  ])('rule %s come to the text', (_name, deltas) => {
    expect(bothWays([message(0, 'Hello')], deltas).content).toEqual([{ type: 'text', text: 'Hello' }])
  })

  it('rule 84 text streams as it comes', () => {
    const events = decode([
      created,
      begun(0, message(0)),
      text(0, 'Hel'),
      text(0, 'lo'),
      done(0, message(0, 'Hello')),
      completed(),
    ])
    const deltas = events.filter(({ type }) => type === 'content_block_delta')
    expect(deltas).toHaveLength(2)
  })

  it('rule 85 text, call, text are three blocks', () => {
    const output = [message(0, 'a'), call(1, 'f', '{}'), message(2, 'b')]
    expect(bothWays(output, []).content.map(({ type }) => type)).toEqual(['text', 'tool_use', 'text'])
  })

  it('items without numbers are written as they come, although they are finished late', () => {
    const bare = ({ output_index: _number, ...event }: ResponsesEvent): ResponsesEvent => event
    const first = [created, begun(0, reasoning(0, [])), summary(0, 'think'), begun(1, message(1)), text(1, 'hi')].map(
      bare,
    )
    const { events } = run(first)
    expect(JSON.stringify(events)).toContain('"hi"')
    const late = [done(0, reasoning(0, ['think'])), done(1, message(1, 'hi')), completed()].map(bare)
    expect(content([...first, ...late]).map(({ type }) => type)).toEqual(['thinking', 'text'])
  })

  it('rule 159 plain reasoning that is finished late is carried as it came', () => {
    const raw = { type: 'response.reasoning_text.delta', item_id: 'r', delta: 'raw' }
    const item = { type: 'reasoning', id: 'r', summary: [], content: [{ type: 'reasoning_text', text: 'raw' }] }
    const opened = (fields: Fields): ResponsesEvent => ({ type: 'response.output_item.added', item: fields })
    const finished = (fields: Fields): ResponsesEvent => ({ type: 'response.output_item.done', item: fields })
    const events = [created, opened({ ...item, content: [] }), raw, opened(message(1)), finished(item)]
    const [block] = content([...events, finished(message(1, 'x')), completed()]) as unknown as [{ signature: string }]
    expect(itemsOf(block.signature, 'local')).toEqual([item])
  })

  it('an item keeps its text together, whatever comes between', () => {
    const events = [text(0, 'a'), text(1, 'c'), text(0, 'b'), done(1, message(1, 'cd')), done(0, message(0, 'ab'))]
    const both = [created, begun(0, message(0)), begun(1, message(1)), ...events, completed()]
    expect(content(both)).toEqual([{ type: 'text', text: 'abcd' }])
  })

  it('an answer that says everything at its end is said', () => {
    expect(content([created, completed({ output: [message(0, 'late')] })])).toEqual([{ type: 'text', text: 'late' }])
  })

  it('the phase of a message stays on its block, invisible to others', () => {
    const [block] = bothWays([{ ...message(0, 'x'), phase: 'commentary' }], []).content
    expect(phaseOf(block!)).toBe('commentary')
    expect(JSON.parse(JSON.stringify(block))).toEqual({ type: 'text', text: 'x' })
  })
})

describe('the end', () => {
  const output = [message(0, 'x')]

  it.each<[string, Fields, string]>([
    ['completed', { status: 'completed' }, 'end_turn'],
    [
      'incomplete: max_output_tokens',
      { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      'max_tokens',
    ],
    [
      'incomplete: content_filter',
      { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
      'refusal',
    ],
    ['incomplete without a reason', { status: 'incomplete' }, 'max_tokens'],
  ])('rule 160 %s', (_name, rest, reason) => {
    const whole = wholeAnswer({ output, ...rest })
    const type = `response.${String(rest['status'])}`
    expect(answer([created, done(0, output[0]!), { type, response: { output, ...rest } }])).toEqual(whole)
    expect(whole.stop_reason).toBe(reason)
  })

  it.each<[string, ResponsesEvent, object]>([
    [
      '160 response.failed',
      {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'slow' } },
      },
      { type: 'rate_limit_error', message: 'slow' },
    ],
    [
      '160 an error event',
      { type: 'error', code: 'server_error', message: 'oops' },
      { type: 'api_error', message: 'oops' },
    ],
    [
      '103 an error event with an object',
      { type: 'error', error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'long' } },
      { type: 'invalid_request_error', message: 'prompt is too long (the provider said: long)' },
    ],
    [
      '103 an error without a type',
      { error: { message: 'down', code: 529 } },
      { type: 'overloaded_error', message: 'down' },
    ],
    ['160 a cancelled answer', { type: 'response.cancelled', response: {} }, { type: 'api_error' }],
    ['160 a failed answer without words', { type: 'response.failed', response: {} }, { type: 'api_error' }],
  ])('rule %s is an error, and nothing follows it', (_name, event, cause) => {
    const { events, fault } = run([created, begun(0, message(0)), text(0, 'x'), event, completed()])
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR', cause })
    expectValid(events, false)
  })

  it.each<[string, Fields]>([
    ['77 an error at HTTP 200', { error: { message: 'm' } }],
    ['160 a failed answer', { status: 'failed', error: { code: 'server_error', message: 'm' }, output: [] }],
  ])('rule %s is an error, not a message', (_name, response) => {
    expect(codeOf(run(target.explode(response, fakeAttempt())).fault)).toBe('CCR_STREAM_ERROR')
  })

  it('an answer of another protocol is not taken for one of this', () => {
    const explode = (): unknown => target.explode({ choices: [] }, fakeAttempt())
    expect(explode).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })

  it.each<[string, ResponsesEvent[]]>([
    ['101 text', [created, begun(0, message(0)), text(0, 'x')]],
    ['101 a finished item', [created, done(0, message(0, 'x'))]],
    ['105 nothing', []],
    ['105 a beginning', [created]],
  ])('rule %s without the end is an answer that ended', (_name, events) => {
    const { events: out, fault } = run(events)
    expect(codeOf(fault)).toBe('CCR_STREAM_ENDED')
    expectValid(out, false)
  })

  it('rule 80 a refusal is text, and the stop reason says it', () => {
    const refused = { ...message(0), content: [{ type: 'refusal', refusal: 'I will not' }] }
    const deltas = [{ type: 'response.refusal.delta', output_index: 0, content_index: 0, delta: 'I will' }]
    expect(bothWays([refused], deltas)).toMatchObject({
      content: [{ type: 'text', text: 'I will not' }],
      stop_reason: 'refusal',
    })
  })
})

describe('usage', () => {
  it.each([
    ['cached tokens are subtracted once', usage(60), { input_tokens: 40, cache_read_input_tokens: 60 }],
    ['written ones too', usage(60, 30), { input_tokens: 10, cache_creation_input_tokens: 30 }],
    ['never below zero', usage(160), { input_tokens: 0, cache_read_input_tokens: 160 }],
  ])('rule 161 %s, in a stream as in a whole answer', (_name, given, expected) => {
    const { usage: counted } = bothWays([message(0, 'x')], [], { usage: given })
    expect(counted).toMatchObject({ ...expected, output_tokens: 20, output_tokens_details: { thinking_tokens: 7 } })
  })

  it('rule 99, 100 what nobody counts is estimated', () => {
    const attempt = fakeAttempt({ messages: [{ role: 'user', content: 'four and some' }] })
    const events = decode([created, done(0, message(0, 'eight ch')), completed()], attempt)
    const { usage: counted } = messageOf(events)
    expect(counted['output_tokens']).toBe(2)
    expect(counted['input_tokens']).toBeGreaterThan(0)
    expect(events.at(-2)).not.toHaveProperty('usage.input_tokens')
  })
})

describe('searches', () => {
  const search = (rest: Fields): Fields => ({
    type: 'web_search_call',
    id: 'item_0',
    status: 'completed',
    action: rest,
  })
  const cited = (url: string): Fields => ({
    type: 'url_citation',
    url,
    title: `about ${url}`,
    start_index: 0,
    end_index: 1,
  })
  const citing = (index: number, ...urls: readonly string[]): Fields => ({
    ...message(index),
    content: [{ type: 'output_text', text: 'so', annotations: urls.map(cited) }],
  })
  const kinds = ({ content: blocks }: CanonicalMessage): string => blocks.map(({ type }) => type).join(' ')

  it('rule 76, 112 a search with its sources is a call and its results, and citations stay with the text', () => {
    const sources = [{ type: 'url', url: 'http://a' }]
    const found = bothWays([search({ type: 'search', query: 'q', sources }), citing(1, 'http://a')], [])
    expect(kinds(found)).toBe('server_tool_use web_search_tool_result text')
    expect(found.content).toMatchObject([
      { name: 'web_search', input: { query: 'q' } },
      { content: [{ url: 'http://a' }] },
      { text: 'so', citations: [{ type: 'web_search_result_location', url: 'http://a', title: 'about http://a' }] },
    ])
    expect(found.usage).toMatchObject({ server_tool_use: { web_search_requests: 1 } })
  })

  it.each([
    [
      'of a search that names no sources',
      [search({ type: 'search', query: 'q' }), citing(1, 'http://a', 'http://b', 'http://a')],
    ],
    ['of no search at all', [citing(0, 'http://a', 'http://b', 'http://a')]],
  ])('rule 76 cited sources %s become one search with all results', (_name, output) => {
    const found = bothWays(output, [])
    expect(kinds(found)).toBe('text server_tool_use web_search_tool_result')
    expect(found.content[2]).toMatchObject({ content: [{ url: 'http://a' }, { url: 'http://b' }] })
  })

  it('rule 75 no annotations are no search', () => {
    expect(kinds(bothWays([message(0, 'x')], []))).toBe('text')
  })

  it('annotations of a stream are cited once', () => {
    const annotation = {
      type: 'response.output_text.annotation.added',
      output_index: 0,
      content_index: 0,
      annotation: cited('http://a'),
    }
    expect(bothWays([citing(0, 'http://a')], [text(0, 'so'), annotation]).content[0]).toMatchObject({
      citations: [{ url: 'http://a' }],
    })
  })
})

it('an item of a tool that only this protocol has is kept whole, and named in text for others', () => {
  const shell = { type: 'local_shell_call', id: 'lsh_1', call_id: 'c', action: { type: 'exec', command: ['ls'] } }
  const [block] = bothWays([shell], []).content
  expect(itemOf(block!)).toEqual(shell)
  expect(block).toMatchObject({ type: 'text', text: expect.stringContaining('local_shell_call') as unknown })
})

it('what a server never finishes is bounded', () => {
  const many = Array.from({ length: 300_000 }, (_, index) => added(index, { type: 'message', id: `m${index}` }))
  expect(codeOf(run([created, ...many]).fault)).toBe('CCR_STREAM_LIMIT')
})
