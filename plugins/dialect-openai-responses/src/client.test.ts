import { messageEvents, type CanonicalMessage, type ContentBlock } from '@ccr/sdk'
import { json } from '@ccr/sdk/testing'
import OpenAI from 'openai'
import type { ResponseInput, ResponseStreamEvent, Tool } from 'openai/resources/responses/responses'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost, type Host, type HostOptions } from '../test/host.ts'
import { added, args, call, completed, created, done, message, reasoning, summary, text } from '../test/wire-events.ts'
import type { ResponsesBody, ResponsesEvent } from './wire.ts'

let host: Host | undefined
afterEach(async () => {
  await host?.close()
  host = undefined
})

async function start(options: HostOptions): Promise<Host> {
  return (host = await createHost(options))
}

/** An answer as any other provider would give it. */
function saying(content: readonly ContentBlock[], rest: Partial<CanonicalMessage> = {}): CanonicalMessage {
  return {
    id: 'msg_up',
    type: 'message',
    role: 'assistant',
    model: 'asked',
    content,
    stop_reason: content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 10,
      cache_read_input_tokens: 5,
      cache_creation_input_tokens: 3,
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 2 },
    },
    ...rest,
  }
}

const answering = (message: CanonicalMessage): HostOptions => ({ local: () => messageEvents(message) })
const weather: Tool = {
  type: 'function',
  name: 'weather',
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

async function eventsOf(sdk: OpenAI): Promise<readonly ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  for await (const event of await sdk.responses.create({ model: 'asked', input: 'q', stream: true })) events.push(event)
  return events
}

