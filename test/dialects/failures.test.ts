import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import {
  providersAt,
  startProtocolUpstream,
  TARGETS,
  wholeAnswer,
  type ProtocolUpstream,
  type TargetName,
} from './answers.ts'
import { createClients, type Client } from './clients.ts'

const START_MS = 40_000
const ROUTER_ID = /^req_/

let upstream: ProtocolUpstream
let router: RunningRouter
let clients: Readonly<Record<string, Client>>

beforeAll(async () => {
  upstream = await startProtocolUpstream()
  const Providers = providersAt(upstream)
  router = await startRouter({ config: { Providers, APIKEY: 'any' } })
  clients = createClients(router.url)
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

/** How a provider of each protocol says that a prompt of 9,000 tokens does not fit into 8,192. */
const OVERFLOWS: Readonly<Record<TargetName, object>> = {
  anthropic: {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'prompt is too long: 9000 tokens > 8192 maximum' },
  },
  openai: {
    error: {
      message: "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
    },
  },
  'openai-responses': {
    error: {
      message: 'request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it',
      type: 'exceed_context_size_error',
    },
  },
  gemini: {
    error: {
      code: 400,
      message: 'The input token count (9000) exceeds the maximum number of tokens allowed (8192).',
      status: 'INVALID_ARGUMENT',
    },
  },
}

interface Failure {
  readonly status?: number
  readonly statusCode?: number
  readonly message: string
  readonly code?: string
}

function failureOf(asked: Promise<unknown>): Promise<Failure> {
  return asked.then(
    () => {
      throw new Error('the request did not fail')
    },
    (failure: unknown) => failure as Failure,
  )
}

describe.each(TARGETS)('a prompt that does not fit a %s target', (target) => {
  it.each([400, 413, 422, 500])(
    'is a 400 in the words that clients know where the provider answered %d',
    async (status) => {
      upstream.answer = () => ({ status, message: '', body: OVERFLOWS[target] })
      const sdk = new Anthropic({ baseURL: router.url, apiKey: 'any', maxRetries: 0 })
      const params = { model: `${target},m`, max_tokens: 9, messages: [{ role: 'user' as const, content: 'q' }] }
      for (const asked of [sdk.messages.create(params), sdk.messages.stream(params).finalMessage()]) {
        const { status, message } = await failureOf(asked)
        expect(status).toBe(400)
        expect(message).toMatch(/prompt is too long: 9000 tokens > 8192 maximum/)
      }
    },
  )

  it.each(['openai (chat)', 'openai (responses)'])('has the code that %s clients know', async (name) => {
    upstream.answer = () => ({ status: 413, message: '', body: OVERFLOWS[target] })
    const asked = clients[name]!.ask({ model: `${target},m`, text: 'q', stream: false })
    expect(await failureOf(asked)).toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })

  it.each(['@google/genai', 'ai + @ai-sdk/anthropic'])('is a 400 for %s', async (name) => {
    upstream.answer = () => ({ status: 500, message: '', body: OVERFLOWS[target] })
    const failure = await failureOf(clients[name]!.ask({ model: `${target},m`, text: 'q', stream: false }))
    expect(failure.status ?? failure.statusCode).toBe(400)
    expect(failure.message).toContain('prompt is too long: 9000 tokens > 8192 maximum')
  })
})

describe.each(TARGETS)('an answer of a %s target that cannot be read', (target) => {
  const page = '<!DOCTYPE html><html><head><style>a{}</style></head><body><h1>Just a moment</h1></body></html>'
  const ask = (stream: boolean): Promise<Failure> => {
    const sdk = new Anthropic({ baseURL: router.url, apiKey: 'any', maxRetries: 0 })
    const params = { model: `${target},m`, max_tokens: 9, messages: [{ role: 'user' as const, content: 'q' }] }
    return failureOf(stream ? sdk.messages.stream(params).finalMessage() : sdk.messages.create(params))
  }

  it.each([
    { what: 'a page', status: 200, contentType: 'text/html', body: page, says: 'Just a moment' },
    { what: 'a page, an error', status: 503, contentType: 'text/html', body: page, says: 'Just a moment' },
    {
      what: 'text',
      status: 200,
      contentType: 'text/plain',
      body: 'the model\nis loading',
      says: 'the model is loading',
    },
    {
      what: 'text with an error status',
      status: 500,
      contentType: 'text/plain',
      body: 'no backend',
      says: 'no backend',
    },
    { what: 'a long text', status: 500, contentType: 'text/plain', body: 'x'.repeat(999), says: `${'x'.repeat(200)}…` },
    { what: 'nothing', status: 200, contentType: 'application/json', body: '', says: '' },
    { what: 'nothing as a stream', status: 200, contentType: 'text/event-stream', body: '', says: '' },
    { what: 'nothing with an error status', status: 500, contentType: 'text/plain', body: '', says: '' },
    {
      what: 'JSON of another form',
      status: 500,
      contentType: 'application/json',
      body: { oops: 1 },
      says: 'oops',
    },
  ])('names provider, URL and status, and quotes $what', async ({ status, contentType, body, says }) => {
    upstream.answer = () => ({ status, message: '', contentType, body })
    for (const stream of [true, false]) {
      const failure = await ask(stream)
      expect(failure.status).toBe(502)
      expect(failure.message).toContain(`provider '${target}'`)
      expect(failure.message).toMatch(new RegExp(`\\b${status}\\b.* at http://127\\.0\\.0\\.1:\\d+/v1`))
      expect(failure.message).toContain(says)
      expect(failure.message).not.toMatch(/<\/?(?:html|h1)|x{201}/)
    }
  })

  it('is a known overflow where plain text says so', async () => {
    upstream.answer = () => ({ status: 500, message: '', contentType: 'text/plain', body: 'prompt is too long' })
    if (target !== 'anthropic') expect(await ask(true)).toMatchObject({ status: 400 })
    else expect((await ask(true)).message).toContain('prompt is too long')
  })

  it('is read all the same where an error or a whole answer is called a stream', async () => {
    const contentType = 'text/event-stream'
    upstream.answer = () => ({ status: 200, message: '', contentType, body: { error: { message: 'no credits left' } } })
    expect((await ask(true)).message).toContain('reported an error: no credits left')
    upstream.answer = () => ({ status: 200, message: '', contentType, body: wholeAnswer(target, { text: 'hello' }) })
    const understood = await clients['@anthropic-ai/sdk']!.ask({ model: `${target},m`, text: 'q', stream: true })
    expect(understood).toMatchObject({ text: 'hello', stop: 'end' })
  })

  it('says what an error without a type says, inside a stream', async () => {
    const body = `data: ${JSON.stringify({ error: { message: 'no credits left' } })}\n\n`
    upstream.answer = () => ({ status: 200, message: '', contentType: 'text/event-stream', body })
    expect((await ask(true)).message).toContain('reported an error: no credits left')
  })
})

describe('the id of a request', () => {
  const messages = [{ role: 'user' as const, content: 'q' }]
  const model = 'openai,m'
  const openai = (): OpenAI => new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'any', maxRetries: 0 })

  it('is where the OpenAI SDK looks for it, in answers of both protocols', async () => {
    upstream.answer = () => ({ text: 'a' })
    expect((await openai().chat.completions.create({ model, messages }))._request_id).toMatch(ROUTER_ID)
    expect((await openai().responses.create({ model, input: 'q' }))._request_id).toMatch(ROUTER_ID)
    const { request_id: streamed } = await openai()
      .chat.completions.create({ model, messages, stream: true })
      .withResponse()
    expect(streamed).toMatch(ROUTER_ID)
  })

  it('is where the OpenAI SDK looks for it, in errors', async () => {
    upstream.answer = () => ({ status: 429, message: 'slow down' })
    const requestID = expect.stringMatching(ROUTER_ID) as unknown
    await expect(openai().chat.completions.create({ model, messages })).rejects.toMatchObject({ requestID })
    await expect(openai().responses.create({ model, input: 'q' })).rejects.toMatchObject({ requestID })
    const stranger = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'wrong', maxRetries: 0 })
    const refused = stranger.chat.completions.create({ model, messages })
    await expect(refused).rejects.toMatchObject({ status: 401, requestID })
    const malformed = openai().chat.completions.create({ model, messages: 'q' as never })
    await expect(malformed).rejects.toMatchObject({ status: 400, requestID })
  })

  it('is the same in every header', async () => {
    upstream.answer = () => ({ text: 'a' })
    const body = JSON.stringify({ model, messages })
    const headers = { 'content-type': 'application/json', authorization: 'Bearer any' }
    const answer = await fetch(`${router.url}/v1/chat/completions`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-request-id')).toBe(answer.headers.get('request-id'))
    await answer.body?.cancel()
  })

  it('is in one header for clients that look for no other', async () => {
    upstream.answer = () => ({ text: 'a' })
    const sdk = new Anthropic({ baseURL: router.url, apiKey: 'any', maxRetries: 0 })
    const { request_id: id, response } = await sdk.messages.create({ model, max_tokens: 9, messages }).withResponse()
    expect(id).toMatch(ROUTER_ID)
    expect(response.headers.has('x-request-id')).toBe(false)
  })
})
