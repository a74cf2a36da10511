import { SkipTarget, type Attempt, type AttemptOutcome, type CanonicalEvent } from '@ccr/sdk'
import type { ErrorDecision, FailureReply, UsageRecord } from '@ccr/sdk'
import {
  createTestKernel,
  type TestAnswer,
  type TestKernelOptions,
  type TestUpstream,
  type TestBody,
} from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const stream = { path: '/plain', body: { ...hello, stream: true } }
const whole = { path: '/plain', body: hello }
const jsonl = (body: TestBody, failure?: Error): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body,
  ...(failure && { failure }),
})
const reset = (): Error => Object.assign(new Error('reset'), { code: 'ECONNRESET' })
const fine = (): TestAnswer => jsonl(lines(answerEvents('one two three')))
const events = (text: string): CanonicalEvent[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CanonicalEvent)
const types = (text: string): string[] => events(text).map((event) => event.type)
const textOf = (text: string): string =>
  events(text)
    .map((event) => (event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : ''))
    .join('')
const NOT_TODAY: FailureReply = { status: 403, type: 'permission_error', message: 'not today' }
const onward = plugin('onward', (ctx) => ctx.on('onError', () => ({ action: 'next' })))

const setUp = (options: Partial<TestKernelOptions> & { upstream: TestUpstream }, ...providers: string[]) =>
  createTestKernel({
    providers: (providers.length > 0 ? providers : ['test']).map((name) => ({
      name,
      dialect: 'plain',
      baseUrl: `http://${name}/`,
    })),
    ...options,
    plugins: [plainDialect, ...(options.plugins ?? []), routeTo(...(providers.length > 0 ? providers : ['test']))],
  })

/** Whom the upstream of a test was asked to be. */
const asked = (): {
  calls: string[]
  by: (answers: Record<string, (call: number) => TestAnswer | Promise<TestAnswer>>) => TestUpstream
} => {
  const calls: string[] = []
  return {
    calls,
    by:
      (answers) =>
      ({ url }) => {
        const name = new URL(url).hostname
        calls.push(name)
        return answers[name]!(calls.filter((call) => call === name).length)
      },
  }
}