const everything = saying([
  { type: 'thinking', thinking: 'hm', signature: 'sig' },
  { type: 'text', text: 'hello' },
  { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Paris' } },
])

describe('the official SDK as client', () => {
  it('reads a whole answer', async () => {
    const { sdk, asked } = await start(answering(everything))
    const response = await sdk.responses.create({ model: 'asked', input: 'q', instructions: 'be' })
    expect(response).toMatchObject({ object: 'response', status: 'completed', model: 'asked', output_text: 'hello' })
    expect(response.output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call'])
    expect(response.output[2]).toMatchObject({ call_id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' })
    expect(response.usage).toEqual({
      input_tokens: 18,
      input_tokens_details: { cached_tokens: 5, cache_write_tokens: 3 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 25,
    })
    expect(asked[0]).toMatchObject({
      system: [{ type: 'text', text: 'be' }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }],
    })
  })

  it('accumulates a stream to the same', async () => {
    const { sdk } = await start(answering(everything))
    const params = { model: 'asked', input: 'q' }
    const { id: _id, output, ...whole } = await sdk.responses.create(params)
    const { id: _other, output: streamedOutput, ...streamed } = await sdk.responses.stream(params).finalResponse()
    expect(streamed).toMatchObject(JSON.parse(JSON.stringify(whole)) as object)
    expect(streamedOutput).toMatchObject(output)
  })

  it('gets every event of the protocol in order, with its number', async () => {
    const { sdk } = await start(answering(everything))
    const events = await eventsOf(sdk)
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      ...['created', 'in_progress'],
      ...['output_item.added', 'reasoning_summary_part.added', 'reasoning_summary_text.delta'],
      ...['reasoning_summary_text.done', 'reasoning_summary_part.done', 'output_item.done'],
      ...['output_item.added', 'content_part.added', 'output_text.delta', 'output_text.done', 'content_part.done'],
      ...['output_item.done', 'output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done'],
      ...['output_item.done', 'completed'],
    ])
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at))
  })

  it('calls a function and goes on, with the reasoning item in its place', async () => {
    const item = reasoning(0, ['think'], 'SECRET')
    const upstream = ({ input }: ResponsesBody) =>
      input.some(({ type }) => type === 'function_call_output')
        ? [created, done(0, message(0, 'sunny')), completed()]
        : [
            created,
            added(0, { ...item, summary: [] }),
            summary(0, 'think'),
            done(0, item),
            added(1, call(1, 'weather', '')),
            args(1, '{"city":"Paris"}'),
            done(1, call(1, 'weather', '{"city":"Paris"}')),
            completed(),
          ]
    const { sdk, sent } = await start({ upstream })
    const input: ResponseInput = [{ role: 'user', content: 'weather?' }]
    const ask = () => sdk.responses.stream({ model: 'asked', input, tools: [weather] }).finalResponse()
    const first = await ask()
    input.push(...(first.output as ResponseInput))
    const made = first.output.find(({ type }) => type === 'function_call') as { call_id: string; arguments: string }
    expect(JSON.parse(made.arguments)).toEqual({ city: 'Paris' })
    input.push({ type: 'function_call_output', call_id: made.call_id, output: '21' })
    expect((await ask()).output_text).toBe('sunny')
    expect(sent[1]!.input.slice(1)).toEqual([
      item,
      { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' },
      { type: 'function_call_output', call_id: 'call_1', output: '21' },
    ])
    expect(sent[1]).toMatchObject({ store: false, include: ['reasoning.encrypted_content'] })
  })

  it('sees the names of its tools, also those that the provider does not take', async () => {
    const name = `mcp.${'x'.repeat(80)}`
    const upstream = ({ tools }: ResponsesBody) => ({
      status: 'completed',
      output: [call(0, String((tools![0] as { name?: unknown }).name), '{}')],
    })
    const { sdk, sent } = await start({ upstream })
    const { output } = await sdk.responses.create({ model: 'asked', input: 'q', tools: [{ ...weather, name }] })
    expect(output).toMatchObject([{ type: 'function_call', name }])
    expect(JSON.stringify(sent[0])).not.toContain(name)
  })

  it('brings back the thinking of another vendor exactly', async () => {
    const blocks: readonly ContentBlock[] = [
      { type: 'thinking', thinking: 'deep', signature: 'EqQBCgIYAhIM' },
      { type: 'redacted_thinking', data: 'opaque' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} },
    ]
    const { sdk, asked } = await start(answering(saying(blocks)))
    const input: ResponseInput = [{ role: 'user', content: 'q' }]
    const { output } = await sdk.responses.create({ model: 'asked', input, tools: [weather] })
    input.push(...(output as ResponseInput), { type: 'function_call_output', call_id: 'toolu_1', output: 'r' })
    await sdk.responses.create({ model: 'asked', input, tools: [weather] })
    expect(asked[1]!.messages.slice(1)).toEqual([
      { role: 'assistant', content: blocks },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'r' }] },
    ])
  })

  it('parses an answer in the format it asked for', async () => {
    const { sdk, asked } = await start(answering(saying([{ type: 'text', text: '{"a":1}' }])))
    const schema = { type: 'object', properties: { a: { type: 'number' } } }
    const format = { type: 'json_schema', name: 'n', schema } as const
    const { output_text } = await sdk.responses.create({ model: 'asked', input: 'q', text: { format } })
    expect(output_text).toBe('{"a":1}')
    expect(asked[0]!.output_config).toEqual({ format: { type: 'json_schema', schema } })
  })

  it('sees the annotations of a target of its dialect as they are, streamed and whole', async () => {
    const annotations = [
      { type: 'url_citation', url: 'http://a', title: 'A', start_index: 4, end_index: 5 },
      { type: 'file_citation', file_id: 'file-1', filename: 'a.txt', index: 3 },
    ]
    const item = { ...message(0), content: [{ type: 'output_text', text: 'hello', annotations }] }
    const { sdk } = await start({ upstream: () => [created, done(0, item), completed()] })
    const params = { model: 'asked', input: 'q' }
    const expected = [{ type: 'message', content: [{ text: 'hello', annotations }] }]
    expect((await sdk.responses.create(params)).output).toMatchObject(expected)
    expect((await sdk.responses.stream(params).finalResponse()).output).toMatchObject(expected)
  })

  it('sees citations and searches', async () => {
    const citation = { type: 'web_search_result_location', url: 'http://a', title: 't', cited_text: '' }
    const { sdk } = await start(
      answering(
        saying([
          { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } },
          { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
          { type: 'text', text: 'so', citations: [citation] },
        ]),
      ),
    )
    const { output } = await sdk.responses.stream({ model: 'asked', input: 'q' }).finalResponse()
    expect(output).toMatchObject([
      { type: 'web_search_call', action: { type: 'search', query: 'q' } },
      {
        type: 'message',
        content: [{ text: 'so', annotations: [{ type: 'url_citation', url: 'http://a', title: 't' }] }],
      },
    ])
  })
})

describe('an answer that is not whole', () => {
  it.each([
    ['max_tokens', 'max_output_tokens'],
    ['model_context_window_exceeded', 'max_output_tokens'],
    ['refusal', 'content_filter'],
  ])('%s is incomplete: %s', async (stop_reason, reason) => {
    const { sdk } = await start(answering(saying([{ type: 'text', text: 'x' }], { stop_reason })))
    const params = { model: 'asked', input: 'q' }
    const expected = { status: 'incomplete', incomplete_details: { reason }, output_text: 'x' }
    expect(await sdk.responses.create(params)).toMatchObject(expected)
    expect(await sdk.responses.stream(params).finalResponse()).toMatchObject(expected)
  })

  it.each(['max_output_tokens', 'content_filter'])(
    'a call cut by %s is announced, never finished, and not part of the answer',
    async (reason) => {
      const upstream = () => [
        created,
        added(0, call(0, 'weather', '')),
        args(0, '{"city":'),
        { type: 'response.incomplete', response: { incomplete_details: { reason } } },
      ]
      const { sdk } = await start({ upstream })
      const events = await eventsOf(sdk)
      expect(events.map(({ type }) => type)).not.toContain('response.output_item.done')
      expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: { output: [] } })
    },
  )
})

