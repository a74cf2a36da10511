import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, open } from '../../kernel/test/support/client.ts'
import { startRouter, withRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { message, messageStream, sendJson, startUpstream, type Answer, type Upstream } from './upstream.ts'

const START_MS = 40_000
const WAIT_MS = 5_000

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
})

afterAll(() => upstream?.close())

const provider = (name: string, more: object = {}): object => ({
  name,
  api_base_url: upstream.url,
  api_key: 'provider-key',
  models: ['model'],
  dialect: 'anthropic',
  ...more,
})

/** Waits for a condition, for a bounded time. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !condition(); await delay(10))
    if (Date.now() > deadline) throw new Error('the condition did not come true')
}

describe('credentials and connections', () => {
  let router: RunningRouter

  beforeAll(async () => {
    const Providers = [
      provider('empty', { api_key: '' }),
      provider('absent', { api_key: undefined }),
      provider('empty-chat', { api_key: '', dialect: 'openai', api_base_url: `${upstream.url}/v1` }),
    ]
    router = await startRouter({ config: { Providers } })
  }, START_MS)

  afterAll(() => router?.stop())

  it.each(['empty', 'absent', 'empty-chat'])('rule 16: an empty key is no Authorization (%s)', async (name) => {
    await ask(`${router.url}/v1/messages`, {
      headers: { authorization: 'Bearer client', 'x-api-key': 'client' },
      body: messagesBody(`${name},model`, false),
    })
    expect(upstream.last.url).toBe(name === 'empty-chat' ? '/v1/chat/completions' : '/v1/messages')
    for (const header of ['authorization', 'x-api-key', 'proxy-authorization'])
      expect(upstream.last.headers).not.toHaveProperty(header)
  })

  it('rule 19: requests one after the other come on one connection', async () => {
    const seen = new Set<number>()
    for (let count = 0; count < 4; count++) {
      await ask(`${router.url}/v1/messages`, { body: messagesBody('empty,model', false) })
      seen.add(upstream.last.connection)
    }
    expect(seen.size).toBe(1)
  })

  it.each([
    ['before it answers', ''],
    ['in the middle of its answer', messageStream('hello').slice(0, -200)],
  ])('rule 20: a client that leaves closes the upstream %s', async (_, text) => {
    await until(() => upstream.open <= 1)
    const before = upstream.requests.length
    upstream.answer = (_request, response) => {
      if (text !== '') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
    }
    const call = open(`${router.url}/v1/messages`, { body: messagesBody('empty,model', true) })
    if (text === '') await until(() => upstream.requests.length > before)
    else await call.until('hello')
    expect(upstream.open).toBeGreaterThan(0)
    call.leave()
    await until(() => upstream.open === 0)
    upstream.answer = sendJson(message('hello'))
  })
})

describe('the proxy', () => {
  const keys = ['HTTPS_PROXY', 'https_proxy', 'httpsProxy', 'PROXY_URL'] as const
  let right: Proxy
  let wrong: Proxy

  beforeAll(async () => {
    right = await startProxy()
    wrong = await startProxy()
  })

  afterAll(async () => {
    await right?.close()
    await wrong?.close()
  })

  /** Another name of this machine, which is no loopback name. */
  const elsewhere = (): object => provider('elsewhere', { api_base_url: `http://0.0.0.0:${upstream.port}` })
  const send = async (router: RunningRouter, name: string): Promise<number> =>
    (await ask(`${router.url}/v1/messages`, { body: messagesBody(`${name},model`, false) })).status

  it.each(keys)('rule 19: %s comes before the keys after it', { timeout: START_MS }, async (key) => {
    const later = keys.slice(keys.indexOf(key) + 1).map((other) => [other, wrong.url])
    const config = { Providers: [elsewhere()], [key]: right.url, ...Object.fromEntries(later) }
    const [before, others] = [right.asked.length, wrong.asked.length]
    await withRouter({ config }, async (router) => {
      const connections = new Set<number>()
      for (let count = 0; count < 3; count++) {
        expect(await send(router, 'elsewhere')).toBe(200)
        connections.add(upstream.last.connection)
      }
      expect(connections.size).toBe(1)
    })
    expect(right.asked.slice(before)).toContain(`0.0.0.0:${upstream.port}`)
    expect(wrong.asked.length).toBe(others)
  })

  it('rule 19: is gone around for loopback, and for what NO_PROXY names', { timeout: START_MS }, async () => {
    const before = right.asked.length
    const config = { Providers: [provider('near'), elsewhere()], PROXY_URL: right.url }
    await withRouter({ config, env: { NO_PROXY: 'example.com,0.0.0.0' } }, async (router) => {
      expect(await send(router, 'near')).toBe(200)
      expect(await send(router, 'elsewhere')).toBe(200)
    })
    expect(right.asked.length).toBe(before)
  })
})

describe('the timers', () => {
  const silent: Answer = () => undefined
  const after =
    (text: string, type: string): Answer =>
    (_request, response) =>
      void response.writeHead(200, { 'content-type': type }).write(text)
  const part = messageStream('hello').slice(0, -250)

  const total = { total: 400, firstEvent: 400, connect: 400 }

  it.each<[string, object, boolean, Answer]>([
    ['no head of a stream', { firstEvent: 300 }, true, silent],
    ['no head of a message', total, false, silent],
    ['a head and no event', { firstEvent: 300 }, true, after(': wait\n\n', 'text/event-stream')],
    ['half a message', total, false, after('{"id":', 'application/json')],
  ])('rule 21: %s ends in 504 timeout_error', { timeout: START_MS }, async (_, timeouts, stream, answer) => {
    upstream.answer = answer
    await withRouter({ config: { Providers: [provider('slow')], timeouts } }, async (router) => {
      const { status, json } = await ask(`${router.url}/v1/messages`, { body: messagesBody('slow,model', stream) })
      expect(status).toBe(504)
      expect(json).toMatchObject({ type: 'error', error: { type: 'timeout_error' } })
    })
  })

  it('rule 21: a handshake that does not end is a 504 timeout_error', { timeout: START_MS }, async () => {
    const mute = await startMute()
    const config = { Providers: [provider('slow', { api_base_url: mute.url })], timeouts: { connect: 300 } }
    await withRouter({ config }, async (router) => {
      const { status, json } = await ask(`${router.url}/v1/messages`, { body: messagesBody('slow,model', true) })
      expect(status).toBe(504)
      expect(json).toMatchObject({ type: 'error', error: { type: 'timeout_error' } })
    }).finally(mute.close)
  })

  it.each([
    ['idle', { idle: 300 }],
    ['total', { totalStream: 600, firstEvent: 600, idle: 600, connect: 600, progress: 600 }],
  ])('rule 21: silence within a stream (%s) is an error event', { timeout: START_MS }, async (_, timeouts) => {
    upstream.answer = after(part, 'text/event-stream')
    await withRouter({ config: { Providers: [provider('slow')], timeouts } }, async (router) => {
      const body = messagesBody('slow,model', true)
      const { status, text, broken } = await ask(`${router.url}/v1/messages`, { body })
      expect({ status, broken }).toEqual({ status: 200, broken: undefined })
      const events = text.trimEnd().split('\n\n')
      expect(events.at(-1)).toMatch(/^event: error\ndata: \{"type":"error","error":\{"type":"timeout_error",/)
      expect(events.filter((event) => event.startsWith('event: error'))).toHaveLength(1)
      expect(text).not.toContain('message_stop')
    })
  })
})

/** Takes connections and never says a word. */
async function startMute(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    close: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
