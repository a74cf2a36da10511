import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { definePlugin, type Endpoint, isCcrError, Type } from '@ccr/sdk'
import { createSettings } from '@ccr/sdk/kernel'
import { afterEach, describe, expect, it } from 'vitest'
import type { ClientSink } from '../../exchange/ports.ts'
import type { Incoming } from '../../exchange/state.ts'
import type { RunExchange } from './exchanges.ts'
import {
  sendRaw,
  startServer,
  until,
  type RawClient,
  type TestServer,
  type TestServerOptions,
} from './server-fixture.ts'

const disposers: (() => unknown)[] = []
afterEach(async () => {
  for (const dispose of disposers.splice(0).reverse()) await dispose()
})

/** Exchanges that end when the test says so. */
class Manual {
  readonly started: Incoming[] = []
  readonly reasons: unknown[] = []
  readonly #ends: (() => void)[] = []

  readonly run: RunExchange = async (lease, incoming) => {
    this.started.push(incoming)
    const { cancellation } = incoming
    cancellation.addEventListener('abort', () => this.reasons.push(cancellation.reason))
    await new Promise<void>((resolve) => {
      this.#ends.push(resolve)
      cancellation.addEventListener('abort', () => resolve())
    })
    if (isCcrError(cancellation.reason) && cancellation.reason.code === 'CCR_EXCHANGE_SHUTDOWN')
      incoming.sink.end('stopped')
    lease.release()
  }

  sink(index = 0): ClientSink {
    return this.started[index]!.sink
  }

  finish(): void {
    for (const end of this.#ends.splice(0)) end()
  }
}

async function start(options: TestServerOptions): Promise<TestServer> {
  const server = await startServer(options)
  disposers.push(() => server.stop())
  return server
}

function post(port: number, body = '{}'): RawClient {
  const client = sendRaw(
    port,
    `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  disposers.push(() => client.socket.destroy())
  return client
}

describe('a client that leaves', () => {
  it.each(['reset', 'close'])('aborts an exchange that has not answered (%s)', async (how) => {
    const manual = new Manual()
    const { port, kernel } = await start({ run: manual.run })
    const client = connect(port, '127.0.0.1')
    client.on('error', () => undefined)
    client.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`)
    await until(() => manual.started.length === 1)
    const leftAt = performance.now()
    if (how === 'reset') client.resetAndDestroy()
    else client.destroy()
    await until(() => manual.reasons.length === 1)
    expect(performance.now() - leftAt).toBeLessThan(1_000)
    expect(manual.reasons[0]).toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
    await until(() => kernel.current?.leases === 0)
  })

  it('aborts a stream that is silent at the moment', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = connect(port, '127.0.0.1')
    client.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`)
    await until(() => manual.started.length === 1)
    manual.sink().head(200, { 'content-type': 'text/event-stream' })
    manual.sink().write('event: ping\ndata: {}\n\n')
    await new Promise((resolve) => client.once('data', resolve))
    client.destroy()
    await until(() => manual.reasons.length === 1)
    expect(manual.sink().write('more')).toBe(true)
    await expect(manual.sink().drained()).rejects.toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
  })

  it('leaves the queue', async () => {
    const manual = new Manual()
    const { port, server } = await start({
      run: manual.run,
      settings: createSettings({ limits: { inFlight: 1, queued: 1 } }),
    })
    post(port)
    await until(() => manual.started.length === 1)
    const queued = connect(port, '127.0.0.1')
    queued.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`)
    await until(() => server.queued === 1)
    const leftAt = performance.now()
    queued.destroy()
    await until(() => server.queued === 0)
    expect(performance.now() - leftAt).toBeLessThan(1_000)
    manual.finish()
    await until(() => server.inFlight === 0)
    expect(manual.started).toHaveLength(1)
  })

  it('is not told apart from one that only closed its half, which gets its answer', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = post(port)
    client.socket.end()
    await until(() => manual.started.length === 1)
    await until(() => client.text().includes('HTTP/1.1 102'))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(manual.reasons).toEqual([])
    manual.sink().head(200, { 'content-type': 'application/json' })
    manual.sink().end('{"late":true}')
    manual.finish()
    await client.closed
    expect(client.text()).toMatch(/HTTP\/1.1 200 OK[^]*{"late":true}$/)
  })

  it('gets the rest of a stream after it closed its half', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = post(port)
    await until(() => manual.started.length === 1)
    manual.sink().head(200, { 'content-type': 'text/event-stream' })
    manual.sink().write('data: 1\n\n')
    await until(() => client.text().includes('data: 1'))
    client.socket.end()
    await until(() => client.text().includes(': \n\n'))
    manual.sink().write('data: 2\n\n')
    manual.sink().end('data: 3\n\n')
    manual.finish()
    await client.closed
    expect(client.text()).toContain('data: 2')
    expect(client.text()).toContain('data: 3')
    expect(manual.reasons).toEqual([])
  })
})