describe('failures', () => {
  it.each([
    [429, 'rate_limit_exceeded', OpenAI.RateLimitError, 429, 'rate_limit_exceeded'],
    [400, 'invalid', OpenAI.BadRequestError, 400, null],
    [400, 'context_length_exceeded', OpenAI.BadRequestError, 400, 'context_length_exceeded'],
    [500, 'server_error', OpenAI.InternalServerError, 502, 'server_error'],
  ])('an upstream’s %s %s is the SDK’s own error', async (status, code, type, seen, shown) => {
    const said = code === 'context_length_exceeded' ? 'Your input exceeds the context window' : 'no'
    const { sdk } = await start({ upstream: () => json({ error: { message: said, code } }, status) })
    const fault = await sdk.responses.create({ model: 'asked', input: 'q' }).catch((thrown: unknown) => thrown)
    expect(fault).toBeInstanceOf(type)
    expect(fault).toMatchObject({ status: seen, code: shown, message: expect.stringContaining(said) as unknown })
  })

  it.each<[string, object, string]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }, 'no answers are stored; send the whole conversation'],
    ['conversation', { conversation: 'conv_1' }, 'no conversations are stored'],
    ['background', { background: true }, 'no answers are stored'],
    ['an item reference', { input: [{ type: 'item_reference', id: 'x' }] }, 'send the item itself'],
  ])('%s is a 400 that says what to do', async (_name, params, remedy) => {
    const { sdk, asked } = await start(answering(everything))
    const fault = await sdk.responses
      .create({ model: 'asked', input: 'q', ...params })
      .catch((thrown: unknown) => thrown)
    expect(fault).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      message: expect.stringContaining(remedy) as unknown,
    })
    expect(asked).toEqual([])
  })

  it.each<[string, ResponsesEvent[]]>([
    ['an error event', [{ type: 'error', code: 'rate_limit_exceeded', message: 'slow' }]],
    [
      'response.failed',
      [created, { type: 'response.failed', response: { error: { code: 'rate_limit_exceeded', message: 'slow' } } }],
    ],
  ])('rule 104 before any content is an HTTP status: %s', async (_name, events) => {
    const { sdk } = await start({ upstream: () => events })
    const fault = await eventsOf(sdk).catch((thrown: unknown) => thrown)
    expect(fault).toBeInstanceOf(OpenAI.RateLimitError)
  })

  it('one in the middle of an answer ends it as failed, once', async () => {
    const upstream = () => [
      created,
      added(0, message(0)),
      text(0, 'x'),
      { type: 'error', code: 'rate_limit_exceeded', message: 'slow' },
    ]
    const { sdk } = await start({ upstream })
    const events = await eventsOf(sdk)
    expect(events.filter(({ type }) => /failed|error|completed/.test(type))).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: {
        status: 'failed',
        error: { code: 'rate_limit_exceeded', message: expect.stringContaining('slow') as unknown },
      },
    })
    const final = await sdk.responses.stream({ model: 'asked', input: 'q' }).finalResponse()
    expect(final).toMatchObject({ status: 'failed', error: { code: 'rate_limit_exceeded' } })
  })

  it('a target that refuses a part of the request is asked once more without it', async () => {
    const seen: boolean[] = []
    const upstream = (sent: ResponsesBody) => {
      seen.push('include' in sent)
      if (sent.include) return json({ error: { message: 'Encrypted content is not supported with this model.' } }, 400)
      return { status: 'completed', output: [message(0, 'ok')] }
    }
    const { sdk } = await start({ upstream })
    expect((await sdk.responses.create({ model: 'asked', input: 'q' })).output_text).toBe('ok')
    expect((await sdk.responses.create({ model: 'asked', input: 'q' })).output_text).toBe('ok')
    expect(seen).toEqual([true, false, false])
  })

  it('a target that refuses a part of requests that came together is asked once more for each of them', async () => {
    const upstream = (sent: ResponsesBody) =>
      sent.include
        ? json({ error: { message: 'Encrypted content is not supported with this model.' } }, 400)
        : { status: 'completed', output: [message(0, 'ok')] }
    const { test } = await start({ upstream })
    const ask = () => test.request({ path: '/v1/responses', body: { model: 'asked', input: 'q' } })
    expect((await Promise.all([ask(), ask()])).map(({ status }) => status)).toEqual([200, 200])
  })
})

