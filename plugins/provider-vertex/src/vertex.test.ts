import { cut, json, sse, type TestReply } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import fallback from '../../resilience-fallback/src/index.ts'
import { USER } from '../test/google.ts'
import { startWorld, type World, type WorldOptions } from '../test/world.ts'

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function start(options: WorldOptions = {}): Promise<World> {
  return (world = await startWorld(options))
}

const HOST = 'https://aiplatform.googleapis.com'
const GLOBAL = `${HOST}/v1/projects/chosen/locations/global`
const FOLDER = `${GLOBAL}/publishers/anthropic/models/claude-sonnet-4-5@20250929`

function errorOf(reply: TestReply): string {
  return (reply.json() as { error: { message: string } }).error.message
}

describe('rule 151: vertex-claude', () => {
  /** What a client of the vendor sends, with what other protocols have no place for. */
  const NATIVE = {
    system: [{ type: 'text', text: 'be brief', cache_control: { type: 'ephemeral' } }],
    max_tokens: 2000,
    thinking: { type: 'enabled', budget_tokens: 1024 },
    tools: [{ name: 'look', input_schema: { type: 'object', properties: {} } }],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    metadata: { user_id: 'u' },
    temperature: 0,
    unknown_field: { kept: [1, 2.5, null] },
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'q' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
          { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 1 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'seen', is_error: true }] },
    ],
  }

  it('sends the native body, without the model and with the version', async () => {
    const { ask } = await start()
    const reply = await ask(NATIVE)
    expect(reply.status).toBe(200)
    expect(world!.last.url).toBe(`${FOLDER}:rawPredict`)
    const { model, stream, ...body } = world!.last.body
    expect([model, stream]).toEqual([undefined, undefined])
    expect(body).toEqual({ ...NATIVE, anthropic_version: 'vertex-2023-10-16' })
  })

  it('sends the very bytes of such a client but for the model, and gives back those of the server', async () => {
    const bytes = (member: string): string =>
      `{ "max_tokens" : 9.0, ${member},\n "n":12345678901234567890,` +
      '"messages":[ {"role":"user","content":"\\u00e9" } ] }'
    const answer =
      '{ "type":"message","content":[ ], "stop_reason":"end_turn","usage":{"input_tokens":1.0}, "x":[1.50]}'
    const { ask } = await start({
      answer: () => ({ headers: { 'content-type': 'application/json' }, body: answer }),
    })
    const { text } = await ask(bytes('"model" : "asked"'))
    expect(world!.last.text).toBe(bytes('"anthropic_version":"vertex-2023-10-16"'))
    expect(text).toBe(answer)
  })

  it('sends its own version where the client names one, and to a client of another protocol', async () => {
    const { ask, test } = await start()
    await ask({ anthropic_version: 'bedrock-2023-05-31' })
    expect(world!.last.text.match(/anthropic_version/g)).toHaveLength(1)
    expect(world!.last.body).toMatchObject({ anthropic_version: 'vertex-2023-10-16', max_tokens: 9 })
    const body = { model: 'asked', messages: [{ role: 'user', content: 'q' }] }
    expect((await test.request({ path: '/v1/chat/completions', body })).status).toBe(200)
    expect(world!.last.body).toMatchObject({ anthropic_version: 'vertex-2023-10-16', messages: [{ role: 'user' }] })
    expect(world!.last.body).not.toHaveProperty('model')
  })

  it('sends the headers of the client that travel, and the token as its only credential', async () => {
    const { ask } = await start()
    const client = { 'anthropic-beta': 'a-1,b-2', 'user-agent': 'claude-cli/2', 'x-api-key': 'key-of-client' }
    await ask({ stream: true }, client)
    expect(world!.last.url).toBe(`${FOLDER}:streamRawPredict`)
    const { headers } = world!.last
    expect(headers).toMatchObject({ 'anthropic-beta': 'a-1,b-2', 'user-agent': 'claude-cli/2' })
    expect(headers).toMatchObject({ authorization: 'Bearer token-1', 'anthropic-version': '2023-06-01' })
    expect(headers).not.toHaveProperty('x-api-key')
    expect(headers).not.toHaveProperty('x-goog-user-project')
  })

  it('gives the stream to the client as it is, however it is cut', async () => {
    const events = [
      {
        type: 'message_start',
        message: {
          ...{ id: 'msg_vrtx_1', type: 'message', role: 'assistant', model: 'claude', content: [] },
          ...{ stop_reason: null, stop_sequence: null },
          usage: { input_tokens: 3, cache_read_input_tokens: 2, output_tokens: 1 },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Grüße' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'look', input: {} } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"at":1}' } },
      { type: 'content_block_stop', index: 1 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 9 },
      },
      { type: 'message_stop' },
    ]
    const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
    const bytes = Buffer.from(text)
    let at = bytes.length
    const { ask } = await start({ answer: () => sse(cut(bytes, at)) })
    expect((await ask({ stream: true })).text).toBe(text)
    for (at = 0; at < bytes.length; at += 7) expect((await ask({ stream: true })).text).toBe(text)
  })

  it('tells the client what the server says of an error', async () => {
    const error = { type: 'invalid_request_error', message: 'messages: text content blocks must be non-empty' }
    const { ask } = await start({ answer: () => json({ type: 'error', error, request_id: 'req_vrtx_1' }, 400) })
    const reply = await ask()
    expect([reply.status, reply.json()]).toMatchObject([400, { error: { type: 'invalid_request_error' } }])
    expect(errorOf(reply)).toContain(error.message)
  })

  it('tells the client what Google says of a model that is not enabled', async () => {
    const error = { code: 404, status: 'NOT_FOUND', message: 'Publisher Model `m` was not found' }
    const { ask } = await start({ answer: () => json([{ error }], 404) })
    const reply = await ask()
    expect(reply.status).toBe(404)
    expect(errorOf(reply)).toContain(error.message)
  })

  it('asks once more without the features that the server does not know, and never for them again', async () => {
    const known = new Set(['c-3'])
    const { ask, sent } = await start({
      answer: ({ headers }) => {
        const asked = (headers['anthropic-beta'] ?? '').split(',').map((name) => name.trim())
        const names = asked.filter((name) => name !== '' && !known.has(name))
        if (names.length === 0) return json({ type: 'message', content: [], stop_reason: 'end_turn' })
        const list = names.map((name) => `\`${name}\``).join(', ')
        const message = `Unexpected value(s) ${list} for the \`anthropic-beta\` header. Please try again without it.`
        return json({ type: 'error', error: { type: 'invalid_request_error', message } }, 400)
      },
    })
    let seen = 0
    const betas = (): unknown[] => {
      const since = sent.slice(seen)
      seen = sent.length
      return since.map(({ headers }) => headers['anthropic-beta'])
    }
    expect((await ask({}, { 'anthropic-beta': 'a-1, b-2, c-3' })).status).toBe(200)
    expect(betas()).toEqual(['a-1, b-2, c-3', 'c-3'])
    expect((await ask({}, { 'anthropic-beta': 'b-2,a-1' })).status).toBe(200)
    expect(betas()).toEqual([undefined])
    expect((await ask({}, { 'anthropic-beta': 'd-4' })).status).toBe(200)
    expect(betas()).toEqual(['d-4', undefined])
  })
})