describe('the commit rule', () => {
  it('tries the next target invisibly while nothing was sent', async () => {
    const upstream = asked()
    const broken = (): TestAnswer => jsonl(lines(answerEvents('lost').slice(0, 1)), reset())
    const kernel = await setUp({ plugins: [onward], upstream: upstream.by({ a: broken, b: fine }) }, 'a', 'b')
    const reply = await kernel.request(stream)
    expect(upstream.calls).toEqual(['a', 'b'])
    expect(reply.headers['x-ccr-provider']).toBe('b')
    expect(types(reply.text).filter((type) => type === 'message_start')).toHaveLength(1)
    expect(textOf(reply.text)).toBe('one two three')
    expect(kernel.usage[0]!.attempts.map(({ outcome }) => outcome)).toEqual(['failure', 'ok'])
    await kernel.dispose()
  })

  it('never tries another target after content was sent, and ends with one error event', async () => {
    const upstream = asked()
    const broken = (): TestAnswer =>
      jsonl(lines(answerEvents('one two').slice(0, 3)), Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    const kernel = await setUp({ plugins: [onward], upstream: upstream.by({ a: broken, b: fine }) }, 'a', 'b')
    const reply = await kernel.request(stream)
    expect(upstream.calls).toEqual(['a'])
    expect(reply.status).toBe(200)
    expect(types(reply.text)).toEqual(['message_start', 'content_block_start', 'content_block_delta', 'error'])
    expect(events(reply.text).at(-1)).toMatchObject({
      error: { type: 'api_error', message: expect.stringContaining('ECONNRESET') },
    })
    expect(kernel.usage[0]).toMatchObject({ status: 'error', httpStatus: 200, attempts: [{ outcome: 'failure' }] })
    await kernel.dispose()
  })

  it('keeps a waiting client alive with pings, and may still try another target', async () => {
    const upstream = asked()
    let pinged!: () => void
    const ping = new Promise<void>((resolve) => (pinged = resolve))
    const silent = async (): Promise<TestAnswer> => {
      await ping
      return { status: 500, body: '{}' }
    }
    const kernel = await setUp(
      {
        plugins: [onward],
        settings: { timeouts: { keepAlive: 5, ping: 5 } },
        upstream: upstream.by({ a: silent, b: fine }),
      },
      'a',
      'b',
    )
    const reply = await kernel.request({ ...stream, onChunk: (chunk) => void (chunk.includes('ping') && pinged()) })
    expect(reply.status).toBe(200)
    expect(types(reply.text).slice(0, 2)).toContain('ping')
    expect(textOf(reply.text)).toBe('one two three')
    await kernel.dispose()
  })

  it('pings where nothing else was sent for so long, before content and after it, and not behind the end', async () => {
    const go: (() => void)[] = []
    const steps = [0, 1].map(() => new Promise<void>((resolve) => void go.push(resolve)))
    const all = lines(answerEvents('one two'))
    const body = async function* () {
      await steps[0]
      yield Buffer.from(all.slice(0, 3).join(''))
      await steps[1]
      yield Buffer.from(all.slice(3).join(''))
    }
    const settings = { timeouts: { keepAlive: 250, ping: 400 } }
    const kernel = await setUp({ settings, upstream: () => jsonl(body()) })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const began = performance.now()
      const seen: string[] = []
      const note = (chunk: string): void => void seen.push(`${performance.now() - began} ${types(chunk)[0]}`)
      const reply = kernel.request({ ...stream, onChunk: note })
      await vi.advanceTimersByTimeAsync(1500)
      go[0]!()
      await vi.advanceTimersByTimeAsync(900)
      go[1]!()
      await vi.advanceTimersByTimeAsync(5000)
      expect(textOf((await reply).text)).toBe('one two')
      const content = ['1500 message_start', '1900 ping', '2300 ping', '2400 content_block_delta']
      expect(seen).toEqual(['250 ping', '650 ping', '1050 ping', '1450 ping', ...content])
    } finally {
      vi.useRealTimers()
    }
    await kernel.dispose()
  })

  it('ends a kept-alive answer that fails with one error event and no message', async () => {
    let pinged!: () => void
    const ping = new Promise<void>((resolve) => (pinged = resolve))
    const kernel = await setUp({
      settings: { timeouts: { keepAlive: 5, ping: 5 } },
      upstream: async () => (await ping, { status: 529, body: '{}' }),
    })
    const reply = await kernel.request({ ...stream, onChunk: (chunk) => void (chunk.includes('ping') && pinged()) })
    expect(reply.status).toBe(200)
    expect(new Set(types(reply.text))).toEqual(new Set(['ping', 'error']))
    expect(events(reply.text).at(-1)).toMatchObject({ error: { type: 'overloaded_error' } })
    await kernel.dispose()
  })

  it('gives up what sends no content in time, with a timeout', async () => {
    const hang = async function* (signal: AbortSignal): AsyncGenerator<Uint8Array> {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    const kernel = await setUp({
      settings: { timeouts: { firstEvent: 20 } },
      upstream: ({ signal }) => jsonl(hang(signal.signal)),
    })
    const reply = await kernel.request(stream)
    expect(reply.status).toBe(504)
    expect(reply.json()).toMatchObject({
      error: { type: 'timeout_error', message: expect.stringContaining("provider 'test'") },
    })
    await kernel.dispose()
  })

  it('every event-boundary prefix without its terminal event ends in one error and never in message_stop', async () => {
    const good = answerEvents('one two three')
    for (let length = 0; length < good.length; length++) {
      const kernel = await setUp({ upstream: () => jsonl(lines(good.slice(0, length))) })
      const reply = await kernel.request(stream)
      const last = reply.status === 200 ? events(reply.text).at(-1) : reply.json()
      expect(last).toMatchObject({ type: 'error', error: { type: 'api_error' } })
      expect(reply.text).not.toContain('message_stop')
      expect(reply.text.split('"type":"error"')).toHaveLength(2)
      await kernel.dispose()
    }
  })

  it('any cut of an answer, also one that fails in its middle, gives the client the same bytes', async () => {
    const shout = plugin('shout', (ctx) =>
      ctx.on('transformStream', (pipeline) =>
        pipeline.pipe('canonical', {
          chunk(event, emit) {
            if (
              event.type === 'content_block_delta' &&
              event.delta.type === 'text_delta' &&
              event.delta.text.startsWith('bad')
            )
              throw new Error('boom')
            emit(event)
          },
        }),
      ),
    )
    for (const text of ['one two three', 'one two bad three', 'one zwei 🙂 drei']) {
      const bytes = Buffer.from(lines(answerEvents(text)).join(''))
      let body: TestBody = bytes
      // It fails on purpose, far more often than it might.
      const settings = { limits: { failures: 1_000 } }
      const kernel = await setUp({ plugins: [shout], settings, upstream: () => jsonl(body) })
      const expected = await kernel.request(stream)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 40 }), async (cuts) => {
          const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length]
          body = edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end))
          expect((await kernel.request(stream)).text.replaceAll(/msg_\d+/g, '')).toBe(
            expected.text.replaceAll(/msg_\d+/g, ''),
          )
        }),
        { numRuns: 60 },
      )
      await kernel.dispose()
    }
  })

  it('takes a whole answer for a stream and a stream for a whole answer', async () => {
    const good = answerEvents('one two')
    const kernel = await setUp({
      upstream: ({ stream: wanted }) =>
        wanted ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(good) } : jsonl(lines(good)),
    })
    expect(textOf((await kernel.request(stream)).text)).toBe('one two')
    const reply = await kernel.request(whole)
    expect(reply.headers['content-type']).toBe('application/json')
    expect(reply.json()).toMatchObject({
      model: 'asked',
      content: [{ type: 'text', text: 'one two' }],
      stop_reason: 'end_turn',
    })
    await kernel.dispose()
  })

  it('takes a whole answer for one, whatever it is called', async () => {
    const kernel = await setUp({ upstream: () => jsonl(JSON.stringify(answerEvents('one two'))) })
    expect(textOf((await kernel.request(stream)).text)).toBe('one two')
    await kernel.dispose()
  })
})