describe('what only this protocol knows', () => {
  const patch = {
    type: 'custom',
    name: 'apply_patch',
    format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' },
  } as const
  const group: Tool = {
    type: 'namespace',
    name: 'mcp',
    description: 'd',
    tools: [{ type: 'function', name: 'get', parameters: {} }],
  }
  const shell = { type: 'local_shell' } as const
  const tools: Tool[] = [weather, patch, group, shell, { type: 'web_search' }]

  it('reaches a target that knows it too', async () => {
    const { sdk, sent } = await start({ upstream: () => ({ status: 'completed', output: [message(0, 'ok')] }) })
    await sdk.responses.create({
      model: 'asked',
      tools,
      tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'weather' }] },
      reasoning: { effort: 'minimal', summary: 'concise' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
      prompt_cache_key: 'conversation',
      service_tier: 'flex',
      input: [
        { role: 'user', content: [{ type: 'input_image', detail: 'high', file_id: 'file-1' }] },
        {
          type: 'local_shell_call',
          id: 'l',
          call_id: 'c0',
          status: 'completed',
          action: { type: 'exec', command: ['ls'], env: {} },
        },
        { type: 'local_shell_call_output', id: 'c0', output: 'files' },
        {
          type: 'message',
          id: 'msg_0',
          status: 'completed',
          role: 'assistant',
          phase: 'commentary',
          content: [{ type: 'output_text', text: 'now', annotations: [] }],
        },
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'a "b"' },
        { type: 'function_call', call_id: 'c2', name: 'get', namespace: 'mcp', arguments: '{}' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
        { type: 'function_call_output', call_id: 'c2', output: 'got' },
      ],
    })
    expect(sent[0]).toMatchObject({
      tools: [weather, patch, group, { type: 'web_search' }, shell],
      tool_choice: { type: 'allowed_tools' },
      reasoning: { effort: 'minimal', summary: 'concise' },
      text: { verbosity: 'low', format: { name: 'n', strict: true } },
      prompt_cache_key: 'conversation',
      service_tier: 'flex',
      input: [
        { role: 'user', content: [{ type: 'input_image', detail: 'high', file_id: 'file-1' }] },
        { type: 'local_shell_call', call_id: 'c0' },
        { type: 'local_shell_call_output', output: 'files' },
        { role: 'assistant', phase: 'commentary', content: [{ text: 'now' }] },
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'a "b"' },
        { type: 'function_call', call_id: 'c2', name: 'get', namespace: 'mcp' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
        { type: 'function_call_output', call_id: 'c2', output: 'got' },
      ],
    })
  })

  it('comes back from there as it was', async () => {
    const output = [
      { ...message(0, 'now'), phase: 'commentary' },
      { type: 'custom_tool_call', id: 'i1', call_id: 'c1', name: 'apply_patch', input: 'a "b"' },
      { ...call(2, 'get', '{}'), namespace: 'mcp' },
      {
        type: 'local_shell_call',
        id: 'l',
        call_id: 'c3',
        status: 'completed',
        action: { type: 'exec', command: ['ls'] },
      },
    ]
    const { sdk } = await start({
      upstream: ({ stream }) => (stream ? [created, completed({ output })] : { status: 'completed', output }),
    })
    const params = { model: 'asked', input: 'q', tools }
    const whole = await sdk.responses.create(params)
    const streamed = await sdk.responses.stream(params).finalResponse()
    for (const response of [whole, streamed])
      expect(response.output).toMatchObject([
        { type: 'message', phase: 'commentary', content: [{ text: 'now' }] },
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'a "b"' },
        { type: 'function_call', name: 'get', namespace: 'mcp', arguments: '{}' },
        output[3],
      ])
  })

  it('is said to other targets in their words', async () => {
    const use = { type: 'tool_use', id: 'c1', name: 'apply_patch', input: { input: 'a' } } as const
    const { sdk, asked } = await start(answering(saying([use, { ...use, id: 'c2', name: 'mcp__get', input: {} }])))
    const { output } = await sdk.responses.create({ model: 'asked', input: 'q', tools })
    expect(output).toMatchObject([
      { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'a' },
      { type: 'function_call', call_id: 'c2', name: 'get', namespace: 'mcp' },
    ])
    expect(asked[0]!.tools?.map(({ name, type }) => type ?? name)).toEqual([
      'weather',
      'apply_patch',
      'mcp__get',
      'web_search_20250305',
    ])
  })
})
