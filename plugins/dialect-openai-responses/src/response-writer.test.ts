import type { CanonicalEvent, CanonicalRequest, Exchange } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { KeptItems } from './kept-items.ts'
import { ResponseWriter } from './response-writer.ts'
import type { Fields } from './wire.ts'

function exchangeOf(request: Partial<CanonicalRequest> = {}): Exchange {
  let count = 0
  const newId = (prefix: string): string => `${prefix}${count++}`
  return { request: { model: 'asked', messages: [], ...request }, startedAt: 5_999, newId } as unknown as Exchange
}

/** What is sent for these blocks, each with its deltas, but for the numbers and the response itself. */
function sent(blocks: readonly (readonly [object, ...object[]])[], stop_reason = 'end_turn', request = {}): Fields[] {
  const events: Fields[] = []
  const writer = new ResponseWriter(exchangeOf(request), new KeptItems(), (type, event) => {
    expect(event).toMatchObject({ type, sequence_number: events.length })
    events.push(event)
  })
  const message = { id: 'm', type: 'message', role: 'assistant', model: 'real', content: [] }
  const written = [
    { type: 'message_start', message },
    ...blocks.flatMap(([content_block, ...deltas], index) => [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 3 } },
    { type: 'message_stop' },
  ] as unknown as CanonicalEvent[]
  for (const event of written) writer.event(event)
  expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress'])
  expect(events.at(-1)!['response']).toBe(writer.response)
  return events.slice(2).map(({ sequence_number: _number, response, type, ...rest }) => {
    const { status, model, output, usage } = (response ?? {}) as Fields
    return {
      ...rest,
      type: String(type).replace('response.', ''),
      ...(response !== undefined && { status, model, output, usage }),
    }
  })
}

const completed = (output: readonly object[]): object => ({
  type: 'completed',
  status: 'completed',
  model: 'real',
  output,
  usage: expect.objectContaining({ output_tokens: 3 }) as object,
})
/** The events of one item: it is announced, written and done. */
const item = (output_index: number, begun: object, done: object, ...between: readonly object[]): object[] => [
  { type: 'output_item.added', output_index, item: begun },
  ...between,
  { type: 'output_item.done', output_index, item: done },
]

