import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { Endpoint } from '@ccr/sdk'
import { createSettings } from '@ccr/sdk/kernel'
import { afterEach, describe, expect, it } from 'vitest'
import { ADMIN_KEY, sendRaw, startServer, until, type TestServer, type TestServerOptions } from './server-fixture.ts'

const KEY = 'data-key-0123456789abcdef'
const ok: Endpoint = {
  method: 'GET',
  path: '/health',
  access: 'public',
  respond: () => ({ status: 200, body: { status: 'ok' } }),
}
const admin: Endpoint = {
  method: 'POST',
  path: '/api/echo',
  access: 'admin',
  respond: ({ body, url }) => ({ status: 200, body: { body: body.toString(), url } }),
}
const data: Endpoint = {
  method: 'GET',
  path: '/v1/models/:id',
  access: 'data',
  respond: ({ params }) => ({ status: 200, body: `model ${params['id']}`, headers: { 'content-type': 'text/plain' } }),
}
const taking: Endpoint = {
  method: 'POST',
  path: '/takes',
  access: 'public',
  respond: ({ body }) => ({ status: 200, body: { bytes: body.length } }),
}
const failing: Endpoint = {
  method: 'GET',
  path: '/fails',
  access: 'public',
  respond: () => Promise.reject(new Error('/secret/path broke')),
}

const JSON_TYPES = [
  'application/json',
  'APPLICATION/JSON',
  'application/json;charset=UTF-8',
  'application/json ; odd=1; Charset="utf-8"',
  'application/vnd.a.b-1+json; charset=utf8',
]
const OTHER_TYPES = [
  '',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/json, text/plain',
  'text/json',
  'application/json; charset=utf-16',
  'application/json; charset="latin1"',
  'application/json; charset=utf-8; charset=latin1',
]

const servers: TestServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer({ host: [ok, admin, data, taking, failing], ...options })
  servers.push(server)
  return server
}

describe('routes', () => {
  it('answers an exchange, an endpoint with parameters, and HEAD for GET', async () => {
    const { port } = await start()
    expect(await call(port, 'POST', '/v1/messages?beta=true', { body: 'x'.repeat(1000) })).toMatchObject({
      status: 200,
      json: { bytes: 1000, url: '/v1/messages?beta=true' },
    })
    expect(await call(port, 'GET', '/v1/models/a%20b')).toMatchObject({ status: 200, text: 'model a b' })
    expect(await call(port, 'HEAD', '/health')).toMatchObject({ status: 200, text: '' })
  })

  it('gives the answer of one piece its length', async () => {
    const { port } = await start()
    const { headers, text } = await call(port, 'POST', '/v1/messages', { body: '{}' })
    expect(headers['content-length']).toBe(String(text.length))
  })

  it.each([
    ['GET', '/nowhere', 404, 'not_found_error'],
    ['GET', '/health/', 404, 'not_found_error'],
    ['GET', '/HEALTH', 404, 'not_found_error'],
    ['GET', '//health', 404, 'not_found_error'],
    ['GET', '/%zz', 404, 'not_found_error'],
    ['GET', '/ui/../health', 404, 'not_found_error'],
    ['DELETE', '/health', 405, 'invalid_request_error'],
    ['OPTIONS', '/health', 405, 'invalid_request_error'],
    ['PROPFIND', '/health', 405, 'invalid_request_error'],
  ])('%s %s is %d', async (method, path, status, type) => {
    const { port } = await start()
    const { headers, json, ...answer } = await call(port, method, path)
    expect(answer.status).toBe(status)
    expect(json).toMatchObject({ type: 'error', error: { type }, request_id: headers['request-id'] })
    expect(headers['request-id']).toMatch(/^req_[A-Za-z0-9]{24}$/)
    if (status === 405) expect(headers.allow).toBe('GET, HEAD')
    for (const name of Object.keys(headers)) expect(name).not.toMatch(/^access-control-/)
  })

  it('takes bodies of JSON or no content type for exchanges, and any where endpoints read them', async () => {
    const { port } = await start()
    const send = (type: string, body?: string) =>
      call(port, 'POST', '/v1/messages', { ...(body && { body }), headers: { 'content-type': type } })
    for (const type of JSON_TYPES) expect(await send(type, 'abc')).toMatchObject({ json: { bytes: 3 } })
    for (const type of OTHER_TYPES) {
      const { status, json } = await send(type, 'abc')
      const message: unknown = expect.stringMatching(/send content-type: application\/json$/)
      expect({ type, status, json }).toMatchObject({ type, status: 415, json: { plain: true, message } })
    }
    const taken = await call(port, 'POST', '/takes', { body: 'abc', headers: { 'content-type': 'text/plain' } })
    expect(taken).toMatchObject({ json: { bytes: 3 } })
    expect(await send('text/plain')).toMatchObject({ json: { bytes: 0 } })
    expect(await call(port, 'POST', '/v1/messages', { body: 'abc' })).toMatchObject({ json: { bytes: 3 } })
    expect(await call(port, 'POST', '/v1/messages')).toMatchObject({ json: { bytes: 0 } })
  })

  it('says what it cannot read in words of its own', async () => {
    const { port, logged } = await start()
    const refused = await call(port, 'POST', '/takes', { body: 'abc', headers: { 'content-type': 'abc' } })
    expect(refused).toMatchObject({ status: 415, headers: { connection: 'close' } })
    const message: unknown = expect.stringMatching(/^the request cannot be read: /)
    expect(refused.json).toMatchObject({ error: { type: 'invalid_request_error', message } })
    expect(logged).toEqual([])
  })

  it('says nothing about an endpoint that failed but that it did', async () => {
    const { port, logged } = await start()
    const { status, text } = await call(port, 'GET', '/fails')
    expect(status).toBe(500)
    expect(text).not.toContain('secret')
    expect(logged).toMatchObject([{ endpoint: '/fails', err: { message: '/secret/path broke' } }])
  })

  it('uses the endpoints of the generation that is live', async () => {
    const { port, apply } = await start()
    expect((await call(port, 'GET', '/later')).status).toBe(404)
    await apply([{ ...ok, path: '/later' } as Endpoint])
    expect((await call(port, 'GET', '/later')).status).toBe(200)
    await apply([])
    expect((await call(port, 'GET', '/later')).status).toBe(404)
  })
})

