import { definePlugin, Type, type CanonicalEvent, type CanonicalRequest } from '@ccr/sdk'
import { json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { APIError, BadRequestError, RateLimitError } from 'openai'
import type { ChatCompletionChunk, ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { afterEach, describe, expect, it } from 'vitest'
import { createWorld, type World } from '../test/world.ts'
import type { ChatBody } from './wire.ts'

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function start(...args: Parameters<typeof createWorld>): Promise<World['openai']> {
  world = await createWorld(...args)
  return world.openai
}

const asks: ChatCompletionMessageParam[] = [{ role: 'user', content: 'hi' }]
const frames = (...chunks: readonly object[]): string =>
  `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`
const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})
const USAGE = {
  prompt_tokens: 100,
  completion_tokens: 9,
  prompt_tokens_details: { cached_tokens: 60 },
  completion_tokens_details: { reasoning_tokens: 4 },
}
const CALL = { id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }

/** Reasons, says something and calls a tool, streamed or whole as asked; knows the weather when it was told. */
const upstream: TestUpstream = ({ body }) => {
  const { stream, messages } = JSON.parse(String(body)) as ChatBody
  if (messages.at(-1)?.role === 'tool') {
    const message = { role: 'assistant', content: `It is ${String(messages.at(-1)!.content)}.` }
    if (!stream) return json({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage: USAGE })
    return sse(frames(chunk(message), chunk({}, 'stop'), { choices: [], usage: USAGE }))
  }
  const message = { role: 'assistant', content: 'Let me see.', reasoning_content: 'thinking', tool_calls: [CALL] }
  if (!stream) return json({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage: USAGE })
  return sse(
    frames(
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'think' }),
      chunk({ reasoning_content: 'ing' }),
      chunk({ content: 'Let me ' }),
      chunk({ content: 'see.' }),
      chunk({ tool_calls: [{ ...CALL, index: 0, function: { name: 'get_weather', arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] }),
      chunk({}, 'tool_calls'),
      { choices: [], usage: USAGE },
    ),
  )
}

const DETAILED = {
  ...USAGE,
  total_tokens: 109,
  prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 0 },
}

describe('the official client', () => {
  it('gets a whole answer', async () => {
    const openai = await start(upstream)
    const answer = await openai.chat.completions.create({ model: 'asked', messages: asks })
    expect(answer).toEqual({
      id: expect.stringMatching(/^chatcmpl-\w+$/) as string,
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'asked',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Let me see.',
            refusal: null,
            reasoning_content: 'thinking',
            tool_calls: [CALL],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: DETAILED,
    })
  })

  it('gets a stream: role first, each delta by itself, the finish reason, the usage that it asked for', async () => {
    const openai = await start(upstream)
    const chunks: ChatCompletionChunk[] = []
    const options = { include_usage: true }
    const stream = await openai.chat.completions.create({
      model: 'asked',
      messages: asks,
      stream: true,
      stream_options: options,
    })
    for await (const one of stream) chunks.push(one)
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))
    expect(deltas).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { reasoning_content: 'think' },
      { reasoning_content: 'ing' },
      { content: 'Let me ' },
      { content: 'see.' },
      { tool_calls: [{ ...CALL, index: 0, function: { name: 'get_weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] },
      {},
    ])
    const reasons = chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason))
    expect(reasons.filter((reason) => reason !== null)).toEqual(['tool_calls'])
    expect(reasons.at(-1)).toBe('tool_calls')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: DETAILED })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
    expect(new Set(chunks.map(({ id, object, model, created }) => `${id} ${object} ${model} ${created}`)).size).toBe(1)
  })

  it('gets no usage that it did not ask for, and [DONE] at the end', async () => {
    await start(upstream)
    const body = { model: 'asked', messages: asks, stream: true }
    const { text, headers } = await world!.test.request({ path: '/v1/chat/completions', body })
    expect(headers['content-type']).toMatch(/^text\/event-stream/)
    expect(text).not.toContain('usage')
    expect(text.endsWith('\n\ndata: [DONE]\n\n')).toBe(true)
  })

  it('accumulates the stream to what the whole answer is', async () => {
    const openai = await start(upstream)
    const options = { include_usage: true }
    const final = await openai.chat.completions
      .stream({ model: 'asked', messages: asks, stream_options: options })
      .finalChatCompletion()
    expect(final.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { role: 'assistant', content: 'Let me see.', tool_calls: [CALL] },
    })
    expect(final.usage).toEqual(DETAILED)
  })

  it.each([['whole'], ['streamed']])('runs its tools, %s', async (way) => {
    const openai = await start(upstream)
    const tool = {
      type: 'function' as const,
      function: {
        name: 'get_weather',
        description: 'The weather of a city.',
        parameters: { type: 'object', properties: { city: { type: 'string' } } },
        parse: JSON.parse as (text: string) => { city: string },
        function: ({ city }: { city: string }) => `sunny in ${city}`,
      },
    }
    const params = { model: 'asked', messages: asks, tools: [tool] }
    const runner =
      way === 'whole'
        ? openai.chat.completions.runTools(params)
        : openai.chat.completions.runTools({ ...params, stream: true })
    expect(await runner.finalContent()).toBe('It is sunny in Paris.')
  })

  it.each([['whole'], ['streamed']])('gets an error of the upstream as its own class, %s', async (way) => {
    const openai = await start(() => ({
      ...json({ error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' } }, 429),
      headers: { 'content-type': 'application/json', 'retry-after': '7' },
    }))
    const error: unknown = await openai.chat.completions
      .create({ model: 'asked', messages: asks, stream: way === 'streamed' })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null })
    expect((error as APIError).message).toContain('slow down')
    expect((error as APIError).headers?.get('retry-after')).toBe('7')
  })

  it('gets a refusal of its request with the place of the fault', async () => {
    const openai = await start(upstream)
    const error: unknown = await openai.chat.completions
      .create({ model: 'asked', messages: asks, n: 2 })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param: 'n' })
    expect((error as APIError).message).toContain('one answer a request')
  })

  it('gets an error inside of a stream, after what was said before', async () => {
    const said = `data: ${JSON.stringify(chunk({ content: 'half' }))}\n\n`
    const openai = await start(() => sse([said, 'data: {"error":{"message":"broken","code":529}}\n\n']))
    const stream = await openai.chat.completions.create({ model: 'asked', messages: asks, stream: true })
    let content = ''
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) content += choices[0]?.delta.content ?? ''
    }
    const error: unknown = await read().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject({ type: 'server_error', code: 'server_overloaded' })
    expect((error as APIError).message).toContain('broken')
    expect(content).toBe('half')
  })

  it('gets an overflow of the context under the code it knows', async () => {
    const error = { message: 'request (20019 tokens) exceeds the available context size (8192 tokens)', code: 400 }
    const openai = await start(() => json({ error }, 400))
    const thrown: unknown = await openai.chat.completions
      .create({ model: 'asked', messages: asks })
      .catch((fault: unknown) => fault)
    expect(thrown).toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })
})

