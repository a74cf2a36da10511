import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { message, messageStream, sendJson, sendStream, startUpstream, type Upstream } from './upstream.ts'

const PROVIDER_KEY = 'provider-key-0123456789'
const CLIENT_KEY = 'client-key-0123456789'
const START_MS = 40_000

let upstream: Upstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startUpstream(sendStream(messageStream('hello')))
  router = await startRouter({
    config: {
      APIKEY: CLIENT_KEY,
      Providers: [
        {
          name: 'claude',
          api_base_url: upstream.url,
          api_key: PROVIDER_KEY,
          models: ['model'],
          transformer: { use: ['Anthropic'] },
        },
        {
          name: 'bearer',
          api_base_url: upstream.url,
          api_key: PROVIDER_KEY,
          models: ['model'],
          transformer: { use: [['Anthropic', { UseBearer: true }]] },
        },
      ],
      Router: { default: 'claude,model' },
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

beforeEach(() => {
  upstream.answer = sendStream(messageStream('hello'))
})

function send(body: object | string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return ask(`${router.url}/v1/messages?beta=true`, { headers: { 'x-api-key': CLIENT_KEY, ...headers }, body })
}

const streaming = messagesBody('m', true)

describe('a request that is passed on', () => {
  it.each([
    [
      'with stream first and white space',
      '{ "stream" : true,\n "model":"m" , "max_tokens":9,"messages":[ {} ]}',
      '{ "stream" : true,\n "model":"model" , "max_tokens":9,"messages":[ {} ]}',
    ],
    [
      'with two models',
      '{"model":"other","model":"m","max_tokens":9,"messages":[{}],"stream":true}',
      '{"model":"model","model":"model","max_tokens":9,"messages":[{}],"stream":true}',
    ],
    [
      'with a field to come that has a model of its own',
      '{"later":{"model":"m"},"model":"m","max_tokens":9,"messages":[{}],"stream":true}',
      '{"later":{"model":"m"},"model":"model","max_tokens":9,"messages":[{}],"stream":true}',
    ],
    [
      'with escapes',
      '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"\\u00e9\\/"}],"stream":true}',
      '{"model":"model","max_tokens":9,"messages":[{"role":"user","content":"\\u00e9\\/"}],"stream":true}',
    ],
  ])('rule 6: %s has the bytes of the client but for the model', async (_, body, expected) => {
    expect((await send(body)).status).toBe(200)
    expect(upstream.last.text).toBe(expected)
  })

  it('rule 6: without stream is not given one, because passing on overrides that (ARCHITECTURE 10)', async () => {
    upstream.answer = sendJson(message('hello'))
    expect((await send('{"model":"m","max_tokens":9,"messages":[{}]}')).status).toBe(200)
    expect(upstream.last.text).toBe('{"model":"model","max_tokens":9,"messages":[{}]}')
  })

  it.each([
    ['x-api-key', { 'x-api-key': CLIENT_KEY }],
    ['authorization', { authorization: `Bearer ${CLIENT_KEY}` }],
    ['both', { authorization: `Bearer ${CLIENT_KEY}`, 'x-api-key': CLIENT_KEY }],
  ])('rule 9: has the key of the provider alone where the client sent its own as %s', async (_, headers) => {
    await ask(`${router.url}/v1/messages`, { headers, body: streaming })
    const { rawHeaders, text } = upstream.last
    const keys = rawHeaders.filter((name, at) => at % 2 === 0 && /^(?:x-api-key|authorization)$/i.test(name))
    expect(keys.map((name) => name.toLowerCase())).toEqual(['x-api-key'])
    expect(upstream.last.headers['x-api-key']).toBe(PROVIDER_KEY)
    expect(rawHeaders.join('\n') + text).not.toContain(CLIENT_KEY)
  })

  it('rule 10: has the key as a bearer token alone where the provider is to get it so', async () => {
    for (const stream of [true, false]) {
      if (!stream) upstream.answer = sendJson(message('hello'))
      expect((await send(messagesBody('bearer,model', stream))).status).toBe(200)
      expect(upstream.last.headers).toMatchObject({ authorization: `Bearer ${PROVIDER_KEY}` })
      expect(upstream.last.headers).not.toHaveProperty('x-api-key')
    }
  })

  it('rule 11: keeps the protocol headers, and leaves the connection to the router', async () => {
    await send(streaming, {
      'anthropic-version': '2024-10-22',
      'anthropic-beta': 'one-2025-01-01,two-2025-01-01',
      connection: 'close',
      'accept-encoding': 'zstd',
      cookie: 'a=b',
      'proxy-authorization': 'Basic eA==',
    })
    const { headers, text } = upstream.last
    expect(headers).toMatchObject({
      'anthropic-version': '2024-10-22',
      'anthropic-beta': 'one-2025-01-01,two-2025-01-01',
      host: `127.0.0.1:${upstream.port}`,
      'content-length': String(Buffer.byteLength(text)),
    })
    expect(headers.connection ?? 'keep-alive').toBe('keep-alive')
    expect(headers['accept-encoding'] ?? '').not.toContain('zstd')
    for (const name of ['transfer-encoding', 'cookie', 'proxy-authorization']) expect(headers).not.toHaveProperty(name)
  })

  it('rule 11: of chunked bodies keeps no transfer-encoding', async () => {
    const response = await fetch(`${router.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': CLIENT_KEY, 'content-type': 'application/json' },
      body: new Blob([JSON.stringify(streaming)]).stream(),
      duplex: 'half',
    } as RequestInit)
    await response.text()
    expect(upstream.last.headers).not.toHaveProperty('transfer-encoding')
    expect(upstream.last.json).toMatchObject({ model: 'model' })
  })
})

describe('an answer that is passed on', () => {
  const limits = {
    'request-id': 'req_upstream',
    'anthropic-ratelimit-requests-remaining': '7',
    'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
    'anthropic-organization-id': 'org',
    'retry-after': '3',
  }

  it.each([
    ['stream', true],
    ['message', false],
  ])('rule 12: keeps status and headers of a %s', async (_, stream) => {
    upstream.answer = stream ? sendStream(messageStream('hello'), limits) : sendJson(message('hello'), 200, limits)
    const { status, headers } = await send(messagesBody('m', stream))
    expect(status).toBe(200)
    expect(headers).toMatchObject(limits)
  })

  it.each([
    ['stream', true],
    ['message', false],
  ])('has no key of the router in the headers of a %s', async (_, stream) => {
    const echoed = { 'x-echo': `key ${PROVIDER_KEY} of ${CLIENT_KEY}` }
    upstream.answer = stream ? sendStream(messageStream('hello'), echoed) : sendJson(message('hello'), 200, echoed)
    expect((await send(messagesBody('m', stream))).headers['x-echo']).toBe('key [secret] of [secret]')
  })

  it('rule 12: keeps status, retry-after and limits of an error', async () => {
    const error = { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } }
    upstream.answer = sendJson(error, 429, { ...limits, 'retry-after-ms': '2500', 'x-echo': 'e' })
    const { status, headers } = await send(streaming)
    expect(status).toBe(429)
    const { 'anthropic-organization-id': _, 'request-id': theirs, ...kept } = limits
    expect(headers).toMatchObject({ ...kept, 'retry-after-ms': '2500' })
    expect(headers).not.toHaveProperty('x-echo')
    expect(headers['request-id'], 'stands in the body and in the log').not.toBe(theirs)
  })

  it('rule 13: has the bytes of the upstream, as a stream', async () => {
    const text = messageStream('é 👧 "quoted"\n')
    upstream.answer = sendStream(text)
    expect((await send(streaming)).text).toBe(text)
  })

  it('rule 13: has the bytes of the upstream, as a message', async () => {
    const text = JSON.stringify(message('é 👧'), undefined, 3)
    upstream.answer = (_request, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    expect((await send(messagesBody('m', false))).text).toBe(text)
  })

  it('rule 13: has them however they arrive, byte for byte, also where it would write others', async () => {
    const text = messageStream('one two three').replaceAll('data: {', ': later\ndata:{ "later" : 1.0, ')
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const bytes = Buffer.from(text)
      const next = (at: number): void => {
        if (at >= bytes.length) return void response.end()
        response.write(bytes.subarray(at, at + 11), () => next(at + 11))
      }
      next(0)
    }
    expect((await send(streaming)).text).toBe(text)
  })
})

it('a context overflow stays the 400 that it is', async () => {
  const words = 'prompt is too long: 210123 tokens > 200000 maximum'
  upstream.answer = sendJson({ type: 'error', error: { type: 'invalid_request_error', message: words } }, 400)
  const { status, json } = await send(streaming)
  expect(status).toBe(400)
  expect(json).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.stringContaining(words) as string },
  })
})
