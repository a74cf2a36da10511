import { GoogleGenAI, Type as SchemaType, type GenerateContentResponse } from '@google/genai'
import { definePlugin, Type, type CanonicalEvent, type CanonicalRequest, type EndpointReply } from '@ccr/sdk'
import { json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { chunk, decodeRequest, sseOf } from '../test/harness.ts'
import { createWorld, type World, type WorldOptions } from '../test/world.ts'
import { endpoints } from './client.ts'
import type { GeminiBody } from './wire.ts'

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function start(upstream: TestUpstream, options?: WorldOptions): Promise<GoogleGenAI> {
  world = await createWorld(upstream, options)
  return world.google
}

const USAGE = { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 9, thoughtsTokenCount: 4 }
const DECLARED = {
  functionDeclarations: [
    {
      name: 'get_weather',
      description: 'Tells the weather.',
      parameters: { type: SchemaType.OBJECT, properties: { city: { type: SchemaType.STRING } }, required: ['city'] },
    },
  ],
}
const sent: GeminiBody[] = []
const urls: string[] = []

/** Thinks, says something and calls a function, streamed or whole as asked; knows the weather when it was told. */
const upstream: TestUpstream = ({ url, body }) => {
  const request = JSON.parse(String(body)) as GeminiBody
  sent.push(request)
  urls.push(url)
  const told = request.contents.at(-1)!.parts.find((part) => part.functionResponse)?.functionResponse
  const parts = told
    ? [{ text: `It is ${String(told.response['output'])}.` }]
    : [
        { text: 'think', thought: true },
        { text: 'Let me ' },
        { text: 'see.' },
        { functionCall: { id: 'fc-1', name: 'get_weather', args: { city: 'Paris' } }, thoughtSignature: 'U0lHTkVE' },
      ]
  if (!url.includes('streamGenerateContent')) return json(chunk(parts, 'STOP', { usageMetadata: USAGE }))
  const last = chunk([{ text: '' }], 'STOP', { usageMetadata: USAGE })
  return sse(sseOf([...parts.map((part) => chunk([part])), last]))
}

async function chunksOf(stream: Promise<AsyncGenerator<GenerateContentResponse>>): Promise<GenerateContentResponse[]> {
  const chunks: GenerateContentResponse[] = []
  for await (const one of await stream) chunks.push(one)
  return chunks
}

const CALL = {
  functionCall: { id: 'fc-1', name: 'get_weather', args: { city: 'Paris' } },
  thoughtSignature: 'U0lHTkVE',
}
const COUNTS = { ...USAGE, totalTokenCount: 113 }

describe('the official client', () => {
  it('gets a whole answer', async () => {
    const google = await start(upstream)
    const answer = await google.models.generateContent({ model: 'asked', contents: 'hi' })
    expect(answer.candidates).toEqual([
      {
        content: { role: 'model', parts: [{ text: 'think', thought: true }, { text: 'Let me see.' }, CALL] },
        finishReason: 'STOP',
        index: 0,
      },
    ])
    expect(answer.usageMetadata).toEqual(COUNTS)
    expect(answer.modelVersion).toBe('asked')
    expect(answer.functionCalls).toEqual([CALL.functionCall])
    expect(answer.text).toBe('Let me see.')
  })

  it('gets a stream of the same', async () => {
    const google = await start(upstream)
    const chunks = await chunksOf(google.models.generateContentStream({ model: 'asked', contents: 'hi' }))
    const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
    expect(
      parts
        .filter(({ thought }) => thought)
        .map(({ text }) => text)
        .join(''),
    ).toBe('think')
    expect(
      parts
        .filter(({ thought, text }) => text && !thought)
        .map(({ text }) => text)
        .join(''),
    ).toBe('Let me see.')
    expect(parts.filter(({ functionCall }) => functionCall)).toEqual([CALL])
    expect(chunks.every(({ candidates }) => candidates![0]!.content!.parts!.length > 0)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ candidates: [{ finishReason: 'STOP' }], usageMetadata: COUNTS })
    expect(chunks.filter(({ candidates }) => candidates![0]!.finishReason !== undefined)).toHaveLength(1)
  })

  it.each(['whole', 'streamed'] as const)('goes a round with a function, %s', async (way) => {
    const google = await start(upstream)
    const chat = google.chats.create({ model: 'asked', config: { tools: [DECLARED] } })
    const say = async (
      message: Parameters<typeof chat.sendMessage>[0]['message'],
    ): Promise<GenerateContentResponse> => {
      if (way === 'whole') return chat.sendMessage({ message })
      return (await chunksOf(chat.sendMessageStream({ message }))).find(
        (one) => one.functionCalls || one.text?.includes('rain'),
      )!
    }
    const [called] = (await say('What is the weather in Paris?')).functionCalls!
    sent.length = 0
    const answer = await say({
      functionResponse: { id: called!.id!, name: called!.name!, response: { output: 'raining' } },
    })
    expect(answer.text).toContain('raining')
    expect(sent).toMatchObject([
      {
        contents: [
          { role: 'user', parts: [{ text: 'What is the weather in Paris?' }] },
          { role: 'model', parts: [{ text: 'think', thought: true }, { text: 'Let me see.' }, CALL] },
          {
            role: 'user',
            parts: [{ functionResponse: { id: 'fc-1', name: 'get_weather', response: { output: 'raining' } } }],
          },
        ],
        tools: [
          {
            functionDeclarations: [
              {
                name: 'get_weather',
                parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
              },
            ],
          },
        ],
      },
    ])
  })

  it('says everything through the router that it says itself', async () => {
    const google = await start(upstream)
    sent.length = 0
    urls.length = 0
    await google.models.generateContent({
      model: 'asked',
      contents: [{ role: 'user', parts: [{ text: 'q' }, { inlineData: { mimeType: 'image/png', data: 'AA' } }] }],
      config: {
        systemInstruction: 'be kind',
        temperature: 0.5,
        topP: 0.9,
        topK: 4,
        maxOutputTokens: 99,
        stopSequences: ['x'],
        seed: 7,
        presencePenalty: 0.1,
        thinkingConfig: { includeThoughts: true, thinkingLevel: 'LOW' as never },
        safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT' as never, threshold: 'BLOCK_NONE' as never }],
        cachedContent: 'cachedContents/1',
        tools: [DECLARED, { codeExecution: {} }],
        toolConfig: { functionCallingConfig: { mode: 'ANY' as never, allowedFunctionNames: ['get_weather'] } },
      },
    })
    expect(urls).toEqual(['http://127.0.0.1:9/v1beta/models/gemini-3-pro-preview:generateContent'])
    expect(sent[0]).toMatchObject({
      systemInstruction: { parts: [{ text: 'be kind' }] },
      contents: [{ role: 'user', parts: [{ text: 'q' }, { inlineData: { mimeType: 'image/png', data: 'AA' } }] }],
      generationConfig: {
        temperature: 0.5,
        topP: 0.9,
        topK: 4,
        maxOutputTokens: 99,
        stopSequences: ['x'],
        seed: 7,
        presencePenalty: 0.1,
        thinkingConfig: { includeThoughts: true, thinkingLevel: 'LOW' },
      },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
      cachedContent: 'cachedContents/1',
      tools: [{ functionDeclarations: [{ name: 'get_weather' }] }, { codeExecution: {} }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_weather'] } },
    })
  })

  it.each([
    ['ANY', ['f', 'g'], ['f', 'g']],
    ['VALIDATED', ['g'], ['g']],
    ['ANY', ['f'], ['f', 'g', 'h']],
    ['ANY', [], ['f', 'g', 'h']],
    ['AUTO', ['f', 'g'], ['f', 'g', 'h']],
  ])('in mode %s with %j names offers %j', (mode, allowedFunctionNames, offered) => {
    const functionDeclarations = ['f', 'g', 'h'].map((name) => ({ name }))
    const body = {
      contents: 'q',
      tools: [{ functionDeclarations }],
      toolConfig: { functionCallingConfig: { mode, allowedFunctionNames } },
    }
    expect(decodeRequest(body).tools!.map(({ name }) => name)).toEqual(offered)
  })

  it('gets an error in Google’s own shape', async () => {
    const google = await start(() =>
      json({ error: { code: 429, message: 'slow down', status: 'RESOURCE_EXHAUSTED' } }, 429),
    )
    const thrown = (await google.models
      .generateContent({ model: 'asked', contents: 'hi' })
      .catch((fault: unknown) => fault)) as Error & { status: number }
    expect(thrown.status).toBe(429)
    expect(JSON.parse(thrown.message)).toEqual({
      error: { code: 429, message: expect.stringContaining('slow down') as string, status: 'RESOURCE_EXHAUSTED' },
    })
  })

  it('gets an error inside of a stream, after what was said before', async () => {
    const google = await start(() =>
      sse([
        sseOf([chunk([{ text: 'half' }])]),
        sseOf([{ error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }]),
      ]),
    )
    const stream = await google.models.generateContentStream({ model: 'asked', contents: 'hi' })
    let said = ''
    const read = async (): Promise<void> => {
      for await (const one of stream) said += one.text ?? ''
    }
    const thrown = (await read().catch((fault: unknown) => fault)) as Error
    expect(thrown.message).toContain('overloaded')
    expect(thrown.message).toContain('UNAVAILABLE')
  })

  it('gets an overflow of the context in words that every client understands', async () => {
    const message = 'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).'
    const google = await start(() => json({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }, 400))
    const thrown = (await google.models
      .generateContent({ model: 'asked', contents: 'hi' })
      .catch((fault: unknown) => fault)) as Error
    expect(thrown.message).toContain('prompt is too long: 1196265 tokens > 1048575 maximum')
  })

  it.each([
    ['contents that are a number', { contents: 7 }, 400],
    ['no contents', {}, 400],
    ['contents without any', { contents: [] }, 400],
    ['a part that is none', { contents: [{ parts: [7] }] }, 400],
    ['a tool that is none', { contents: 'q', tools: [7] }, 400],
    ['a function without a name', { contents: 'q', tools: [{ functionDeclarations: [{}] }] }, 400],
  ])('is told about %s', async (_what, body, status) => {
    await start(upstream)
    const url = '/v1beta/models/asked:generateContent'
    const reply = await world!.test.request({ path: '/v1beta/models/*', url, body })
    expect(reply.status).toBe(status)
    expect(reply.json()).toMatchObject({ error: { code: status, status: 'INVALID_ARGUMENT' } })
  })

  it.each([
    '/v1beta/models/asked:embedContent',
    '/v1beta/models/asked',
    '/v1beta/models/:generateContent',
    '/v1beta/models/%:generateContent',
  ])('is told that %s does not exist', async (url) => {
    await start(upstream)
    const reply = await world!.test.request({ path: '/v1beta/models/*', url, body: { contents: 'q' } })
    expect(reply.status).toBe(404)
    expect(reply.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } })
  })
})

