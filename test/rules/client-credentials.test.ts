import Anthropic from '@anthropic-ai/sdk'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { message, messageStream, sendJson, sendStream, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000
const OWN = 'client-owned-credential-0123456789'
const ROUTER_KEY = 'router-key-0123456789abcdef'
const PROVIDER_KEY = 'provider-key-0123456789'
const PLUGIN_KEY = 'plugin-key-0123456789'

/** Sends what fails at the provider `own` to `other`, what asks for it elsewhere, or with credentials of its own. */
const PLUGIN = `
import { definePlugin, Secret, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'detour', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  config: { Detour: Type.Optional(Type.String()) },
  activate(ctx) {
    ctx.on('selectRoute', (plan) => {
      if (plan.primary?.model !== 'with-next') return undefined
      return { ...plan, targets: [...plan.targets, { provider: 'other', model: 'model' }] }
    }, { stage: 'refine' })
    ctx.on('onError', () => ({ action: 'next' }))
    ctx.on('transformRequest', (outbound) =>
      outbound.model === 'elsewhere' ? { ...outbound, url: ctx.config.Detour } : undefined, { stage: 'send' })
    const auth = { scheme: 'bearer', secret: new Secret('${PLUGIN_KEY}') } as const
    ctx.on('transformRequest', (outbound) => (outbound.model === 'signed' ? { ...outbound, auth } : undefined))
  },
})
`

let own: Upstream
let other: Upstream
const folder = mkdtempSync(join(tmpdir(), 'ccr-credentials-'))

beforeAll(async () => {
  writeFileSync(join(folder, 'detour.ts'), PLUGIN)
  own = await startUpstream(sendJson(message('from its own')))
  other = await startUpstream(sendJson(message('from the other')))
})

afterAll(async () => {
  await own?.close()
  await other?.close()
  rmSync(folder, { recursive: true, force: true })
})

afterEach(() => {
  own.answer = sendJson(message('from its own'))
})

function config(more: object = {}): object {
  const provider = (name: string, upstream: Upstream, api_key: string, dialect = 'anthropic'): object => ({
    name,
    api_base_url: dialect === 'openai' ? `${upstream.url}/v1` : upstream.url,
    api_key,
    models: ['model', 'with-next', 'elsewhere', 'signed'],
    dialect,
  })
  return {
    Providers: [
      provider('own', own, 'passthrough'),
      provider('own-chat', own, 'passthrough', 'openai'),
      provider('other', other, PROVIDER_KEY),
    ],
    Router: { default: 'own,model' },
    Detour: `${other.url}/v1/messages`,
    plugins: [{ use: `file:${join(folder, 'detour.ts')}` }],
    ...more,
  }
}

const credentials = (upstream: Upstream): object =>
  Object.fromEntries(
    Object.entries(upstream.last.headers).filter(([name]) => /^(?:authorization|x-api-key|x-ccr-key)$/.test(name)),
  )

describe("a provider whose key is 'passthrough'", () => {
  let router: RunningRouter

  beforeAll(async () => {
    router = await startRouter({ config: config() })
  }, START_MS)

  afterAll(() => router?.stop())

  const send = (model: string, headers: Readonly<Record<string, string>>, stream = false): Promise<Reply> =>
    ask(`${router.url}/v1/messages`, { headers, body: messagesBody(model, stream) })

  it.each<[string, Record<string, string>]>([
    ['a bearer token', { authorization: `Bearer ${OWN}` }],
    ['a token in its own spelling', { authorization: `bearer  ${OWN}` }],
    ['an API key', { 'x-api-key': OWN }],
    ['both', { authorization: `Bearer ${OWN}`, 'x-api-key': `${OWN}-too` }],
    ['none', {}],
  ])('gets %s as the client sent it', async (_, headers) => {
    for (const model of ['own,model', 'own-chat,model']) {
      await send(model, headers)
      expect(credentials(own)).toEqual(headers)
    }
  })

  it('serves the official client, streaming', async () => {
    own.answer = sendStream(messageStream('streamed'))
    const client = new Anthropic({ baseURL: router.url, apiKey: null, authToken: OWN, maxRetries: 0 })
    const messages = [{ role: 'user' as const, content: 'hi' }]
    const final = await client.messages.stream({ model: 'own,model', max_tokens: 9, messages }).finalMessage()
    expect(final.content).toMatchObject([{ text: 'streamed' }])
    expect(credentials(own)).toEqual({ authorization: `Bearer ${OWN}` })
  })

  it.each([
    [401, 'authentication_error'],
    [403, 'permission_error'],
  ])('has its %i reach the client with status, body and challenge as they are', async (status, type) => {
    const body = { type: 'error', error: { type, message: 'OAuth token has expired.', later: 1 }, request_id: 'req_up' }
    const challenge = { 'www-authenticate': 'Bearer realm="x"', 'request-id': 'req_up', 'x-should-retry': 'true' }
    for (const stream of [false, true]) {
      own.answer = sendJson(body, status, challenge)
      const reply = await send('own,model', { authorization: `Bearer ${OWN}` }, stream)
      expect(reply.status).toBe(status)
      expect(reply.text).toBe(JSON.stringify(body))
      expect(reply.headers).toMatchObject({ ...challenge, 'content-type': 'application/json' })
    }
  })

  it.each([
    [402, 'permission_error'],
    [429, 'rate_limit_error'],
  ])('has its %i reach the client with status, body and limits as they are', async (status, type) => {
    const body = { type: 'error', error: { type, message: "This would exceed your account's rate limit." } }
    const limits = {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': '1700000000',
      'retry-after': '18000',
      'x-should-retry': 'false',
      'request-id': 'req_up',
    }
    for (const stream of [false, true]) {
      own.answer = sendJson(body, status, limits)
      const reply = await send('own,model', { authorization: `Bearer ${OWN}` }, stream)
      expect([reply.status, reply.text]).toEqual([status, JSON.stringify(body)])
      expect(reply.headers).toMatchObject({ ...limits, 'content-type': 'application/json' })
    }
  })

  it('has its 401 reach a client of another dialect with the status, in the words of that dialect', async () => {
    own.answer = sendJson({ error: { message: 'expired', type: 'invalid_request_error' } }, 401)
    const reply = await send('own-chat,model', { authorization: `Bearer ${OWN}` })
    expect(reply.status).toBe(401)
    expect(reply.json).toMatchObject({
      type: 'error',
      error: { type: 'authentication_error', message: expect.stringContaining('expired') as string },
    })
  })

  it('is not asked again, and another provider gets its own key', async () => {
    own.answer = sendJson({ type: 'error', error: { type: 'authentication_error', message: 'no' } }, 401)
    const before = own.requests.length
    const reply = await send('own,with-next', { authorization: `Bearer ${OWN}` })
    expect(reply).toMatchObject({ status: 200, json: { content: [{ text: 'from the other' }] } })
    expect(own.requests.length).toBe(before + 1)
    expect(credentials(other)).toEqual({ 'x-api-key': PROVIDER_KEY })
    expect(other.last.rawHeaders.join() + other.last.text).not.toContain(OWN)
  })

  it('is the only origin that gets them, whatever URL a plugin sets', async () => {
    await send('own,elsewhere', { authorization: `Bearer ${OWN}` })
    expect(credentials(other)).toEqual({})
    expect(other.last.rawHeaders.join()).not.toContain(OWN)
  })

  it.each<[string, Record<string, string>]>([
    ['bearer token', { authorization: `Bearer ${OWN}` }],
    ['API key', { 'x-api-key': OWN }],
  ])('gets no %s of the client where a plugin gave credentials', async (_, headers) => {
    await send('own,signed', headers)
    expect(credentials(own)).toEqual({ authorization: `Bearer ${PLUGIN_KEY}` })
  })

  it('leaves the credentials in no log, also when the upstream repeats them', async () => {
    for (const status of [400, 401, 403, 500]) {
      own.answer = sendJson({ type: 'error', error: { type: 'api_error', message: `bad key ${OWN}` } }, status)
      await send('own,model', { 'x-api-key': OWN })
    }
    const error = { type: 'error', error: { type: 'api_error', message: `bad key ${OWN}` } }
    const data = `data: ${JSON.stringify(error)}\n\n`
    own.answer = sendStream(messageStream('hello').slice(0, -250) + `\n\n${data}`)
    await send('own,model', { authorization: `Bearer ${OWN}` }, true)
    expect(router.written().length).toBeGreaterThan(500)
    expect(router.written()).not.toContain(OWN)
  })
})

describe("with a router's key", () => {
  let router: RunningRouter

  beforeAll(async () => {
    router = await startRouter({ config: config({ APIKEY: ROUTER_KEY }) })
  }, START_MS)

  afterAll(() => router?.stop())

  const send = (headers: Readonly<Record<string, string>>, model = 'own,model'): Promise<Reply> =>
    ask(`${router.url}/v1/messages`, { headers, body: messagesBody(model, false) })

  it('x-ccr-key opens the router, and the own credentials pass', async () => {
    expect((await send({ 'x-ccr-key': ROUTER_KEY, authorization: `Bearer ${OWN}` })).status).toBe(200)
    expect(credentials(own)).toEqual({ authorization: `Bearer ${OWN}` })
    expect((await send({ 'x-ccr-key': ROUTER_KEY, 'x-api-key': OWN }, 'other,model')).status).toBe(200)
    expect(credentials(other)).toEqual({ 'x-api-key': PROVIDER_KEY })
  })

  it.each<[string, Record<string, string>]>([
    ['own credentials alone', { authorization: `Bearer ${OWN}` }],
    ['a wrong x-ccr-key', { 'x-ccr-key': 'wrong', authorization: `Bearer ${ROUTER_KEY}` }],
    ['nothing', {}],
  ])('%s are refused by the router', async (_, headers) => {
    const before = own.requests.length
    const { status, json } = await send(headers)
    expect(status).toBe(401)
    expect(json).toMatchObject({ error: { type: 'authentication_error' } })
    expect(own.requests.length).toBe(before)
  })

  it.each<[string, Record<string, string>]>([
    ['authorization', { authorization: `Bearer ${ROUTER_KEY}` }],
    ['x-api-key', { 'x-api-key': ROUTER_KEY }],
  ])("the router's key, sent as %s, never leaves it", async (_, headers) => {
    expect((await send(headers)).status).toBe(200)
    expect(own.last.rawHeaders.join()).not.toContain(ROUTER_KEY)
    expect(credentials(own)).toEqual({})
  })
})
