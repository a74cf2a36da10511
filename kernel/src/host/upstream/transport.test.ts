import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { text as requestText } from 'node:stream/consumers'
import { describe, expect, it, vi } from 'vitest'
import { Cancellation } from '@ccr/sdk/kernel'
import { until } from '../http/server-fixture.ts'
import { Lookups } from './lookup.ts'
import { HostTransport } from './transport.ts'
import { readsOf, requestTo, startUpstreams, text } from './transport-fixture.ts'

const { disposers, transport, listen, http } = startUpstreams()

describe('requests and answers', () => {
  it('posts the body with its headers and gives status, joined headers and the body', async () => {
    const seen: { method?: string; url?: string; headers?: IncomingMessage['headers']; body?: string } = {}
    const url = await http(async (request, response) => {
      Object.assign(seen, {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: await requestText(request),
      })
      response.setHeader('x-many', ['a', 'b'])
      response.writeHead(201, { 'content-type': 'text/plain' }).end('pong')
    })
    const response = await transport().send(
      requestTo(`${url}/v1/x?beta=true`, { body: 'ping', headers: { 'x-one': '1' } }),
    )
    expect(response.status).toBe(201)
    expect(response.headers).toMatchObject({ 'content-type': 'text/plain', 'x-many': 'a, b' })
    expect(await text(response.body)).toBe('pong')
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/x?beta=true',
      body: 'ping',
      headers: { 'x-one': '1', 'accept-encoding': 'gzip, br' },
    })
  })

  it.each([
    ['small', ['{"a":', '"b"}']],
    ['large', ['x'.repeat(3_000_000), 'y', 'z'.repeat(3_000_000)]],
  ])('sends a %s body of pieces as one, and tells its length itself', async (_name, pieces) => {
    const seen: string[] = []
    const url = await http(async (request, response) => {
      seen.push(request.headers['content-length']!, await requestText(request))
      response.end()
    })
    const body = pieces.map((piece) => Buffer.from(piece))
    const one = transport()
    for (let count = 0; count < 2; count++)
      await text((await one.send(requestTo(url, { body, headers: { 'content-length': '1' } }))).body)
    const whole = pieces.join('')
    expect(seen).toEqual([String(whole.length), whole, String(whole.length), whole])
  })

  it('takes an answer with more than one connection header, and closes when one of them says so', async () => {
    let connections = 0
    const url = await listen(
      createTcpServer((socket) => {
        connections++
        socket.on('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nconnection: x-a\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok')
        })
        disposers.push(() => socket.destroy())
      }),
    )
    const one = transport()
    for (let count = 0; count < 2; count++) {
      const { body, headers } = await one.send(requestTo(url))
      expect([await text(body), headers['connection']]).toEqual(['ok', 'x-a, Close'])
    }
    expect(connections).toBe(2)
  })

  it('says of an answer without a valid status that the upstream is at fault', async () => {
    const url = await listen(
      createTcpServer((socket) => {
        socket.on('data', () => socket.write('HTTP/1.1 000 Nothing\r\ncontent-length: 2\r\n\r\nok'))
        disposers.push(() => socket.destroy())
      }),
    )
    await expect(transport().send(requestTo(url))).rejects.toMatchObject({ code: 'CCR_UPSTREAM_NETWORK' })
  })

  it('stops sending pieces when the signal is aborted', async () => {
    const leave = new Cancellation()
    let read = 0
    let closed = false
    const url = await http((request) => {
      request.socket.once('close', () => (closed = true))
      request.on('data', (chunk: Buffer) => {
        read += chunk.length
        leave.abort(new Error('gone'))
      })
    })
    const body = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024))
    await expect(transport().send(requestTo(url, { body, signal: leave }))).rejects.toThrow('gone')
    await until(() => closed)
    expect(read).toBeLessThan(64 * 1024 * 1024)
  })

  it('asks for plain bytes when it streams', async () => {
    const url = await http((request, response) => void response.end(request.headers['accept-encoding']))
    const response = await transport().send(requestTo(url, { stream: true }))
    expect(await text(response.body)).toBe('identity')
  })

  it('uses a connection again after a complete answer', async () => {
    const ports = new Set<number>()
    const url = await http((request, response) => {
      ports.add(request.socket.remotePort!)
      response.end('ok')
    })
    const one = transport()
    for (let count = 0; count < 3; count++) expect(await text((await one.send(requestTo(url))).body)).toBe('ok')
    expect(ports.size).toBe(1)
  })

  it('does not use a connection again that is a minute old', async () => {
    const ports = new Set<number>()
    const url = await http((request, response) => {
      ports.add(request.socket.remotePort!)
      response.end('ok')
    })
    const one = transport()
    await text((await one.send(requestTo(url))).body)
    const later = performance.now() + 60_000
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => later)
    disposers.push(() => clock.mockRestore())
    for (let count = 0; count < 2; count++) await text((await one.send(requestTo(url))).body)
    expect(ports.size).toBe(2)
  })

  it('does not use a connection again whose request was answered before all of it was taken', async () => {
    const url = await tcp((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
      })
    })
    const one = transport()
    for (const body of [Buffer.alloc(32 * 1024 * 1024), 'small']) {
      const response = await one.send(requestTo(url, { body }))
      expect([response.status, await text(response.body)]).toEqual([413, 'no'])
    }
    expect(sockets).toBe(2)
  })

  it('does not follow a redirect', async () => {
    let asked = 0
    const other = await http((_request, response) => {
      asked++
      response.end()
    })
    const url = await http((_request, response) => void response.writeHead(307, { location: other }).end())
    const response = await transport().send(requestTo(url))
    expect(response.status).toBe(307)
    await text(response.body)
    expect(asked).toBe(0)
  })

  it.each(['a\r\nx: y', 'a\nb', 'a\0b'])('refuses the header value %j without sending anything', async (value) => {
    let asked = 0
    const url = await http((_request, response) => {
      asked++
      response.end()
    })
    await expect(transport().send(requestTo(url, { headers: { 'x-bad': value } }))).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
    })
    expect(asked).toBe(0)
  })

  it('refuses an answer head above 64 KiB', async () => {
    const url = await tcp((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(2 * 1024 * 1024)}\r\n\r\n`))
    await expect(transport().send(requestTo(url))).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_OVERFLOW' })
  })

  it('skips interim answers', async () => {
    const url = await tcp((socket) =>
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    )
    const response = await transport().send(requestTo(url))
    expect(response.status).toBe(200)
    expect(await text(response.body)).toBe('ok')
  })

  it.each([
    ['100 Continue', /100 Continue/],
    ['101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x', /another protocol/],
  ])('says in words why an answer that begins with %j cannot be read, and asks once', async (begin, words) => {
    let asked = 0
    const answers = ['200 OK\r\ncontent-length: 2\r\n\r\nok', `${begin}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`]
    const url = await tcp((socket) => socket.on('data', () => socket.write(`HTTP/1.1 ${answers[asked++]}`)))
    const one = transport()
    await text((await one.send(requestTo(url))).body)
    await expect(one.send(requestTo(url))).rejects.toMatchObject({ code: 'CCR_UPSTREAM_NETWORK', message: words })
    expect(asked).toBe(2)
  })

  it('rejects what is no http URL', async () => {
    await expect(transport().send(requestTo('file:///etc/passwd'))).rejects.toMatchObject({
      code: 'CCR_UPSTREAM_NETWORK',
    })
  })

  it('sends nothing after it was closed', async () => {
    const one = transport()
    one.close()
    await expect(one.send(requestTo('http://127.0.0.1:9'))).rejects.toMatchObject({ code: 'CCR_EXCHANGE_SHUTDOWN' })
  })
})

describe('failures', () => {
  it('keeps the code of a refused connection', async () => {
    const origin = 'http://127.0.0.1:9'
    const sent = transport().send(requestTo(`http://name:secret@127.0.0.1:9/path?key=secret`))
    await expect(sent).rejects.toMatchObject({ code: 'ECONNREFUSED', origin })
  })

  it('gives up a connection that is not made in time', async () => {
    const url = await fullBacklog()
    await expect(transport().send(requestTo(url, { connectTimeoutMs: 200 }))).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
    })
  })

  it('reaches localhost while nobody answers for the names of other upstreams', async () => {
    const asked: string[] = []
    const one = new HostTransport({}, new Lookups((hostname) => void asked.push(hostname)))
    disposers.push(() => one.close())
    const url = await http((_request, response) => response.end('pong'))
    const hanging = ['a.test', 'b.test', 'c.test'].map((name) =>
      one.send(requestTo(`http://${name}/`, { connectTimeoutMs: 50 })).catch((thrown: unknown) => thrown),
    )
    const response = await one.send(requestTo(url.replace('127.0.0.1', 'localhost')))
    expect(await text(response.body)).toBe('pong')
    for (const thrown of await Promise.all(hanging)) expect(thrown).toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' })
    expect(asked).toEqual(['a.test', 'b.test'])
  })

  it('counts a hanging TLS handshake as connecting', async () => {
    const url = await tcp(() => undefined)
    await expect(
      transport().send(requestTo(url.replace('http:', 'https:'), { connectTimeoutMs: 200 })),
    ).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' })
  })

  it('rejects a reset before the head on a new connection, without asking again', async () => {
    let connections = 0
    const url = await tcp((socket) => {
      connections++
      socket.resetAndDestroy()
    })
    await expect(transport().send(requestTo(url))).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) as unknown,
    })
    expect(connections).toBe(1)
  })

  it('asks once more when a kept connection had died', async () => {
    const bodies: string[] = []
    const known = new WeakSet<object>()
    const url = await http(async (request, response) => {
      bodies.push(await requestText(request))
      if (known.has(request.socket)) return void request.socket.resetAndDestroy()
      known.add(request.socket)
      response.end('ok')
    })
    const one = transport()
    expect(await text((await one.send(requestTo(url, { body: 'first' }))).body)).toBe('ok')
    const second = [Buffer.from('sec'), Buffer.from('ond')]
    expect(await text((await one.send(requestTo(url, { body: second }))).body)).toBe('ok')
    expect(bodies).toEqual(['first', 'second', 'second'])
  })

  it('says to where it could make no connection in the place of a kept one that had died', async () => {
    let asked = 0
    const server = createServer((request, response) => {
      if (asked++ === 0) return void response.end('ok')
      server.close()
      request.socket.resetAndDestroy()
    })
    const url = await listen(server)
    const one = transport()
    await text((await one.send(requestTo(url))).body)
    await expect(one.send(requestTo(url))).rejects.toMatchObject({ code: 'ECONNREFUSED', origin: url })
  })

  it('asks only once on a kept connection that answers what is not HTTP', async () => {
    let asked = 0
    const url = await tcp((socket) =>
      socket.on('data', () =>
        socket.write(asked++ === 0 ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' : 'nothing\r\n\r\n'),
      ),
    )
    const one = transport()
    expect(await text((await one.send(requestTo(url))).body)).toBe('ok')
    await expect(one.send(requestTo(url))).rejects.toThrow(/Parse Error|HTTP/)
    expect(asked).toBe(2)
  })

  it('fails the body when the connection breaks, after what had arrived', async () => {
    const url = await tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome', () => setImmediate(() => socket.end()))
    })
    const response = await transport().send(requestTo(url))
    const read: string[] = []
    await expect(
      (async () => {
        for await (const chunk of readsOf(response.body)) read.push(Buffer.from(chunk).toString())
      })(),
    ).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' })
    expect(read.join('')).toBe('some')
  })
})