it('a signed image reaches a client with its signature', async () => {
  const parts = [{ text: 'a' }, { inlineData: { mimeType: 'image/png', data: 'AA' }, thoughtSignature: 'U0lHTkVE' }]
  await start(() => json({ candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] }))
  const { candidates } = await world!.google.models.generateContent({ model: 'asked', contents: 'q' })
  expect(candidates?.[0]?.content?.parts).toEqual(parts)
})

describe('a stream that was not asked for as events', () => {
  it('is one JSON array, under either version of the path', async () => {
    await start(upstream)
    for (const version of ['v1', 'v1beta']) {
      const url = `/${version}/models/asked:streamGenerateContent`
      const reply = await world!.test.request({
        path: `/${version}/models/*`,
        url,
        body: { contents: [{ parts: [{ text: 'hi' }] }] },
      })
      expect(reply.headers['content-type']).toMatch(/^application\/json/)
      const chunks = reply.json() as GenerateContentResponse[]
      expect(chunks.length).toBeGreaterThan(1)
      expect(chunks.at(-1)).toMatchObject({ candidates: [{ finishReason: 'STOP' }], usageMetadata: COUNTS })
    }
  })

  it('ends with the error, when there is one', async () => {
    await start(() => sse([sseOf([chunk([{ text: 'half' }])]), sseOf([{ error: { code: 500, message: 'broken' } }])]))
    const url = '/v1beta/models/asked:streamGenerateContent'
    const reply = await world!.test.request({
      path: '/v1beta/models/*',
      url,
      body: { contents: [{ parts: [{ text: 'hi' }] }] },
    })
    const list = [reply.json()].flat() as object[]
    expect(list.at(-1)).toMatchObject({ error: { message: expect.stringContaining('broken') as string } })
  })
})

