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

const FAULTS = ['ok', 'hang-headers', 'hang-body', 'hang-mid', 'slow', 'infinite']

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
    const connection = await upstream.waitFor((one) => upstream.connections.indexOf(one) >= known && one.fault === fault)
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
    await eventually('the record', () => router.log().slice(before).some((line) => JSON.stringify(line).includes('client_closed')))
    expect((await call(router, 'ok').answer).text).toContain('message_stop')
  })
})

describe('a client that leaves while its request waits for a place', () => {
  it('never reaches the upstream, and gives its place up', async () => {
    await withRouter({ config: configOf({ limits: { inFlight: 1, queued: 1 } }) }, async (router) => {
      const known = upstream.connections.length
      const seen = (): string[] => upstream.connections.slice(known).map((one) => one.fault)
      const running = call(router, 'hang-mid')
      await running.until('text_delta')
      const queued = call(router, 'hang-headers')
      // The queue holds one: once another request is turned away, ours is in it.
      const full = await eventually('a full queue', async () => undefined, 0).catch(() => undefined)
      expect(full).toBeUndefined()
      await waitUntilRefused(router)
      queued.leave()
      const next = call(router, 'ok')
      running.leave()
      expect((await next.answer).text).toContain('message_stop')
      expect(seen()).toEqual(['hang-mid', 'ok'])
    })
  })
})

/** Asks until the queue is full; what is asked is given up at once, so it takes no place for long. */
async function waitUntilRefused(router: RunningRouter): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const probe = call(router, 'ok')
    const head = await Promise.race([probe.head, delay(100)])
    probe.leave()
    if (head?.status === 529) return
  }
  throw new Error('the queue never filled')
}