describe('leaving', () => {
  it.runIf(process.platform === 'linux')('closes a connection that is being made', async () => {
    const url = await fullBacklog()
    const before = handshakes(url)
    const leave = new Cancellation()
    const sent = transport().send(requestTo(url, { signal: leave }))
    const refused = expect(sent).rejects.toThrow('gone')
    await until(() => handshakes(url) === before + 1)
    leave.abort(new Error('gone'))
    await refused
    const abortedAt = performance.now()
    await until(() => handshakes(url) === before, 10)
    expect(performance.now() - abortedAt).toBeLessThan(1_000)
  })

  it('closes the connection while it waits for the head', async () => {
    const closed = new Promise<void>(
      (resolve) => void tcp((socket) => void socket.once('close', () => resolve())).then((url) => (address = url)),
    )
    let address = ''
    await until(() => address !== '')
    const leave = new Cancellation()
    const sent = transport().send(requestTo(address, { signal: leave }))
    const refused = expect(sent).rejects.toThrow('gone')
    await until(() => sockets > 0)
    leave.abort(new Error('gone'))
    await refused
    await closed
  })

  it('closes the connection in the middle of a body, and fails its reader', async () => {
    const { url, closed } = await endless()
    const leave = new Cancellation()
    const response = await transport().send(requestTo(url, { signal: leave }))
    const reader = readsOf(response.body)[Symbol.asyncIterator]()
    await reader.next()
    leave.abort(new Error('gone'))
    await expect(reader.next()).rejects.toThrow('gone')
    await closed
  })

  it('closes the connection when the reader leaves its loop', async () => {
    const { url, closed } = await endless()
    const response = await transport().send(requestTo(url))
    for await (const chunk of readsOf(response.body)) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    await closed
  })

  it('does not send when the signal was aborted before', async () => {
    const left = new Cancellation()
    left.abort(new Error('gone'))
    await expect(transport().send(requestTo('http://127.0.0.1:9', { signal: left }))).rejects.toThrow('gone')
  })
})