const thinkingEvents: readonly CanonicalEvent[] = [
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
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQB/+a=' } },
  { type: 'content_block_stop', index: 0 },
  {
    type: 'content_block_start',
    index: 1,
    content_block: { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
  },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"query":"q"}' } },
  { type: 'content_block_stop', index: 1 },
  {
    type: 'content_block_start',
    index: 2,
    content_block: {
      type: 'web_search_tool_result',
      tool_use_id: 's',
      content: [{ type: 'web_search_result', url: 'https://e.org', title: 'E' }],
    },
  },
  { type: 'content_block_stop', index: 2 },
  { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'found' } },
  { type: 'content_block_stop', index: 3 },
  { type: 'content_block_start', index: 4, content_block: { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} } },
  { type: 'content_block_delta', index: 4, delta: { type: 'input_json_delta', partial_json: '{"a":' } },
  { type: 'content_block_delta', index: 4, delta: { type: 'input_json_delta', partial_json: '1}' } },
  { type: 'content_block_stop', index: 4 },
  { type: 'content_block_start', index: 5, content_block: { type: 'tool_use', id: 'toolu_2', name: 'cut', input: {} } },
  { type: 'content_block_delta', index: 5, delta: { type: 'input_json_delta', partial_json: '{"a' } },
  { type: 'content_block_stop', index: 5 },
  { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 4 } },
  { type: 'message_stop' },
]

