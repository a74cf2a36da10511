import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody, open, type Call } from './support/client.ts'
import { startFaultUpstream, type FaultUpstream } from './support/fault-upstream.ts'
import { TEXT } from './support/fault-transcripts.ts'
import { startRouter, withRouter, type RunningRouter } from './support/router.ts'
import { checkSse, violationsOf } from './support/sse-check.ts'

const FAULTS = ['ok', 'hang-close', 'hang-headers', 'hang-body', 'hang-mid', 'slow', 'infinite']

let upstream: FaultUpstream
beforeAll(async () => {
  upstream = await startFaultUpstream()
})
afterAll(() => upstream.close())

function configOf(fields: object = {}): object {
  const Providers = FAULTS.map((fault) => ({
    name: fault,
    api_base_url: upstream.url(fault, { query: { ms: 100, repeat: 3 } }),
    api_key: 'k',
    models: ['m'],
    dialect: 'openai',
  }))
  return { Providers, ...fields }
}

const call = (router: RunningRouter, fault: string, stream = true): Call =>
  open(`${router.url}/v1/messages`, { body: messagesBody(`${fault},m`, stream) })

/** Polls until `look` gives something; fails with `what` after the time. */
async function eventually<T>(what: string, look: () => T | undefined | false, timeoutMs = 3000): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await delay(20)) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`)
  }
}

describe('a client that leaves closes the upstream within a second', () => {
  let router: RunningRouter
  beforeAll(async () => {
    router = await startRouter({ config: configOf({ timeouts: { keepAlive: 200, ping: 100 } }) })
  }, 30_000)
  afterAll(() => router?.stop())

  const phases: readonly (readonly [string, string, boolean, string | undefined])[] = [
    ['waiting for headers', 'hang-headers', true, undefined],
    ['held', 'hang-body', true, undefined],
    ['kept alive', 'hang-body', true, 'event: ping'],
    ['committed', 'hang-mid', true, 'text_delta'],
    ['committed and busy', 'infinite', true, 'text_delta'],
    ['not streaming', 'hang-headers', false, undefined],
    ['not streaming, headers there', 'hang-body', false, undefined],
  ]
  it.each(phases)('%s', async (_, fault, stream, seen) => {
    const known = upstream.connections.length
    const client = call(router, fault, stream)
    const connection = await upstream.waitFor(
      (one) => upstream.connections.indexOf(one) >= known && one.fault === fault,
    )
    if (seen) await client.until(seen)
    const left = Date.now()
    client.leave()
    await upstream.waitFor((one) => one === connection && one.closedAt !== undefined, 1000)
    expect(connection.closedBy).not.toBe('upstream')
    expect(Number(connection.closedAt) - left).toBeLessThan(1000)
    expect(connection.openedAt).toBeLessThanOrEqual(left)
  })

  it('and is recorded as one who left, while others are served', async () => {
    const before = router.log().length
    const client = call(router, 'hang-mid')
    await client.until('text_delta')
    client.leave()
    await eventually('the record', () =>
      router
        .log()
        .slice(before)
        .some((line) => JSON.stringify(line).includes('client_closed')),
    )
    expect((await call(router, 'ok').answer).text).toContain('message_stop')
  })
})

describe('row 81: a client that leaves right after the last event', () => {
  it('has had its whole answer, also where the upstream keeps its connection', async () => {
    await withRouter({ config: configOf() }, async (router) => {
      const known = upstream.connections.length
      const client = call(router, 'hang-close')
      await client.until('message_stop')
      client.leave()
      const done = await eventually('the record', () => router.log().find(({ event }) => event === 'done'))
      expect(done).toMatchObject({ status: 'ok', attempts: [{ outcome: 'ok' }] })
      await upstream.waitFor((one) => upstream.connections.indexOf(one) >= known && one.closedAt !== undefined, 1000)
    })
  })
})

describe('a client that leaves while its request waits for a place', () => {
  it('never reaches the upstream, and gives its place up', async () => {
    await withRouter({ config: configOf({ limits: { inFlight: 1, queued: 1 } }) }, async (router) => {
      const known = upstream.connections.length
      const running = call(router, 'hang-mid')
      await running.until('text_delta')
      const queued = await waiting(router, 'hang-headers')
      expect((await call(router, 'ok').head).status, 'the queue is full').toBe(529)
      queued.leave()
      // As soon as the router has seen it leave, another may wait in its place.
      await queueOf(router, 0)
      const next = await waiting(router, 'ok')
      running.leave()
      expect((await next.answer).text).toContain('message_stop')
      expect(upstream.connections.slice(known).map((one) => one.fault)).toEqual(['hang-mid', 'ok'])
    })
  })

  async function waiting(router: RunningRouter, fault: string): Promise<Call> {
    const one = call(router, fault)
    await queueOf(router, 1)
    return one
  }

  /** Waits until the router says that so many requests wait for a place. */
  async function queueOf(router: RunningRouter, length: number): Promise<void> {
    let seen: number | undefined
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await delay(20)) {
      seen = ((await (await fetch(`${router.url}/health`)).json()) as { queued: number }).queued
      if (seen === length) return
    }
    expect(seen).toBe(length)
  }
})

describe('a client that leaves while the router connects', () => {
  it('ends the attempt to connect', async () => {
    const blackHole = await startBlackHole()
    try {
      const Providers = [
        { name: 'p', api_base_url: `http://127.0.0.1:${blackHole.port}/v1`, api_key: 'k', dialect: 'openai' },
      ]
      await withRouter({ config: { Providers, timeouts: { connect: 20_000 } } }, async (router) => {
        const client = call(router, 'p')
        await eventually('the connection attempt', () => attempts(router.pid, blackHole.port) > 0)
        client.leave()
        await eventually('its end', () => attempts(router.pid, blackHole.port) === 0, 1000)
      })
    } finally {
      blackHole.stop()
    }
  })

  /** Connections of a process that are not established yet: state 02 is SYN_SENT. */
  function attempts(pid: number, port: number): number {
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n')
    return rows.filter((row) => row.trim().split(/\s+/)[2]?.endsWith(`:${hex}`) && row.trim().split(/\s+/)[3] === '02')
      .length
  }

  /** A listener whose queue is full and whose process stands still: further connections get no answer. */
  async function startBlackHole(): Promise<{ readonly port: number; stop(): void }> {
    const script = `const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 },
      () => console.log(s.address().port))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const port = Number(line.toString())
    child.kill('SIGSTOP')
    const fillers: Socket[] = []
    const stop = (): void => {
      for (const filler of fillers) filler.destroy()
      child.kill('SIGKILL')
    }
    for (let tries = 0; tries < 20; tries++) {
      const filler = connect(port, '127.0.0.1')
      filler.on('error', () => undefined)
      fillers.push(filler)
      const connected = await Promise.race([once(filler, 'connect'), delay(200)])
      if (connected !== undefined) continue
      // The one that hangs must not be in the count of the router's attempts.
      filler.destroy()
      return { port, stop }
    }
    stop()
    throw new Error('the queue of the listener never filled')
  }
})

describe('a client that takes nothing', () => {
  // So many that the heap's young generation, which Node 24 lets grow to 100 MB, is a small part of each share.
  const CLIENTS = 32
  const MIB = 1024 * 1024
  let router: RunningRouter
  beforeAll(async () => {
    router = await startRouter({ config: configOf({ timeouts: { clientStall: 4000 } }) })
  }, 30_000)
  afterAll(() => router?.stop())

  it('row 83: stops the growth of the upstream, costs little memory, and is cut in the end', async () => {
    // The heap of a young process grows by itself; what follows is measured against a process at work.
    for (let turn = 0; turn < 3; turn++) {
      const warm = Array.from({ length: CLIENTS }, () => call(router, 'infinite'))
      await Promise.all(warm.map((one) => one.until('text_delta')))
      for (const one of warm) one.leave()
      await eventually('the end of the warm-up', () => upstream.connections.every((one) => one.closedAt !== undefined))
    }
    const known = upstream.connections.length
    const before = residentBytes(router.pid)
    const clients = Array.from({ length: CLIENTS }, () => call(router, 'infinite'))
    // Each at its own head: while it waits for the others, a client takes as much as the upstream sends.
    await Promise.all(clients.map((one) => one.head.then(() => one.pause())))
    const connections = (): typeof upstream.connections => upstream.connections.slice(known)
    await eventually('every stream', () => connections().length === CLIENTS)

    await settled(() => connections().reduce((sum, one) => sum + one.bytesSent, 0))
    const grown = residentBytes(router.pid) - before
    // Buffers of the operating system are not the router's; they bound what an upstream could send.
    for (const one of connections()) expect(one.bytesSent).toBeLessThan(32 * MIB)
    expect(grown / CLIENTS, 'the memory of one stalled client').toBeLessThan(4 * MIB)

    expect((await ask(`${router.url}/health`, { method: 'GET' })).status).toBe(200)
    expect((await call(router, 'ok').answer).text, 'others are served').toContain('message_stop')

    await eventually(
      'the cut',
      () => connections().every((one) => one.closedAt !== undefined || one.fault === 'ok'),
      8000,
    )
    await eventually('the record', () => JSON.stringify(router.log()).includes('client_stalled'))
    for (const one of clients) one.leave()
  })

  it('goes on where it stopped when it reads again', async () => {
    const client = call(router, 'slow')
    await client.until('text_delta')
    client.pause()
    await delay(300)
    client.resume()
    const { text } = await client.answer
    expect(violationsOf(text)).toEqual([])
    expect(checkSse(text)).toMatchObject({ outcome: 'success', text: TEXT.repeat(3) })
  })

  /** Waits until this number has not changed for a second. */
  async function settled(look: () => number): Promise<void> {
    let [last, since] = [look(), Date.now()]
    await eventually(
      'the standstill of the upstream',
      () => {
        const now = look()
        if (now !== last) [last, since] = [now, Date.now()]
        return now > 0 && Date.now() - since > 1000
      },
      10_000,
    )
  }

  function residentBytes(pid: number): number {
    return Number(/^Rss: *(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024
  }
})

describe('SIGTERM', () => {
  let routers: RunningRouter[] = []
  afterEach(async () => {
    for (const one of routers) await one.stop()
    routers = []
  })
  const start = async (fields: object = {}): Promise<RunningRouter> => {
    const router = await startRouter({ config: configOf(fields) })
    routers.push(router)
    return router
  }

  it('row 145: lets a running stream finish, refuses new ones, and exits with 0', async () => {
    const router = await start()
    const running = call(router, 'slow')
    await running.until('text_delta')
    router.child.kill('SIGTERM')
    const { status, text, broken } = await running.answer
    expect({ status, broken }).toEqual({ status: 200, broken: undefined })
    expect(violationsOf(text)).toEqual([])
    expect(checkSse(text)).toMatchObject({ outcome: 'success', text: TEXT.repeat(3) })
    expect(await router.exited).toBe(0)
    await expect(call(router, 'ok').head).rejects.toThrow('ECONNREFUSED')
  })

  it('ends what outlives the drain with one error event', async () => {
    const router = await start({ timeouts: { drain: 300 } })
    const running = call(router, 'hang-mid')
    await running.until('text_delta')
    router.child.kill('SIGTERM')
    const { text, broken } = await running.answer
    expect(broken).toBeUndefined()
    expect(violationsOf(text)).toEqual([])
    expect(checkSse(text)).toMatchObject({ outcome: 'error', error: { type: 'overloaded_error' } })
    expect(await router.exited).toBe(0)
  })

  it('given twice, does not wait', async () => {
    const router = await start()
    const running = call(router, 'hang-mid')
    await running.until('text_delta')
    router.child.kill('SIGTERM')
    await delay(100)
    router.child.kill('SIGTERM')
    expect(checkSse((await running.answer).text)).toMatchObject({
      outcome: 'error',
      error: { type: 'overloaded_error' },
    })
    expect(await router.exited).toBe(0)
  })
})