describe('backpressure', () => {
  it('stops an upstream whose answer nobody reads, and hands all bytes out afterwards', async () => {
    const total = 32 * 1024 * 1024
    let written = 0
    const url = await http((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 1)
      const more = (): void => {
        while (written < total) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    const response = await transport().send(requestTo(url))
    let seen = -1
    await until(() => {
      const still = seen === written
      seen = written
      return still && written > 0
    }, 250)
    expect(written).toBeLessThan(total / 2)
    let read = 0
    for await (const chunk of readsOf(response.body)) {
      expect(chunk.length).toBeLessThanOrEqual(192 * 1024)
      read += chunk.length
    }
    expect(read).toBe(total)
  })
})

describe('proxy', () => {
  it('goes around the proxy for loopback', async () => {
    const proxy = await connectProxy()
    const url = await http((_request, response) => void response.end('direct'))
    expect(await text((await transport({ proxyUrl: proxy.url }).send(requestTo(url))).body)).toBe('direct')
    expect(proxy.asked).toEqual([])
  })

  it.each([
    ['user:pass', 'user:pass'],
    ['token', 'token:'],
    [':pass', ':pass'],
    ['a%3Ab:%23', 'a:b:#'],
  ])('goes through the proxy otherwise, with the login %s, and keeps the tunnel', async (login, said) => {
    const url = await http((_request, response) => void response.end('tunnelled'))
    const proxy = await connectProxy(Number(new URL(url).port))
    const one = transport({ proxyUrl: proxy.url.replace('//', `//${login}@`) })
    for (let count = 0; count < 2; count++)
      expect(await text((await one.send(requestTo('http://provider.invalid/v1'))).body)).toBe('tunnelled')
    expect(proxy.asked).toEqual([`provider.invalid:80 Basic ${Buffer.from(said).toString('base64')}`])
  })

  it('honours NO_PROXY', async () => {
    const proxy = await connectProxy()
    await expect(
      transport({ proxyUrl: proxy.url, noProxy: 'other.test, .invalid' }).send(requestTo('http://provider.invalid/')),
    ).rejects.toMatchObject({ code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) as unknown })
    expect(proxy.asked).toEqual([])
  })

  it.each([
    ['is down', 'http://u:secret@127.0.0.1:9', /the proxy 127\.0\.0\.1:9 gave no connection: ECONNREFUSED/],
    ['wants other credentials', '407', /the proxy 127\.0\.0\.1:\d+ gave no connection: .*407/],
    ['knows no TLS', 'https', /the proxy 127\.0\.0\.1:\d+ gave no connection: ERR_SSL_WRONG_VERSION_NUMBER/],
  ])('names a proxy that %s', async (_name, proxyUrl, message) => {
    const actual =
      proxyUrl === '407'
        ? (await connectProxy(undefined, '407 Proxy Authentication Required')).url
        : proxyUrl === 'https'
          ? (await connectProxy()).url.replace('http:', 'https:')
          : proxyUrl
    const sent = transport({ proxyUrl: actual }).send(requestTo('https://provider.invalid/'))
    await expect(sent).rejects.toMatchObject({
      code: 'CCR_UPSTREAM_NETWORK',
      message: expect.stringMatching(message) as unknown,
    })
    await expect(sent).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as unknown })
  })

  it.each([
    ['hangs up', '', false],
    ['hangs up within its answer', 'HTTP/1.1 200 ', false],
    ['resets', '', true],
  ])('asks a proxy that %s no more than once', async (_, said, resets) => {
    let asked = 0
    const url = await tcp((socket) =>
      socket.once('data', () => {
        asked++
        if (resets) socket.resetAndDestroy()
        else socket.end(said)
      }),
    )
    const sent = transport({ proxyUrl: url }).send(requestTo('https://provider.invalid/'))
    await expect(sent).rejects.toMatchObject({
      code: 'CCR_UPSTREAM_NETWORK',
      message: expect.stringMatching(/the proxy 127\.0\.0\.1:\d+ gave no connection: ECONNRESET/) as unknown,
    })
    expect(asked).toBe(1)
  })

  it('names a proxy that does not answer in time', async () => {
    const url = await tcp(() => undefined)
    const sent = transport({ proxyUrl: url }).send(requestTo('http://provider.invalid/', { connectTimeoutMs: 50 }))
    await expect(sent).rejects.toMatchObject({
      code: 'CCR_UPSTREAM_TIMEOUT',
      message: expect.stringMatching(/^the proxy 127\.0\.0\.1:\d+ gave no connection within 50 ms/) as unknown,
    })
  })

  it('names the upstream, and no proxy that was reached, where that knows no TLS', async () => {
    const url = await http((_request, response) => void response.end())
    const proxy = await connectProxy(Number(new URL(url).port))
    const sent = transport({ proxyUrl: proxy.url }).send(requestTo('https://provider.invalid/'))
    await expect(sent).rejects.toMatchObject({ origin: 'https://provider.invalid' })
  })

  it('closes the way to a proxy that does not answer', async () => {
    let closed = false
    const url = await tcp((socket) => void socket.once('close', () => (closed = true)))
    const leave = new Cancellation()
    const sent = transport({ proxyUrl: url }).send(requestTo('http://provider.invalid/', { signal: leave }))
    const refused = expect(sent).rejects.toThrow('gone')
    await until(() => sockets > 0)
    leave.abort(new Error('gone'))
    await refused
    await until(() => closed)
  })

  it('takes another proxy for requests that follow, and closes what nobody uses', async () => {
    let closed = false
    const url = await http((request, response) => {
      request.socket.once('close', () => (closed = true))
      response.end('tunnelled')
    })
    const one = transport({ proxyUrl: 'http://127.0.0.1:9' })
    await expect(one.send(requestTo('http://provider.invalid/'))).rejects.toMatchObject({
      code: 'CCR_UPSTREAM_NETWORK',
    })
    one.configure({ proxyUrl: (await connectProxy(Number(new URL(url).port))).url })
    expect(await text((await one.send(requestTo('http://provider.invalid/'))).body)).toBe('tunnelled')
    one.configure({})
    // Long before it would be closed for having been idle.
    await until(() => closed, 1)
  })
})

