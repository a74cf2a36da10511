import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ask, messagesBody } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { message, messageStream, sendJson, sendStream, startUpstream, type Answer, type Upstream } from './upstream.ts'

const START_MS = 40_000
const KEY = 'provider-key-0123456789'

let first: Upstream
let second: Upstream
let router: RunningRouter
let before: [number, number]

beforeAll(async () => {
  first = await startUpstream(sendJson(message('from the first')))
  second = await startUpstream(sendJson(message('from the second')))
  const provider = (name: string, { url }: Upstream, api_key: string): object => ({
    name,
    api_base_url: url,
    api_key,
    models: ['model'],
    dialect: 'anthropic',
  })
  router = await startRouter({
    config: {
      Providers: [
        provider('first', first, KEY),
        provider('own', first, 'passthrough'),
        provider('second', second, KEY),
      ],
      Router: {
        default: 'first,model',
        health: { failureThreshold: 5, openSeconds: 3, maxOpenSeconds: 300, halfOpenSuccesses: 1 },
      },
      fallback: { default: ['second,model'] },
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await Promise.all([first?.close(), second?.close()])
})

beforeEach(async () => {
  first.answer = sendJson(message('from the first'))
  second.answer = sendJson(message('from the second'))
  before = [first.requests.length, second.requests.length]
  for (const provider of ['first', 'own', 'second']) {
    const reply = await admin('/api/providers/health/reset', JSON.stringify({ provider }))
    expect(reply.status).toBe(200)
  }
})

/** How often each has been asked in this test. */
const asked = (): readonly number[] => [first.requests.length - before[0], second.requests.length - before[1]]

const states = async (): Promise<unknown> => {
  const told = (await (await admin('/api/providers/health')).json()) as { readonly states: unknown }
  return told.states
}

function admin(path: string, body?: string): Promise<Response> {
  const key = readFileSync(join(router.home, 'run', 'admin.key'), 'utf8').trim()
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return fetch(`${router.url}${path}`, body === undefined ? { headers } : { method: 'POST', headers, body })
}

const failing =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'no' } }))
  }

const request = (stream = false, model = 'any', headers = {}) =>
  ask(`${router.url}/v1/messages`, { body: messagesBody(model, stream), headers })

describe('with a fallback', () => {
  it.each([
    ['22', 'a refused key', failing(401)],
    ['27', 'a 429 with Retry-After', failing(429, { 'retry-after': '7' })],
    ['28', 'a 429 with a Retry-After that is nonsense', failing(429, { 'retry-after': 'soon' })],
    ['30', 'a 500', failing(500)],
    ['12', 'a connection that breaks', ((_, response) => response.destroy()) as Answer],
    [
      '34',
      'an error inside a good answer',
      sendJson({ type: 'error', error: { type: 'overloaded_error', message: 'x' } }),
    ],
    [
      '39',
      'an answer that ends early',
      ((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
        response.end('{"id":', () => response.destroy())
      }) as Answer,
    ],
  ])('row %s: %s is answered by the next target, and recorded as two attempts', async (_, __, answer) => {
    first.answer = answer
    const { status, text, headers } = await request()
    expect(status).toBe(200)
    expect(text).toContain('from the second')
    expect(headers).toMatchObject({ 'x-ccr-provider': 'second', 'x-ccr-fallback': 'first,model' })
    const id = headers['request-id']
    await expect
      .poll(() => router.log().find(({ event, request }) => event === 'done' && request === id)?.['attempts'])
      .toMatchObject([{ provider: 'first' }, { provider: 'second', outcome: 'ok' }])
  })

  it('rows 21 and 70: neither a 400 nor a stream that breaks after content asks the next target', async () => {
    first.answer = failing(400)
    expect((await request()).status).toBe(400)
    first.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const [head] = messageStream('half of it').split('event: content_block_stop')
      response.write(head, () => setTimeout(() => response.destroy(), 50))
    }
    const { text } = await request(true)
    expect(text).toContain('half of it')
    expect(text).toContain('event: error')
    expect(asked()).toEqual([2, 0])
  })

  it('row 40: five failures leave a target alone until one request may try it', async () => {
    first.answer = failing(500)
    for (let count = 0; count < 5; count++) await request()
    expect(asked()).toEqual([5, 5])
    // What an exchange came to is taken in when its client has got the answer.
    await expect.poll(states).toMatchObject([{ status: 'open' }, {}, {}])
    expect((await request()).text).toContain('from the second')
    expect(asked()).toEqual([5, 6])
    first.answer = sendJson(message('from the first again'))
    await expect.poll(async () => (await request()).text, { timeout: 20_000 }).toContain('from the first again')
  })

  it('row 41: where all have failed, the first is asked all the same, and what it says is told', async () => {
    first.answer = failing(500)
    second.answer = failing(503)
    for (let count = 0; count < 5; count++) await request()
    const both = asked()
    await expect.poll(states).toMatchObject([{ status: 'open' }, {}, { status: 'open' }])
    first.answer = failing(429, { 'retry-after': '7' })
    const { status, headers } = await request()
    expect([status, headers['retry-after']]).toEqual([429, '7'])
    expect(asked()).toEqual([both[0]! + 1, both[1]])
  })

  it("a client's own credentials: a 401 is the client's to know, a 429 is answered by the next target", async () => {
    const own = () => request(false, 'own,model', { authorization: 'Bearer own-credential-0123456789' })
    first.answer = failing(401)
    expect((await own()).status).toBe(401)
    expect(asked()).toEqual([1, 0])
    first.answer = failing(429)
    expect((await own()).text).toContain('from the second')
    expect(JSON.stringify(second.last.headers)).not.toContain('own-credential')
  })

  it('the health of all targets is told to whoever has the admin key', async () => {
    first.answer = failing(500)
    await request()
    expect((await fetch(`${router.url}/api/providers/health`)).status).toBe(401)
    await expect.poll(states).toMatchObject([
      { provider: 'first', model: 'model', status: 'closed', failureCount: 1, reason: 'status 500' },
      { provider: 'own', failureCount: 0 },
      { provider: 'second', failureCount: 0 },
    ])
  })

  it('a stream is answered by the next target as if it had been asked first', async () => {
    first.answer = failing(529)
    second.answer = sendStream(messageStream('streamed'))
    const { status, text } = await request(true)
    expect(status).toBe(200)
    expect(text).toContain('streamed')
    expect(text.match(/event: message_start/g)).toHaveLength(1)
    expect(text).toContain('event: message_stop')
  })
})
