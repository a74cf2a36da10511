import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, type Answer as Reply } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, message, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000
/** Every failed attempt is followed by the next target, of which this makes one more. */
const NEXT = `
import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'next', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('selectRoute', (plan) => {
      if (plan.primary?.model !== 'with-next') return undefined
      return { ...plan, targets: [...plan.targets, { provider: 'healthy', model: 'model' }] }
    }, { stage: 'refine' })
    ctx.on('onError', () => ({ action: 'next' }))
  },
})
`

let upstream: Upstream
let healthy: Upstream
let router: RunningRouter
let closedPort: number
const folder = mkdtempSync(join(tmpdir(), 'ccr-rules-'))

beforeAll(async () => {
  writeFileSync(join(folder, 'next.ts'), NEXT)
  upstream = await startUpstream(sendJson(message('hello')))
  healthy = await startUpstream(sendJson(message('from the next one')))
  const closed = await startUpstream(sendJson({}))
  closedPort = closed.port
  await closed.close()
  const provider = (name: string, api_base_url: string, dialect: string): object => ({
    name,
    api_base_url,
    api_key: 'provider-key-0123456789',
    models: ['model', 'with-next'],
    dialect,
  })
  router = await startRouter({
    config: {
      Providers: [
        provider('claude', upstream.url, 'anthropic'),
        provider('chat', `${upstream.url}/v1`, 'openai'),
        provider('healthy', healthy.url, 'anthropic'),
        provider('closed', `http://127.0.0.1:${closedPort}`, 'anthropic'),
      ],
      Router: { default: 'claude,model' },
      plugins: [{ use: `file:${join(folder, 'next.ts')}` }],
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
  await healthy?.close()
  rmSync(folder, { recursive: true, force: true })
})

const send = (model: string, stream = false): Promise<Reply> =>
  ask(`${router.url}/v1/messages`, { body: messagesBody(model, stream) })

const said = 'these are the words of the upstream'
const anthropicError = (type: string): object => ({ type: 'error', error: { type, message: said } })
const openaiError = (type: string): object => ({ error: { message: said, type, code: type } })

describe.each([
  ['claude', anthropicError],
  ['chat', openaiError],
] as const)('an error of the provider %s', (provider, errorOf) => {
  it.each([true, false])('rule 24: 429 keeps status, retry-after and words (stream: %s)', async (stream) => {
    upstream.answer = sendJson(errorOf('rate_limit_error'), 429, { 'retry-after': '7' })
    const { status, headers, json } = await send(`${provider},model`, stream)
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 429, retryAfter: '7' })
    expect(json).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error', message: expect.stringContaining(said) as string },
    })
  })

  it.each<[number, number, string, string?]>([
    [400, 400, 'invalid_request_error'],
    [401, 502, 'api_error', 'false'],
    [402, 502, 'api_error', 'false'],
    [403, 502, 'api_error', 'false'],
    [404, 404, 'not_found_error'],
    [408, 504, 'timeout_error'],
    [409, 502, 'api_error'],
    [413, 413, 'invalid_request_error'],
    [418, 502, 'api_error'],
    [422, 422, 'invalid_request_error'],
    [429, 429, 'rate_limit_error'],
    [500, 502, 'api_error'],
    [502, 502, 'api_error'],
    [503, 502, 'api_error'],
    [504, 504, 'timeout_error'],
    [529, 529, 'overloaded_error'],
  ])('rule 25: %i becomes %i %s (as reliability 3.6 overrides it)', async (given, status, type, shouldRetry) => {
    upstream.answer = sendJson(errorOf('some_error'), given)
    const reply = await send(`${provider},model`)
    expect(reply.status).toBe(status)
    expect(reply.headers['x-should-retry']).toBe(shouldRetry)
    expect(reply.json).toEqual({
      type: 'error',
      error: { type, message: expect.stringContaining(said) as string },
      request_id: reply.headers['request-id'],
    })
  })
})

describe('a connection that is refused', () => {
  it.each([true, false])('rule 26: is a 502 api_error that names it (stream: %s)', async (stream) => {
    const { status, json } = await send('closed,model', stream)
    expect(status).toBe(502)
    const message = expect.stringMatching(/'closed'.*\(ECONNREFUSED\) at http:\/\/[\w.]+:\d+; /) as string
    expect(json).toMatchObject({ type: 'error', error: { type: 'api_error', message } })
  })

  it('rule 26: lets the next target answer', async () => {
    const { status, headers, json } = await send('closed,with-next')
    expect(status).toBe(200)
    expect(headers['x-ccr-provider']).toBe('healthy')
    expect(json).toMatchObject({ content: [{ text: 'from the next one' }] })
  })
})

it('rule 25: an upstream that is well again is served again', async () => {
  upstream.answer = sendJson(completion('well'))
  expect(await send('chat,model')).toMatchObject({ status: 200, json: { content: [{ type: 'text', text: 'well' }] } })
})