let sockets = 0

function tcp(answer: (socket: Socket) => void): Promise<string> {
  sockets = 0
  return listen(
    createTcpServer((socket) => {
      sockets++
      socket.on('error', () => undefined)
      disposers.push(() => socket.destroy())
      socket.resume()
      answer(socket)
    }),
  )
}

/** A port whose backlog is full, so that a further connection is neither made nor refused. */
async function fullBacklog(): Promise<string> {
  const script = `import socket,sys
s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(0)
c=socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname())
d=socket.socket(); d.setblocking(False); d.connect_ex(s.getsockname())
print(s.getsockname()[1],flush=True); sys.stdin.read()`
  const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  disposers.push(() => child.stdin.end())
  const port = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
  )
  return `http://127.0.0.1:${port}`
}

/** Sockets of this machine that wait for an answer to their SYN, by the kernel's own table. */
function handshakes(url: string): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0')
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .filter((line) => line.includes(`:${port} 02 `)).length
}

async function endless(): Promise<{ url: string; closed: Promise<void> }> {
  let close: () => void
  const closed = new Promise<void>((resolve) => (close = resolve))
  const url = await http((request, response) => {
    request.socket.once('close', () => close())
    response.write('first')
  })
  return { url, closed }
}

async function connectProxy(port?: number, refusal?: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal}\r\n\r\n`)
    const upstream = connect(port!, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    for (const one of [socket, upstream]) one.on('error', () => undefined)
    disposers.push(
      () => socket.destroy(),
      () => upstream.destroy(),
    )
  })
  return { url: await listen(server), asked }
}