describe('an answer in canonical form', () => {
  const search: readonly CanonicalEvent[] = [
    {
      type: 'message_start',
      message: {
        id: 'msg_7',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 5, cache_read_input_tokens: 3, cache_creation_input_tokens: 2, output_tokens: 0 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQB' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'x' } },
    { type: 'content_block_stop', index: 1 },
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
    },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"query":"q"}' } },
    { type: 'content_block_stop', index: 2 },
    {
      type: 'content_block_start',
      index: 3,
      content_block: { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
    },
    { type: 'content_block_stop', index: 3 },
    { type: 'content_block_start', index: 4, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 4, delta: { type: 'text_delta', text: 'found' } },
    {
      type: 'content_block_delta',
      index: 4,
      delta: {
        type: 'citations_delta',
        citation: { type: 'web_search_result_location', url: 'https://e.org', title: 'E', cited_text: 'c' },
      },
    },
    { type: 'content_block_stop', index: 4 },
    {
      type: 'content_block_start',
      index: 5,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
    },
    { type: 'content_block_stop', index: 5 },
    { type: 'content_block_start', index: 6, content_block: { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} } },
    { type: 'content_block_delta', index: 6, delta: { type: 'input_json_delta', partial_json: '{"b":2}' } },
    { type: 'content_block_stop', index: 6 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 4 } },
    { type: 'message_stop' },
  ]
  const seen: CanonicalRequest[] = []
  const local = definePlugin({
    name: 'local',
    apiVersion: 1,
    description: 'Answers with a recorded list of events.',
    contributes: ['providers'],
    options: Type.Object({}, { additionalProperties: false }),
    activate(ctx) {
      ctx.contribute('providers', {
        name: 'local',
        models: ['model'],
        async *local(request) {
          seen.push(request)
          yield search
        },
      })
    },
  })
  const more = { plugins: [local], provider: 'local', providers: [] }
  const ways = ['whole', 'streamed'] as const

  it.each(ways)('says everything that this protocol has a form for, %s', async (way) => {
    const openai = await start(upstream, more)
    const params = { model: 'asked', messages: asks }
    const options = { include_usage: true }
    const answer =
      way === 'whole'
        ? await openai.chat.completions.create(params)
        : await openai.chat.completions.stream({ ...params, stream_options: options }).finalChatCompletion()
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'found',
        reasoning_content: 'hm',
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://e.org', title: 'E', start_index: 0, end_index: 5 },
          },
        ],
        tool_calls: [
          { id: 'toolu_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
          { id: 'toolu_2', type: 'function', function: { name: 'g', arguments: '{"b":2}' } },
        ],
      },
    })
    expect(answer.usage).toMatchObject({
      prompt_tokens: 10,
      completion_tokens: 4,
      total_tokens: 14,
      prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 },
    })
  })

  it('was asked for in canonical form', async () => {
    const openai = await start(upstream, more)
    seen.length = 0
    await openai.chat.completions.create({ model: 'asked', messages: asks, seed: 7 })
    expect(seen).toMatchObject([
      { model: 'asked', messages: [{ role: 'user', content: 'hi' }], extra: { openai: { seed: 7 } } },
    ])
  })
})