describe('rule 151: vertex-gemini', () => {
  const gemini = { dialect: 'gemini', model: 'gemini-2.5-pro' }
  const folder = `${HOST}/v1beta1/projects/chosen/locations/global/publishers/google/models/gemini-2.5-pro`
  const chunk = (part: object, more: object = {}): object => ({
    candidates: [{ content: { role: 'model', parts: [part] }, ...more }],
  })

  it('asks the stream for server-sent events, with the token alone', async () => {
    const chunks = [chunk({ text: 'hel' }), chunk({ text: 'lo' }, { finishReason: 'STOP' })]
    const stream = sse(chunks.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`).join(''))
    const { ask } = await start({ ...gemini, answer: () => stream })
    const { text } = await ask({ stream: true, system: 'be brief' })
    expect(text).toContain('"text":"hel"')
    expect(text).toContain('event: message_stop')
    const { url, headers, body } = world!.last
    expect(url).toBe(`${folder}:streamGenerateContent?alt=sse`)
    expect(headers['authorization']).toBe('Bearer token-1')
    expect(headers).not.toHaveProperty('x-goog-api-key')
    expect(body).toMatchObject({ systemInstruction: { parts: [{ text: 'be brief' }] }, contents: [{ role: 'user' }] })
    expect(body).not.toHaveProperty('anthropic_version')
  })

  it('asks for a whole answer', async () => {
    const { ask } = await start(gemini)
    expect((await ask()).json()).toMatchObject({ content: [{ text: 'hello' }] })
    expect(world!.last.url).toBe(`${folder}:generateContent`)
  })

  it('tells the client what Google says', async () => {
    const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Quota exceeded' }
    const { ask } = await start({ ...gemini, answer: () => json({ error }, 429) })
    const reply = await ask()
    expect([reply.status, errorOf(reply)]).toEqual([429, expect.stringContaining('Quota exceeded')])
  })
})

describe('vertex-openai', () => {
  const openai = { dialect: 'openai', model: 'google/gemini-2.5-pro' }

  it('asks Chat Completions of the location, streamed too', async () => {
    const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
    const delta = { choices: [{ index: 0, delta: { content: 'hello' }, finish_reason: null }] }
    const stream = sse([delta, end].map((one) => `data: ${JSON.stringify(one)}\n\n`).join('') + 'data: [DONE]\n\n')
    const { ask } = await start({ ...openai, answer: ({ body }) => (body['stream'] ? stream : json(end)) })
    expect((await ask({ stream: true })).text).toContain('"text":"hello"')
    expect(world!.last.url).toBe(`${HOST}/v1beta1/projects/chosen/locations/global/endpoints/openapi/chat/completions`)
    expect(world!.last.body['model']).toBe('google/gemini-2.5-pro')
    expect(world!.last.headers['authorization']).toBe('Bearer token-1')
  })

  it('asks the endpoint that the URL names, and the URL itself where it ends in #', async () => {
    const endpoint = `${HOST}/v1/projects/p/locations/us-east1/endpoints/42`
    const { ask } = await start({ ...openai, url: `${endpoint}/chat/completions`, options: {}, credentials: USER })
    await ask()
    expect(world!.last.url).toBe(`${endpoint.replace('://', '://us-east1-')}/chat/completions`)
    await world!.close()
    await start({ ...openai, url: 'https://own.example/ask#', options: {}, credentials: USER })
    await world!.ask()
    expect(world!.last.url).toBe('https://own.example/ask')
  })
})

describe('a login that fails', () => {
  const sections = { fallback: { default: ['other,m'] }, Router: { enableFallback: true } }

  it('is the failure of the provider: it says what to do, and another one may answer', async () => {
    const { ask, sent, test } = await start({ options: { project: 'p' }, plugins: [fallback], sections })
    expect((await ask()).json()).toMatchObject({ content: [{ text: 'hello' }] })
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(['other.example'])
    expect(test.usage[0]!.attempts).toMatchObject([
      { provider: 'test', outcome: 'failure', code: 'CCR_UPSTREAM_ACCESS' },
      { provider: 'other', outcome: 'ok' },
    ])
  })

  it('never makes the plugin one that failed', async () => {
    const { ask, sent, test } = await start({ options: { project: 'p' } })
    for (let turn = 0; turn < 7; turn++) {
      const reply = await ask()
      expect([reply.status, reply.headers['x-should-retry']]).toEqual([502, 'false'])
      expect(errorOf(reply)).toMatch(
        /^provider 'test' \(model 'claude-[^']+'\): no Google credentials were found; run `gcloud auth/,
      )
    }
    expect([sent, test.warnings]).toEqual([[], []])
  })

  it('after a good one is followed by another provider too', async () => {
    const { ask, sent } = await start({
      plugins: [fallback],
      sections,
      answer: () => json({ error: { code: 401, message: 'expired' } }, 401),
    })
    expect((await ask()).status).toBe(200)
    expect(sent.map(({ headers }) => headers['authorization'])).toEqual(['Bearer token-1', 'Bearer token-2', undefined])
  })
})