describe('pipelined requests', () => {
  const request = (port: number): string =>
    `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`

  it.each(['reset', 'close'])('are all aborted when their client leaves (%s)', async (how) => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const client = connect(port, '127.0.0.1')
    client.on('error', () => undefined)
    client.write(request(port).repeat(3))
    await until(() => manual.started.length === 3)
    manual.sink(2).head(200, { 'content-type': 'text/event-stream' })
    manual.sink(2).write('data: 1\n\n')
    if (how === 'reset') client.resetAndDestroy()
    else client.destroy()
    await until(() => server.inFlight === 0)
    expect(manual.reasons.map((reason) => isCcrError(reason) && reason.code)).toEqual(
      Array(3).fill('CCR_CLIENT_CLOSED'),
    )
  })

  it('are all answered, in order, when their client closed only its half', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = sendRaw(port, request(port).repeat(2))
    client.socket.end()
    await until(() => manual.started.length === 2 && client.text().includes('HTTP/1.1 102'))
    for (const index of [1, 0]) {
      manual.sink(index).head(200, { 'content-type': 'text/plain' })
      manual.sink(index).end(`answer ${index}`)
    }
    manual.finish()
    await client.closed
    expect(client.text()).toMatch(/answer 0HTTP\/1.1 200 OK[^]*answer 1$/)
    expect(manual.reasons).toEqual([])
  })

  it('aborts a later one when its turn comes and the client is gone', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = sendRaw(port, request(port).repeat(2))
    await until(() => manual.started.length === 2)
    client.socket.end()
    await until(() => client.text().includes('HTTP/1.1 102'))
    manual.sink(0).head(200, { 'content-type': 'text/plain' })
    manual.sink(0).end('answer 0')
    await until(() => /answer 0HTTP\/1.1 102/.test(client.text()))
    client.socket.destroy()
    await until(() => manual.reasons.length === 1)
    expect(manual.started[1]!.cancellation.aborted).toBe(true)
    manual.finish()
  })
})

it('cuts a stream that is followed by what is no request, and writes no other answer into it', async () => {
  const manual = new Manual()
  const { port } = await start({ run: manual.run })
  const client = post(port)
  await until(() => manual.started.length === 1)
  manual.sink().head(200, { 'content-type': 'text/event-stream' })
  manual.sink().write('data: 1\n\n')
  await until(() => client.text().includes('data: 1'))
  client.socket.write('no request\r\n\r\n')
  await client.closed
  expect(client.text().split('HTTP/1.1')).toHaveLength(2)
})

describe('a client that does not read', () => {
  it('is waited for, and hears the rest when it reads again', async () => {
    const manual = new Manual()
    const { port } = await start({ run: manual.run })
    const client = post(port)
    client.socket.pause()
    await until(() => manual.started.length === 1)
    const sink = manual.sink()
    sink.head(200, { 'content-type': 'text/event-stream' })
    const chunk = 'x'.repeat(64 * 1024)
    let written = 0
    while (sink.write(chunk)) written++
    expect(written).toBeLessThan(1024)
    const drained = sink.drained()
    expect(sink.drained()).toBe(drained)
    client.socket.resume()
    await drained
    sink.end('the end')
    manual.finish()
    await until(() => client.text().includes('the end'))
  })
})