describe('keys', () => {
  it("asks for the data key in the words of the endpoint's dialect", async () => {
    const { port } = await start({ dataKey: KEY })
    expect(await call(port, 'POST', '/v1/messages', { body: '{}' })).toMatchObject({
      status: 401,
      json: { plain: true, type: 'authentication_error' },
    })
    expect(
      await call(port, 'POST', '/v1/messages', { body: '{}', headers: { authorization: `Bearer ${KEY}` } }),
    ).toMatchObject({ status: 200 })
  })

  it('keeps data and admin keys apart', async () => {
    const { port } = await start({ dataKey: KEY })
    expect((await call(port, 'POST', '/api/echo', { headers: { 'x-api-key': KEY } })).status).toBe(403)
    expect((await call(port, 'POST', '/v1/messages', { headers: { 'x-api-key': ADMIN_KEY } })).status).toBe(403)
    expect((await call(port, 'POST', '/api/echo', { body: 'hi', headers: { 'x-api-key': ADMIN_KEY } })).json).toEqual({
      body: 'hi',
      url: '/api/echo',
    })
  })

  it.each([
    '/ui/../api/echo',
    '/ui%2f..%2fapi/echo',
    '//api/echo',
    '/API/echo',
    '/api/echo/',
    '/api/echo;x',
    '/ui/..%5capi/echo',
    '/api/%65cho',
    '/api//echo',
  ])('keeps %s closed', async (path) => {
    const { port } = await start()
    expect([401, 404]).toContain((await call(port, 'POST', path)).status)
  })

  it('logs how many keys were refused, not each of them', async () => {
    const { port, logged, stop } = await start({ dataKey: KEY })
    const wrong = (count: number) => call(port, 'POST', '/v1/messages', { headers: { 'x-api-key': `wrong ${count}` } })
    await Promise.all([0, 1, 2, 3, 4].map(wrong))
    await stop()
    expect(logged).toEqual([{ refused: 5, message: 'requests without a valid key were refused' }])
  })
})