describe('attempts', () => {
  it('share nothing: each is built from the pristine request', async () => {
    const bodies: string[] = []
    const mark = plugin('mark', (ctx) =>
      ctx.on('transformRequest', (outbound, attempt) => ({
        ...outbound,
        body: { ...(outbound.body as object), seen: attempt.number },
        headers: { [`x-${attempt.number}`]: '1' },
      })),
    )
    const kernel = await setUp(
      {
        plugins: [onward, mark],
        upstream: ({ body, headers }) => (
          bodies.push(`${String(body)} ${JSON.stringify(headers)}`),
          bodies.length < 3 ? { status: 500, body: '' } : fine()
        ),
      },
      'a',
      'b',
      'c',
    )
    expect((await kernel.request(stream)).status).toBe(200)
    expect(bodies.map((body) => body.match(/"seen":(\d)/)?.[1])).toEqual(['1', '2', '3'])
    expect(bodies.map((body) => [...body.matchAll(/"x-(\d)"/g)].map((match) => match[1]).join())).toEqual([
      '1',
      '2',
      '3',
    ])
    await kernel.dispose()
  })

  const OUTCOMES: readonly {
    name: string
    upstream: TestUpstream
    outcome: AttemptOutcome
    committed: number
    abort?: boolean
  }[] = [
    { name: 'ok', upstream: fine, outcome: 'ok', committed: 1 },
    { name: '500', upstream: () => ({ status: 500, body: '' }), outcome: 'failure', committed: 0 },
    { name: '429', upstream: () => ({ status: 429, body: '' }), outcome: 'cooldown', committed: 0 },
    { name: '400', upstream: () => ({ status: 400, body: '' }), outcome: 'neutral', committed: 0 },
    {
      name: 'refused',
      upstream: () => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })),
      outcome: 'failure',
      committed: 0,
    },
    {
      name: 'broken after commit',
      upstream: () => jsonl(lines(answerEvents('a b').slice(0, 3)), reset()),
      outcome: 'failure',
      committed: 1,
    },
    {
      name: 'client abort after commit',
      upstream: ({ signal }) => jsonl(endless(signal.signal)),
      outcome: 'neutral',
      committed: 1,
      abort: true,
    },
  ]

  it.each(OUTCOMES)('tell their listeners once: $name', async ({ upstream, outcome, committed, abort }) => {
    const told: string[] = []
    const listen = plugin('listen', (ctx) =>
      ctx.on('transformRequest', (_, attempt) => {
        attempt.onCommitted(() => told.push('committed'))
        attempt.onSettled((how) => told.push(how))
        attempt.onSettled(() => {
          throw new Error('a listener may throw')
        })
      }),
    )
    const kernel = await setUp({ plugins: [listen], upstream })
    const leaving = new AbortController()
    await kernel.request({ ...stream, signal: leaving.signal, ...(abort && { onChunk: () => leaving.abort() }) })
    expect(told.filter((one) => one === 'committed')).toHaveLength(committed)
    expect(told.filter((one) => one !== 'committed')).toEqual([outcome])
    expect(kernel.routing.filter(({ event }) => event === 'commit')).toHaveLength(committed)
    if (abort) expect(kernel.usage[0]).toMatchObject({ status: 'client_closed', httpStatus: 200 })
    await kernel.dispose()
  })

  it('pass a target over without counting it, and run the first one as the last resort', async () => {
    const seen: Pick<Attempt, 'lastResort' | 'number'>[] = []
    const told: AttemptOutcome[] = []
    const skip = plugin('skip', (ctx) =>
      ctx.on('transformRequest', (_, attempt) => {
        seen.push({ lastResort: attempt.lastResort, number: attempt.number })
        attempt.onSettled((how) => told.push(how))
        if (!attempt.lastResort) throw new SkipTarget('resting')
      }),
    )
    const upstream = asked()
    const kernel = await setUp({ plugins: [skip], upstream: upstream.by({ a: fine, b: fine }) }, 'a', 'b')
    expect((await kernel.request(stream)).headers['x-ccr-provider']).toBe('a')
    expect(seen).toEqual([
      { lastResort: false, number: 1 },
      { lastResort: false, number: 1 },
      { lastResort: true, number: 1 },
    ])
    expect(told).toEqual(['neutral', 'neutral', 'ok'])
    expect(upstream.calls).toEqual(['a'])
    await kernel.dispose()
  })

  it('SkipTarget of the last resort is an error, and a skip after a failure leaves that failure', async () => {
    const always = plugin('always', (ctx) =>
      ctx.on('transformRequest', () => {
        throw new SkipTarget('resting')
      }),
    )
    const first = await setUp({ plugins: [always], upstream: fine })
    const reply = await first.request(stream)
    expect(reply.status).toBe(500)
    expect(reply.text).toContain('every target was passed over, the last one too: resting')
    await first.dispose()
    const skipB = plugin('skip-b', (ctx) =>
      ctx.on('transformRequest', (_, { target }) => {
        if (target.provider === 'b') throw new SkipTarget('resting')
      }),
    )
    const second = await setUp({ plugins: [skipB, onward], upstream: () => ({ status: 529, body: '' }) }, 'a', 'b')
    expect((await second.request(stream)).status).toBe(529)
    await second.dispose()
  })

  it('say nothing of a target whose refusal is still read when their client leaves', async () => {
    const leaving = new AbortController()
    async function* busy(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('busy')
      leaving.abort()
      await new Promise(() => undefined)
    }
    const kernel = await setUp({ plugins: [onward], upstream: () => ({ status: 500, body: busy() }) }, 'a', 'b')
    await kernel.request({ ...stream, signal: leaving.signal })
    expect(kernel.usage[0]).toMatchObject({
      status: 'client_closed',
      httpStatus: 499,
      attempts: [{ outcome: 'neutral' }],
    })
    await kernel.dispose()
  })

  it('are bounded in number, however often a plugin wants another', async () => {
    const again = plugin('again', (ctx) => ctx.on('onError', () => ({ action: 'retry', afterMs: 0 })))
    const upstream = asked()
    const kernel = await setUp(
      { plugins: [again], upstream: upstream.by({ a: () => ({ status: 500, body: '' }) }) },
      'a',
    )
    expect((await kernel.request(stream)).status).toBe(502)
    expect(upstream.calls).toHaveLength(kernel.settings.limits.attempts)
    await kernel.dispose()
  })

  it.each<[string, ErrorDecision | undefined, number, string]>([
    ['a plugin answers in its place', { action: 'reply', reply: NOT_TODAY }, 403, NOT_TODAY.message],
    ['nobody decides', undefined, 502, 'answered 500'],
  ])('end with the first failure where %s, whatever target is left', async (_name, decision, status, says) => {
    const decide = plugin('decide', (ctx) => ctx.on('onError', () => decision))
    const upstream = asked()
    const down = (): TestAnswer => ({ status: 500, body: '' })
    const kernel = await setUp({ plugins: [decide], upstream: upstream.by({ a: down, b: fine }) }, 'a', 'b')
    const reply = await kernel.request(stream)
    expect([reply.status, upstream.calls]).toEqual([status, ['a']])
    expect(reply.text).toContain(says)
    await kernel.dispose()
  })

  it.each([
    ['waits before it is made', undefined, [0, 500, 1000], 'ok'],
    ['is not made for a client that left meanwhile', 700, [0, 500], 'client_closed'],
  ])('one that is made again %s', async (_name, leavesAt, calls, status) => {
    const again = plugin('again', (ctx) => ctx.on('onError', () => ({ action: 'retry', afterMs: 500 })))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const began = performance.now()
      const asked: number[] = []
      const upstream = (): TestAnswer =>
        asked.push(performance.now() - began) < 3 ? { status: 500, body: '' } : fine()
      const kernel = await setUp({ plugins: [again], upstream })
      const leaving = new AbortController()
      if (leavesAt !== undefined) setTimeout(() => leaving.abort(), leavesAt)
      const reply = kernel.request({ ...stream, signal: leaving.signal })
      await vi.advanceTimersByTimeAsync(5000)
      await reply
      expect(asked).toEqual(calls)
      expect(kernel.usage.map((one) => one.status)).toEqual([status])
      await kernel.dispose()
    } finally {
      vi.useRealTimers()
    }
  })

  it.each(['retry', 'next'] as const)('begin no more once their time has passed, whatever says %s', async (action) => {
    const more = plugin('more', (ctx) =>
      ctx.on('onError', () => (action === 'retry' ? { action, afterMs: 0 } : { action })),
    )
    const upstream = asked()
    const down = (): TestAnswer => ({ status: 500, body: '' })
    const kernel = await setUp(
      { plugins: [more], settings: { timeouts: { attempts: 0 } }, upstream: upstream.by({ a: down, b: fine }) },
      'a',
      'b',
    )
    expect((await kernel.request(stream)).status).toBe(502)
    expect(upstream.calls).toEqual(['a'])
    await kernel.dispose()
  })

  it('are not waited for when they could not begin in time: the client is told at once', async () => {
    const later = plugin('later', (ctx) => ctx.on('onError', () => ({ action: 'retry', afterMs: 3_600_000 })))
    const upstream = asked()
    const down = (): TestAnswer => ({ status: 429, headers: { 'retry-after': '3600' }, body: '' })
    const kernel = await setUp({ plugins: [later], upstream: upstream.by({ a: down }) }, 'a')
    expect(await kernel.request(stream)).toMatchObject({ status: 429, headers: { 'retry-after': '3600' } })
    expect(upstream.calls).toEqual(['a'])
    await kernel.dispose()
  })
})