describe('admission', () => {
  it('runs so many, queues so many, and refuses the rest at once', async () => {
    const manual = new Manual()
    const { port, server, configure } = await start({ run: manual.run })
    configure(createSettings({ limits: { inFlight: 2, queued: 2 } }))
    const clients = Array.from({ length: 6 }, () => post(port))
    await until(() => clients.filter((client) => client.text() !== '').length === 2)
    for (const client of clients.filter(({ text }) => text() !== ''))
      expect(client.text()).toMatch(/^HTTP\/1.1 529 [^]*retry-after: 1[^]*"plain":true,"type":"overloaded_error"/i)
    expect(manual.started).toHaveLength(2)
    expect(server.inFlight).toBe(2)
    manual.finish()
    await until(() => manual.started.length === 4)
  })

  const other = { method: 'POST', path: '/v1/messages', access: 'admin', respond: () => ({ status: 200 }) } as const
  it.each<[string, Endpoint[], RegExp]>([
    ['nothing', [], /^HTTP\/1.1 404 /],
    ['what asks for another key', [other], /^HTTP\/1.1 401 /],
    ['what runs no exchange', [{ ...other, access: 'public' }], /^HTTP\/1.1 404 [^]*the endpoint has just changed/],
  ])('holds nothing for what finds %s when its turn comes', async (_name, endpoints, answer) => {
    const manual = new Manual()
    const settings = createSettings({ limits: { inFlight: 1 } })
    const { port, server, kernel } = await start({ run: manual.run, settings })
    post(port)
    await until(() => manual.started.length === 1)
    const second = post(port)
    await until(() => server.queued === 1)
    const plugin = definePlugin({
      name: 'others',
      apiVersion: 1,
      description: 'Other endpoints.',
      options: Type.Object({}),
      activate: (ctx) => endpoints.forEach((endpoint) => ctx.endpoint(endpoint)),
    })
    await kernel.apply({ entries: [{ id: 'others', plugin, hash: '', options: {} }], providers: [], sections: {} })
    manual.finish()
    await until(() => second.text() !== '')
    expect(second.text()).toMatch(answer)
    expect(manual.started).toHaveLength(1)
    await until(() => server.inFlight === 0)
    expect(kernel.current!.leases).toBe(0)
  })

  it('refuses a body for which there is no room beside those that are on their way', async () => {
    const { port } = await start({ settings: createSettings({ limits: { inFlightBytes: 1_000 } }) })
    const begin = `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const piece = `258\r\n${'x'.repeat(600)}\r\n`
    const clients = [sendRaw(port, begin + piece), sendRaw(port, begin + piece)]
    await until(() => clients.some((client) => client.text() !== ''))
    const refused = clients.find((client) => client.text() !== '')!
    await refused.closed
    expect(refused.text()).toMatch(/^HTTP\/1.1 529 [^]*connection: close[^]*overloaded_error/i)
    const other = clients.find((client) => client !== refused)!
    other.socket.write('0\r\n\r\n')
    await until(() => other.text() !== '')
    expect(other.text()).toMatch(/^HTTP\/1.1 200 [^]*"bytes":600/)
    other.socket.destroy()
  })
})

it('cuts a client that takes nothing of an answer that has ended', async () => {
  const manual = new Manual()
  const { port } = await start({ run: manual.run, settings: createSettings({ timeouts: { clientStall: 100 } }) })
  const one = `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`
  const size = 12 * 1024 * 1024
  // As the first answer of its connection, and behind another one.
  for (const answers of [1, 2]) {
    const before = manual.started.length
    const stalled = sendRaw(port, one.repeat(answers))
    await until(() => manual.started.length === before + answers)
    stalled.socket.pause()
    for (let at = answers - 1; at >= 0; at--) {
      manual.sink(before + at).head(200, {})
      manual.sink(before + at).end(Buffer.alloc(at === answers - 1 ? size : 10))
    }
    manual.finish()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    stalled.socket.resume()
    await stalled.closed
    expect(stalled.text().length).toBeLessThan(size)
  }
})

it('keeps a connection whose client took a large answer in its own time', async () => {
  const manual = new Manual()
  const { port } = await start({ run: manual.run, settings: createSettings({ timeouts: { clientStall: 300 } }) })
  const client = post(port)
  await until(() => manual.started.length === 1)
  client.socket.pause()
  manual.sink().head(200, {})
  manual.sink().end('x'.repeat(12 * 1024 * 1024))
  manual.finish()
  await new Promise((resolve) => setTimeout(resolve, 100))
  client.socket.resume()
  await until(() => client.text().length > 12 * 1024 * 1024)
  client.socket.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`)
  await until(() => manual.started.length === 2)
  await new Promise((resolve) => setTimeout(resolve, 700))
  manual.sink(1).head(200, {})
  manual.sink(1).end('second')
  manual.finish()
  await until(() => client.text().endsWith('second'))
  client.socket.destroy()
})

describe('stopping', () => {
  it('lets running exchanges finish, refuses new ones, and closes idle connections', async () => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const idle = sendRaw(port, `GET /nowhere HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    const running = post(port)
    await until(() => manual.started.length === 1 && idle.text() !== '')
    const closed = server.close(60_000)
    await idle.closed
    await expect(
      new Promise((_resolve, reject) => connect(port, '127.0.0.1').once('error', reject)),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    manual.sink().head(200, {})
    manual.sink().end('done')
    manual.finish()
    await closed
    await running.closed
    expect(running.text()).toContain('done')
    expect(manual.reasons).toEqual([])
  })

  it.each(['before', 'after'])('gives a client time to take what was sent to it %s it began', async (when) => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const size = 12 * 1024 * 1024
    const slow = post(port)
    const idle = sendRaw(port, `GET /nowhere HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    await until(() => manual.started.length === 1 && idle.text() !== '')
    slow.socket.pause()
    const answer = (): void => {
      manual.sink().head(200, {})
      manual.sink().end('x'.repeat(size))
      manual.finish()
    }
    if (when === 'before') answer()
    await until(() => when === 'after' || server.inFlight === 0)
    const closed = server.close(60_000)
    if (when === 'after') answer()
    await until(() => server.inFlight === 0)
    setTimeout(() => slow.socket.resume(), 100)
    await Promise.all([closed, slow.closed, idle.closed])
    expect(slow.text().length).toBeGreaterThan(size)
  })

  it('cuts a client that takes nothing of what was sent to it', async () => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const stalled = post(port)
    await until(() => manual.started.length === 1)
    stalled.socket.pause()
    manual.sink().head(200, {})
    manual.sink().end('x'.repeat(12 * 1024 * 1024))
    manual.finish()
    await until(() => server.inFlight === 0)
    await server.close(1_200)
    stalled.socket.destroy()
  })

  it('sends answers that wait behind a stream, also those that came when it stopped', async () => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const one = `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`
    const client = sendRaw(port, one + one)
    disposers.push(() => client.socket.destroy())
    await until(() => manual.started.length === 2)
    manual.sink(0).head(200, {})
    manual.sink(0).write('first ')
    manual.sink(1).head(200, {})
    manual.sink(1).end('second')
    const closed = server.close(60_000)
    client.socket.write(one)
    await until(() => client.text().includes('first'))
    manual.sink(0).end('done')
    manual.finish()
    await Promise.all([closed, client.closed])
    expect(client.text()).toMatch(/first [^]*done[^]*HTTP\/1.1 200 [^]*second/)
  })

  it('begins nothing for a request whose body comes while it stops', async () => {
    const manual = new Manual()
    const { port, server } = await start({ run: manual.run })
    const running = post(port)
    const late = sendRaw(
      port,
      `POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{`,
    )
    await until(() => manual.started.length === 1 && late.text().includes('100 Continue'))
    const closed = server.close(60_000)
    late.socket.write('}')
    await late.closed
    manual.finish()
    await Promise.all([closed, running.closed])
    expect(late.text()).toMatch(/HTTP\/1.1 529 [^]*connection: close[^]*shutting down/i)
    expect(manual.started).toHaveLength(1)
  })

  it('waits for endpoints that run no exchange, within the limit', async () => {
    let answer: () => void = () => undefined
    const asked = new Promise<void>((resolve) => (answer = resolve))
    let count = 0
    const respond = async () => {
      count++
      await asked
      return { status: 200, body: 'late' }
    }
    const { port, server } = await start({ host: [{ method: 'GET', path: '/slow', access: 'public', respond }] })
    const get = `GET /slow HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`
    const client = sendRaw(port, get)
    await until(() => count === 1)
    let isClosed = false
    const closed = server.close(60_000).then(() => (isClosed = true))
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    expect(isClosed).toBe(false)
    answer()
    await Promise.all([closed, client.closed])
    expect(client.text()).toContain('late')
  })

  it('lets an endpoint that runs no exchange answer, also where nothing is waited for', async () => {
    let count = 0
    const respond = async () => {
      count++
      await new Promise((resolve) => setTimeout(resolve, 100))
      return { status: 200, body: 'late' }
    }
    const { port, server } = await start({ host: [{ method: 'GET', path: '/slow', access: 'public', respond }] })
    const client = sendRaw(port, `GET /slow HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    await until(() => count === 1)
    await Promise.all([server.close(0), client.closed])
    expect(client.text()).toMatch(/^HTTP\/1.1 200 [^]*late/)
  })

  it.each(['the limit', 'being told to hurry'])('answers for an endpoint that never does, after %s', async (what) => {
    let count = 0
    const respond = async () => {
      count++
      return new Promise<never>(() => undefined)
    }
    const { port, server } = await start({ host: [{ method: 'GET', path: '/never', access: 'public', respond }] })
    const client = sendRaw(port, `GET /never HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
    await until(() => count === 1)
    const closed = server.close(what === 'the limit' ? 50 : 60_000)
    if (what !== 'the limit') server.abortAll()
    await Promise.all([closed, client.closed])
    expect(client.text()).toMatch(/^HTTP\/1.1 529 [^]*shutting down/)
  })

  it('gives a client that is slow but steady all of its answer, unless it is told to hurry', async () => {
    const size = 24 * 1024 * 1024
    for (const hurried of [false, true]) {
      const manual = new Manual()
      const { port, server } = await start({ run: manual.run })
      const slow = post(port)
      await until(() => manual.started.length === 1)
      let received = 0
      slow.socket.on('data', (data) => {
        received += data.length
        slow.socket.pause()
        setTimeout(() => slow.socket.resume(), 5)
      })
      manual.sink().head(200, {})
      manual.sink().end(Buffer.alloc(size))
      manual.finish()
      await until(() => server.inFlight === 0)
      const closed = server.close(60_000)
      // As often as an impatient user asks for it.
      const hurry = hurried ? setInterval(() => server.abortAll(), 100) : undefined
      await Promise.all([closed, slow.closed])
      clearInterval(hurry)
      if (hurried) expect(received).toBeLessThan(size)
      else expect(received).toBeGreaterThan(size)
    }
  })

  it('ends what runs after the limit, and what waits', async () => {
    const manual = new Manual()
    const { port, server } = await start({
      run: manual.run,
      settings: createSettings({ limits: { inFlight: 1, queued: 1 } }),
    })
    const running = post(port)
    await until(() => manual.started.length === 1)
    const queued = post(port)
    await until(() => server.queued === 1)
    manual.sink().head(200, {})
    await server.close(20)
    await Promise.all([running.closed, queued.closed])
    expect(manual.reasons).toMatchObject([{ code: 'CCR_EXCHANGE_SHUTDOWN' }])
    expect(running.text()).toContain('stopped')
    expect(queued.text()).toMatch(/^HTTP\/1.1 529 [^]*shutting down/)
  })
})

it('aborts the upstream of a client that left, through sink and transport', async () => {
  const { HostTransport } = await import('../upstream/transport.ts')
  let upstreamClosed = false
  const upstream = createServer((request) => request.socket.once('close', () => (upstreamClosed = true)))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  disposers.push(() => upstream.close())
  let asked = false
  const transport = new HostTransport()
  const run: RunExchange = async (lease, { cancellation: signal }) => {
    asked = true
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
    await transport
      .send({ url, headers: {}, body: '{}', stream: true, connectTimeoutMs: 1_000, signal })
      .catch(() => undefined)
    lease.release()
  }
  const { port } = await start({ run })
  const client = connect(port, '127.0.0.1')
  client.write(`POST /v1/messages HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 2\r\n\r\n{}`)
  await until(() => asked)
  client.destroy()
  await until(() => upstreamClosed)
  expect(upstreamClosed).toBe(true)
})