describe('the events of a Responses stream', () => {
  it('say a text, and what it cites, part by part', () => {
    const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
    const head = { id: 'msg_1', type: 'message', role: 'assistant' }
    const annotation = { type: 'url_citation', url: 'u', title: 'u', start_index: 0, end_index: 3 }
    const part = (text: string, annotations: readonly object[]): object => ({
      type: 'output_text',
      text,
      annotations,
      logprobs: [],
    })
    const done = { ...head, status: 'completed', content: [part('abc', [annotation])] }
    const cites = { type: 'citations_delta', citation: { url: 'u' } }
    const nowhere = { type: 'citations_delta', citation: { title: 't' } }
    expect(
      sent([[{ type: 'text', text: 'a' }, { type: 'text_delta', text: 'bc' }, cites, nowhere, { type: 'later' }]]),
    ).toEqual([
      ...item(
        0,
        { ...head, status: 'in_progress', content: [] },
        done,
        { type: 'content_part.added', ...place, part: part('', []) },
        { type: 'output_text.delta', ...place, delta: 'a', logprobs: [] },
        { type: 'output_text.delta', ...place, delta: 'bc', logprobs: [] },
        { type: 'output_text.annotation.added', ...place, annotation_index: 0, annotation },
        { type: 'output_text.done', ...place, text: 'abc', logprobs: [] },
        { type: 'content_part.done', ...place, part: part('abc', [annotation]) },
      ),
      completed([done]),
    ])
  })

  it('say what was thought as a summary, where there is any', () => {
    const place = { item_id: 'rs_1', output_index: 0, summary_index: 0 }
    const part = (text: string): object => ({ type: 'summary_text', text })
    const first = {
      id: 'rs_1',
      type: 'reasoning',
      summary: [part('ab')],
      encrypted_content: expect.any(String) as string,
    }
    const second = { id: 'rs_2', type: 'reasoning', summary: [], encrypted_content: null }
    const third = { id: 'rs_3', type: 'reasoning', summary: [], encrypted_content: expect.any(String) as string }
    const thought = { type: 'thinking', thinking: 'a', signature: '' }
    const signature = { type: 'signature_delta', signature: 's' }
    const events = sent([
      [thought, { type: 'thinking_delta', thinking: 'b' }, signature],
      [{ ...thought, thinking: '' }],
      [{ type: 'redacted_thinking', data: 'd' }],
    ])
    expect(events).toEqual([
      ...item(
        0,
        { id: 'rs_1', type: 'reasoning', summary: [] },
        first,
        { type: 'reasoning_summary_part.added', ...place, part: part('') },
        { type: 'reasoning_summary_text.delta', ...place, delta: 'a' },
        { type: 'reasoning_summary_text.delta', ...place, delta: 'b' },
        { type: 'reasoning_summary_text.done', ...place, text: 'ab' },
        { type: 'reasoning_summary_part.done', ...place, part: part('ab') },
      ),
      ...item(1, { id: 'rs_2', type: 'reasoning', summary: [] }, second),
      ...item(2, { id: 'rs_3', type: 'reasoning', summary: [] }, third),
      completed([first, second, third]),
    ])
  })

  it('say a call, with its arguments as they came or whole', () => {
    const call = (id: string, call_id: string, status: string, whole: string): object => ({
      id,
      type: 'function_call',
      status,
      arguments: whole,
      call_id,
      name: 'f',
    })
    const place = (at: number): object => ({ item_id: `fc_${at + 1}`, output_index: at })
    const json = (partial_json: string): object => ({ type: 'input_json_delta', partial_json })
    const tool = (id: string, input?: object): object => ({ type: 'tool_use', id, name: 'f', ...(input && { input }) })
    const finished = [
      call('fc_1', 'a', 'completed', '{"x":1}'),
      call('fc_2', 'b', 'completed', '{"y":2}'),
      call('fc_3', 'c', 'completed', '{}'),
    ]
    const added = (at: number, id: string): object => call(`fc_${at + 1}`, id, 'in_progress', '')
    expect(sent([[tool('a', {}), json('{"x"'), json(':1}')], [tool('b', { y: 2 })], [tool('c')]], 'tool_use')).toEqual([
      ...item(
        0,
        added(0, 'a'),
        finished[0]!,
        { type: 'function_call_arguments.delta', ...place(0), delta: '{"x"' },
        { type: 'function_call_arguments.delta', ...place(0), delta: ':1}' },
        { type: 'function_call_arguments.done', ...place(0), name: 'f', arguments: '{"x":1}' },
      ),
      ...item(
        1,
        added(1, 'b'),
        finished[1]!,
        { type: 'function_call_arguments.delta', ...place(1), delta: '{"y":2}' },
        { type: 'function_call_arguments.done', ...place(1), name: 'f', arguments: '{"y":2}' },
      ),
      ...item(
        2,
        added(2, 'c'),
        finished[2]!,
        { type: 'function_call_arguments.delta', ...place(2), delta: '{}' },
        { type: 'function_call_arguments.done', ...place(2), name: 'f', arguments: '{}' },
      ),
      completed(finished),
    ])
  })

  it('say a search by its query and a picture by its bytes, and nothing of what a server did besides', () => {
    const search = (id: string, status: string, query = 'q'): object => ({
      id,
      type: 'web_search_call',
      status,
      action: { type: 'search', query },
    })
    const image = (status: string, result: string | null): object => ({
      id: 'ig_3',
      type: 'image_generation_call',
      status,
      result,
    })
    const server = (name: string, input: object): object => ({ type: 'server_tool_use', id: 's', name, input })
    const finished = [search('ws_1', 'completed'), image('completed', 'AA'), search('ws_4', 'completed', 'r')]
    expect(
      sent([
        [server('web_search', { query: 'q' })],
        [server('web_search', { query: '' })],
        [server('other', { query: 'q' })],
        [{ type: 'web_search_tool_result', tool_use_id: 's', content: [] }],
        [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } }],
        [server('web_search', {}), { type: 'input_json_delta', partial_json: '{"query":"r"}' }],
      ]),
    ).toEqual([
      ...item(0, search('ws_1', 'in_progress'), finished[0]!),
      ...item(1, image('in_progress', null), finished[1]!),
      // What was searched for is known before the item is announced.
      { type: 'output_item.added', output_index: 2, item: expect.objectContaining({ id: 'ws_4' }) as object },
      { type: 'output_item.done', output_index: 2, item: finished[2] },
      completed(finished),
    ])
  })

  it('name a picture that is only an address', () => {
    const events = sent([[{ type: 'image', source: { type: 'url', url: 'u' } }]])
    expect(events.find(({ type }) => type === 'output_text.done')).toMatchObject({ text: '[image u]' })
  })

  it('finish a call that nobody says was cut, as it is', () => {
    const cut = { type: 'input_json_delta', partial_json: '{"x' }
    const events = sent([[{ type: 'tool_use', id: 'a', name: 'f', input: {} }, cut], [{ type: 'text', text: 'b' }]])
    expect(events.find(({ type }) => type === 'function_call_arguments.done')).toMatchObject({ arguments: '{"x' })
    expect((events.at(-1)!['output'] as Fields[]).map(({ type }) => type)).toEqual(['function_call', 'message'])
  })
})