describe('an attempt that is given up', () => {
  it('closes its upstream, also when nobody has begun to read the answer', async () => {
    const bad = plugin('bad', (ctx) =>
      ctx.on('transformStream', () => {
        throw new Error('boom')
      }),
    )
    let closed = 0
    const upstream: TestUpstream = ({ signal }) => {
      signal.addEventListener('abort', () => void closed++)
      return fine()
    }
    const kernel = await setUp({ plugins: [bad], upstream })
    expect((await kernel.request(stream)).status).toBe(500)
    expect(closed).toBe(1)
    await kernel.dispose()
  })
})

describe('the end of an exchange', () => {
  it('tells durable onUsage taps before the last bytes go out, and waits 50 ms at most for them', async () => {
    const order: string[] = []
    const hang = new Promise<void>(() => undefined)
    const meter = plugin('meter', (ctx) => {
      ctx.on('onUsage', () => void order.push('later'))
      ctx.on('onUsage', (usage) => void order.push(`durable ${usage.tokens.output}`), { durable: true })
      ctx.on('onUsage', () => hang, { durable: true, timeoutMs: 200 })
    })
    const kernel = await setUp({ plugins: [meter], upstream: fine })
    await kernel.request({ ...stream, onChunk: (chunk) => void (chunk.includes('message_stop') && order.push('end')) })
    expect(order).toEqual(['durable 2', 'end', 'later'])
    await kernel.dispose()
  })

  it('makes one usage record with disjoint buckets for every way to end', async () => {
    const records: UsageRecord[] = []
    const meter = plugin('meter', (ctx) => ctx.on('onUsage', (usage) => void records.push(usage)))
    for (const upstream of [fine, () => ({ status: 500, body: '' }), () => Promise.reject(new Error('no'))]) {
      const kernel = await setUp({ plugins: [meter], upstream })
      await kernel.request(stream)
      await kernel.dispose()
    }
    expect(records.map(({ status, httpStatus }) => [status, httpStatus])).toEqual([
      ['ok', 200],
      ['error', 502],
      ['error', 500],
    ])
    expect(records[0]!.tokens).toEqual({ input: 3, cacheRead: 0, cacheCreation: 0, output: 2, reasoning: 0 })
  })

  it('reads no more of an upstream than a stalled client takes, and cuts the client in the end', async () => {
    let reads = 0
    const flood = async function* (): AsyncGenerator<Uint8Array> {
      for (const line of lines(answerEvents('x').slice(0, 3))) yield Buffer.from(line)
      for (; reads < 10_000; reads++)
        yield Buffer.from(
          lines([{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'more' } }])[0]!,
        )
    }
    const kernel = await setUp({
      settings: { timeouts: { clientStall: 40, idle: 10 } },
      upstream: () => jsonl(flood()),
    })
    const reply = await kernel.request({
      ...stream,
      onChunk: (chunk) => (chunk.includes('more') ? new Promise<void>(() => undefined) : undefined),
    })
    expect(reads).toBeLessThan(3)
    expect(reply.cut).toBe(true)
    expect(kernel.usage[0]!.status).toBe('client_stalled')
    await kernel.dispose()
  })

  it('answers in place of an upstream: a message, a failure, a stream', async () => {
    const message = {
      id: 'msg_x',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'cached' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {},
    } as const
    const replies = [
      { reply: { message } },
      { reply: { failure: { status: 401, type: 'authentication_error', message: 'who are you' } } },
      {
        reply: {
          events: (async function* () {
            yield answerEvents('live')
          })(),
        },
      },
    ] as const
    const texts: string[] = []
    for (const reply of replies) {
      const kernel = await setUp({
        plugins: [plugin('guard', (ctx) => ctx.on('onRequest', () => reply))],
        upstream: () => Promise.reject(new Error('unused')),
      })
      const got = await kernel.request(stream)
      texts.push(`${got.status} ${got.status === 200 ? textOf(got.text) : got.text}`)
      await kernel.dispose()
    }
    expect(texts[0]).toBe('200 cached')
    expect(texts[1]).toMatch(/^401 .*authentication_error/)
    expect(texts[2]).toBe('200 live')
  })
})

async function* endless(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const line of lines(answerEvents('a b').slice(0, 3))) yield Buffer.from(line)
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
}