describe('raw requests', () => {
  const head = 'Host: localhost:PORT\r\n'
  it.each([
    ['two Host headers', `GET /health HTTP/1.1\r\n${head}Host: localhost:PORT\r\n\r\n`, 400],
    ['an absolute target', `GET http://evil.example/health HTTP/1.1\r\n${head}\r\n`, 400],
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n', 400],
    ['another Host', 'GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n', 403],
    ['another Origin', `GET /health HTTP/1.1\r\n${head}Origin: https://evil.example\r\n\r\n`, 403],
    [
      'an upgrade of another Origin',
      `GET /health HTTP/1.1\r\n${head}Origin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
      403,
    ],
    [
      'a preflight of another Origin',
      `OPTIONS /v1/messages HTTP/1.1\r\n${head}Origin: https://evil.example\r\n` +
        'Access-Control-Request-Method: POST\r\n\r\n',
      403,
    ],
    [
      'length and chunks together',
      `POST /v1/messages HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
      400,
    ],
    ['a bare line feed in a value', `GET /health HTTP/1.1\r\n${head}X-A: a\nb: c\r\n\r\n`, 400],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a Host behind 2,000 headers', `GET /health HTTP/1.1\r\n${head}${'a:b\r\n'.repeat(2_000)}Host: evil\r\n\r\n`, 431],
    ['a head of 17 KiB', `GET /health HTTP/1.1\r\n${head}X-A: ${'a'.repeat(17 * 1024)}\r\n\r\n`, 431],
    [
      'a compressed body',
      `POST /v1/messages HTTP/1.1\r\n${head}Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n`,
      415,
    ],
  ])('%s is refused', async (_name, text, status) => {
    const { port } = await start()
    const client = sendRaw(port, text.replaceAll('PORT', String(port)))
    await until(() => client.text().includes('\r\n\r\n'))
    client.socket.end()
    expect(client.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(client.text().toLowerCase()).not.toContain('access-control-')
    expect(client.text()).toContain('"type":')
    await client.closed
  })

  it('answers two pipelined requests in order', async () => {
    const { port } = await start()
    const one = (path: string, rest: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${rest}\r\n`
    const client = sendRaw(port, one('/v1/models/first', '') + one('/v1/models/second', 'Connection: close\r\n'))
    await client.closed
    expect(client.text()).toMatch(/model first[^]*model second/)
  })

  describe.each(['from the start', 'since a reload'])('%s', (when) => {
    const startWith = async (settings: ReturnType<typeof createSettings>): Promise<number> => {
      const { port, configure } = await start(when === 'from the start' ? { settings } : {})
      configure(settings)
      return port
    }

    it('tells how long a connection is kept', async () => {
      const port = await startWith(createSettings({ timeouts: { clientIdle: 30_000 } }))
      expect((await fetch(`http://127.0.0.1:${port}/v1/models/first`)).headers.get('keep-alive')).toBe('timeout=30')
    })

    it('cuts a client whose head or body comes too slowly', async () => {
      const port = await startWith(createSettings({ timeouts: { clientHeaders: 100, clientBody: 200 } }))
      const slow = [
        sendRaw(port, 'GET /hea'),
        sendRaw(port, `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 10\r\n\r\nabc`),
      ]
      for (const client of slow) {
        await client.closed
        expect(client.text()).toMatch(/^HTTP\/1.1 408 [^]*"the request came too slowly"/)
      }
    })
  })

  it('refuses a body that ends before its length', async () => {
    const { port } = await start()
    const client = sendRaw(
      port,
      `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 10\r\n\r\nabc`,
    )
    client.socket.end()
    await client.closed
    expect(client.text()).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe('large bodies', () => {
  const settings = createSettings({ limits: { bodyBytes: 100_000 } })

  it('refuses a length above the limit before the body comes', async () => {
    const { port } = await start({ settings })
    const client = sendRaw(
      port,
      `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 34603008\r\n\r\n`,
    )
    await until(() => client.text().includes('request_too_large'))
    expect(client.text()).toMatch(/^HTTP\/1.1 413 [^]*connection: close/i)
    client.socket.end()
    await client.closed
  })

  it('cuts a chunked body at the limit, reads at most a little more, and closes', async () => {
    const { port } = await start({ settings })
    const client = sendRaw(
      port,
      `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`
    let sent = 0
    const more = (): void => {
      while (sent < 1024 && !client.socket.destroyed) {
        sent++
        if (!client.socket.write(chunk)) return void client.socket.once('drain', more)
      }
    }
    more()
    await client.closed
    expect(client.text()).toMatch(/^HTTP\/1.1 413 [^]*request_too_large/)
    expect(sent).toBeLessThan(1024)
  })

  it.each([
    [5_000_000, 1_500_000, 200],
    [50_000, 20_000, 413],
  ])('knows a limit of %i that was set since, also for a chunked body', async (limit, size, status) => {
    const { port, configure } = await start({ settings })
    configure(createSettings({ limits: { bodyBytes: limit } }))
    const body = 'x'.repeat(size)
    const client = sendRaw(
      port,
      `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${`${body.length.toString(16)}\r\n${body}\r\n`.repeat(3)}0\r\n\r\n`,
    )
    await until(() => client.text().includes('\r\n\r\n'))
    expect(client.text()).toContain(`HTTP/1.1 ${status} `)
    client.socket.destroy()
    const whole = await call(port, 'POST', '/v1/messages', { body: body.repeat(3) })
    expect(whole.status).toBe(status)
  })

  it.each([
    ['too large', '/v1/messages', 34_603_008, 413],
    ['for nobody', '/nowhere', 3, 404],
  ])('that is %s and asks whether it may come is refused before it comes', async (_name, path, length, status) => {
    const { port } = await start({ settings })
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: ${length}\r\n`
    const client = sendRaw(port, `${head}Expect: 100-continue\r\n\r\n`)
    await until(() => client.text().includes('"type":'))
    expect(client.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*connection: close`, 'i'))
    await client.closed
  })

  it('asks for the body of a client that wants to be asked', async () => {
    const { port } = await start({ settings })
    const head = `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 3\r\n`
    const client = sendRaw(port, `${head}Expect: 100-continue\r\n\r\n`)
    await until(() => client.text() === 'HTTP/1.1 100 Continue\r\n\r\n')
    client.socket.write('abc')
    await until(() => client.text().includes('"bytes":3'))
    client.socket.end()
    await client.closed
  })

  it('takes a body at the limit', async () => {
    const { port } = await start({ settings })
    expect(await call(port, 'POST', '/v1/messages', { body: 'x'.repeat(100_000) })).toMatchObject({
      json: { bytes: 100_000 },
    })
  })
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: unknown
}

function call(
  port: number,
  method: string,
  path: string,
  { body = '', headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text,
            json: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined,
          }),
        )
      },
    )
    request.once('error', reject)
    request.end(body)
  })
}