describe('an answer of another vendor', () => {
  const seen: CanonicalRequest[] = []
  const local = definePlugin({
    name: 'local',
    apiVersion: 1,
    description: 'Answers with a list of events.',
    contributes: ['providers'],
    options: Type.Object({}, { additionalProperties: false }),
    activate(ctx) {
      ctx.contribute('providers', {
        name: 'local',
        models: ['model'],
        // eslint-disable-next-line @typescript-eslint/require-await
        async *local(request) {
          seen.push(request)
          yield* thinkingEvents.map((event) => [event])
        },
      })
    },
  })
  const options: WorldOptions = { plugins: [local], provider: 'local', model: 'model', providers: [] }

  it.each(['whole', 'streamed'] as const)(
    'is said as far as this API has a form for it, and its reasoning comes back, %s',
    async (way) => {
      const google = await start(upstream, options)
      const params = { model: 'asked', contents: 'hi' }
      const chunks =
        way === 'whole'
          ? [await google.models.generateContent(params)]
          : await chunksOf(google.models.generateContentStream(params))
      const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
      expect(
        parts
          .filter(({ thought }) => thought)
          .map(({ text }) => text)
          .join(''),
      ).toBe('hm')
      expect(chunks.map(({ text }) => text ?? '').join('')).toBe('found')
      expect(chunks.flatMap(({ functionCalls }) => functionCalls ?? [])).toEqual([
        { id: 'toolu_1', name: 'f', args: { a: 1 } },
      ])
      expect(chunks.at(-1)).toMatchObject({
        candidates: [
          {
            finishReason: 'MAX_TOKENS',
            groundingMetadata: {
              webSearchQueries: ['q'],
              groundingChunks: [{ web: { uri: 'https://e.org', title: 'E' } }],
            },
          },
        ],
        usageMetadata: {
          promptTokenCount: 10,
          cachedContentTokenCount: 3,
          candidatesTokenCount: 4,
          totalTokenCount: 14,
        },
      })
      seen.length = 0
      const history = { role: 'model', parts: parts.filter((part) => part.text !== '' || part.thoughtSignature) }
      await google.models.generateContent({
        model: 'asked',
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }, history, { role: 'user', parts: [{ text: 'on' }] }],
      })
      expect(seen[0]?.messages[1]).toEqual({
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'EqQB/+a=' },
          { type: 'text', text: 'found' },
          { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
        ],
      })
    },
  )
})