describe('the last event of a stream that failed', () => {
  const collect = (act: (writer: ResponseWriter) => void): readonly Fields[] => {
    const events: Fields[] = []
    act(new ResponseWriter(exchangeOf(), new KeptItems(), (_type, event) => events.push(event)))
    return events
  }
  const reply = { status: 529, type: 'overloaded_error', message: 'busy' } as const

  it('comes behind the first, is the last, and says why', () => {
    const events = collect((writer) => {
      writer.fail(reply)
      writer.fail(reply)
      writer.event({ type: 'message_stop' })
    })
    expect(events.map(({ type }) => type)).toEqual(['response.created', 'response.in_progress', 'response.failed'])
    expect(events.at(-1)).toMatchObject({ response: { status: 'failed', output: [], error: { message: 'busy' } } })
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'busy' } } as CanonicalEvent
    expect(collect((writer) => writer.event(error)).at(-1)).toMatchObject({ response: { error: { message: 'busy' } } })
  })
})

describe('the response', () => {
  const settings = (request: Partial<CanonicalRequest>): Fields =>
    new ResponseWriter(exchangeOf(request), new KeptItems(), () => undefined).response

  it('repeats what was asked for, or what is usual', () => {
    expect(settings({})).toEqual({
      ...{ id: 'resp_0', object: 'response', created_at: 5, status: 'in_progress', model: 'asked', output: [] },
      ...{ background: false, error: null, incomplete_details: null, instructions: null, max_output_tokens: null },
      ...{ metadata: {}, parallel_tool_calls: true, previous_response_id: null, service_tier: 'auto', store: false },
      reasoning: { effort: null, summary: null },
      ...{ temperature: 1, top_p: 1, text: { format: { type: 'text' } }, tool_choice: 'auto', tools: [] },
      ...{ truncation: 'disabled', usage: null },
    })
    const own = {
      reasoning: { effort: 'low', summary: 'auto' },
      ...{ metadata: { a: 'b' }, service_tier: 'flex', text: { verbosity: 'low' }, truncation: 'auto' },
    }
    const asked = { max_tokens: 9, temperature: 0, top_p: 0.5, extra: { 'openai-responses': own } }
    expect(settings(asked)).toMatchObject({ ...own, max_output_tokens: 9, temperature: 0, top_p: 0.5 })
  })

  it.each<[CanonicalRequest['tool_choice'], unknown, boolean]>([
    [{ type: 'auto' }, 'auto', true],
    [{ type: 'auto', disable_parallel_tool_use: true }, 'auto', false],
    [{ type: 'any' }, 'required', true],
    [{ type: 'none' }, 'none', true],
    [{ type: 'tool', name: 'f', disable_parallel_tool_use: true }, { type: 'function', name: 'f' }, false],
  ])('says of the choice %j: %j', (choice, tool_choice, parallel_tool_calls) => {
    expect(settings({ tool_choice: choice })).toMatchObject({ tool_choice, parallel_tool_calls })
  })
})