describe('countTokens', () => {
  const count = async (url: string, body: object): Promise<EndpointReply> => {
    const endpoint = endpoints.find((one) => 'respond' in one && one.path === '/v1beta/models/:model(^.+)::countTokens')
    if (!endpoint || !('respond' in endpoint)) throw new Error('no endpoint counts tokens')
    const bytes = Buffer.from(JSON.stringify(body))
    return endpoint.respond({ method: 'POST', url, headers: {}, params: {}, body: bytes, providers: [] })
  }

  it('is an estimate, and says so', async () => {
    const contents = [{ role: 'user', parts: [{ text: 'x'.repeat(400) }] }]
    const reply = await count('/v1beta/models/a:countTokens', { contents })
    expect(reply).toMatchObject({ status: 200, headers: { 'x-ccr-estimated': 'true' } })
    const { totalTokens } = reply.body as { totalTokens: number }
    expect(totalTokens).toBeGreaterThanOrEqual(100)
    const whole = await count('/v1beta/models/a:countTokens', {
      generateContentRequest: { contents, systemInstruction: { parts: [{ text: 'y'.repeat(400) }] } },
    })
    expect((whole.body as { totalTokens: number }).totalTokens).toBeGreaterThanOrEqual(totalTokens + 100)
  })

  it('is one of what has no contents yet, too', async () => {
    expect(await count('/v1beta/models/a:countTokens', { contents: [] })).toMatchObject({ status: 200 })
  })

  it('refuses what is no request', async () => {
    await expect(count('/v1beta/models/a:countTokens', {})).rejects.toMatchObject({ code: 'CCR_REQUEST_INVALID' })
  })

  it('is served under both versions of the path, also for models with slashes', () => {
    const paths = endpoints.map(({ path }) => path)
    expect(paths).toContain('/v1/models/*')
    expect(paths).toContain('/v1beta/models/*')
    expect(paths).toContain('/v1/models/:folder0/:model(^.+)::countTokens')
  })
})

describe('a request', () => {
  it.each([
    ['/v1beta/models/gemini-2.5-pro:generateContent', 'gemini-2.5-pro', false],
    ['/v1/models/p%2Ca%2Fb:streamGenerateContent?alt=sse', 'p,a/b', true],
    ['/v1beta/models/p,vendor/model:free:generateContent', 'p,vendor/model:free', false],
  ])('%s names its model and whether it streams', (url, model, stream) => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'q' }] }]
    expect(decodeRequest({ contents: 'q' }, url)).toEqual({ model, messages, stream })
  })

  it('is read in the spelling of the API’s definitions, too; calls without ids get some, by name and order', () => {
    const request = decodeRequest({
      system_instruction: { parts: [{ text: 'a' }, { text: 'b' }] },
      contents: [
        { role: 'user', parts: [{ text: 'q' }, { inline_data: { mime_type: 'image/png', data: 'AA' } }] },
        {
          role: 'model',
          parts: [
            { text: 'hm', thought: true },
            { function_call: { name: 'f', args: { a: 1 } }, thought_signature: 'S' },
            { function_call: { name: 'g' } },
            { function_call: { name: 'f', args: { a: 2 } } },
          ],
        },
        {
          role: 'user',
          parts: [
            { text: 'see' },
            { function_response: { name: 'f', response: { output: 'one' } } },
            { function_response: { name: 'f', response: { error: 'two' } } },
            { function_response: { name: 'g', response: { x: 3 } } },
          ],
        },
      ],
      generation_config: { max_output_tokens: 5, thinking_config: { thinking_budget: 0 } },
    })
    expect(request).toMatchObject({
      system: 'ab',
      max_tokens: 5,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'q' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm' },
            { type: 'tool_use', id: 'call_1', name: 'f', input: { a: 1 } },
            { type: 'tool_use', id: 'call_2', name: 'g', input: {} },
            { type: 'tool_use', id: 'call_3', name: 'f', input: { a: 2 } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: 'one' },
            { type: 'tool_result', tool_use_id: 'call_3', content: 'two', is_error: true },
            { type: 'tool_result', tool_use_id: 'call_2', content: '{"x":3}' },
            { type: 'text', text: 'see' },
          ],
        },
      ],
    })
  })
})
