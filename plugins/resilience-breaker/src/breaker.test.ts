import { definePlugin, type Plugin } from '@ccr/sdk'
import { createTestKernel, json, type TestAnswer, type TestKernel } from '@ccr/sdk/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import fallback from '../../resilience-fallback/src/index.ts'
import scenarios from '../../route-scenarios/src/index.ts'
import plugin from './index.ts'

let kernel: TestKernel
/** The models that were asked. */
let asked: string[]
let answers: Record<string, () => TestAnswer | Promise<TestAnswer>>

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 })
  asked = []
  answers = {}
})
afterEach(async () => {
  vi.useRealTimers()
  await kernel.dispose()
})

const PLUGINS = [anthropic, scenarios, fallback, plugin]

async function start(Router: object = {}, more: readonly Plugin[] = [], list = ['b,B']): Promise<void> {
  kernel = await createTestKernel({
    plugins: [...PLUGINS, ...more],
    providers: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, models: [name.toUpperCase()], dialect: 'anthropic' })),
    sections: { Router: { default: 'a,A', ...Router }, fallback: { default: list } },
    upstream: ({ body }) => {
      const { model } = JSON.parse(Buffer.from(body as string).toString()) as { model: string }
      asked.push(model)
      return answers[model]?.() ?? fine(model)
    },
  })
}

function fine(model: string): TestAnswer {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const content = [{ type: 'text', text: 'hi' }]
  return json({ id: 'm', type: 'message', role: 'assistant', model, content, stop_reason: 'end_turn', usage })
}

const failing =
  (status: number, headers: Readonly<Record<string, string>> = {}): (() => TestAnswer) =>
  () => {
    const answer = json({ type: 'error', error: { type: 'api_error', message: 'no' } }, status)
    return { ...answer, headers: { ...answer.headers, ...headers } }
  }

/** An answer that waits. */
function held() {
  let release: (value: TestAnswer) => void = () => undefined
  let asked = false
  const answer = (): Promise<TestAnswer> => {
    asked = true
    return new Promise((resolve) => (release = resolve))
  }
  return { answer, isAsked: () => asked, release: (value: TestAnswer) => release(value) }
}

const BODY = { model: 'any', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }

/** The models that these requests asked, one after the other. */
async function ask(times = 1): Promise<string> {
  asked = []
  for (let count = 0; count < times; count++) await kernel.request({ body: BODY })
  return asked.join('')
}

describe('resilience-breaker', () => {
  it('asks a target that failed three times no more, and says so', async () => {
    await start()
    answers['A'] = failing(500)
    expect(await ask(3)).toBe('ABABAB')
    const { headers } = await kernel.request({ body: BODY })
    expect(asked.join('')).toBe('ABABABB')
    expect(headers).toMatchObject({ 'x-ccr-model': 'B', 'x-ccr-fallback': 'a,A' })
  })

  it('lets exactly one of many requests try it when the time is up', async () => {
    await start()
    answers['A'] = failing(500)
    await ask(3)
    vi.advanceTimersByTime(300_000)
    let answer: (value: TestAnswer) => void = () => undefined
    answers['A'] = () => new Promise((resolve) => (answer = resolve))
    asked = []
    const running = Array.from({ length: 20 }, () => kernel.request({ body: BODY }))
    await vi.waitFor(() => expect(asked).toHaveLength(20))
    expect(asked.filter((model) => model === 'A')).toHaveLength(1)
    answer(fine('A'))
    await Promise.all(running)
    answers = {}
    expect(await ask(3)).toBe('AAA')
  })

  it('leaves a target alone for as long as its 429 asks', async () => {
    await start()
    answers['A'] = failing(429, { 'retry-after': '7' })
    expect(await ask(2)).toBe('ABB')
    vi.advanceTimersByTime(7_000)
    expect(await ask()).toBe('AB')
  })

  it('asks the first of the targets where all are to be left alone', async () => {
    await start()
    answers = { A: failing(500), B: failing(503) }
    await ask(3)
    const reply = await kernel.request({ body: BODY })
    expect(reply.status).toBe(502)
    expect(await ask()).toBe('A')
    answers = {}
    expect(await ask(2)).toBe('AA')
  })

  it('does not count what blames the request', async () => {
    await start()
    answers['A'] = failing(400)
    await ask(10)
    answers = {}
    expect(await ask()).toBe('A')
  })

  it('leaves nothing alone where there is but one target, or fallbacks are switched off', async () => {
    await start({ enableFallback: false })
    answers['A'] = failing(500)
    expect(await ask(5)).toBe('AAAAA')
  })

  it('lets a target be tried that is further down the plans of requests which never come to it', async () => {
    await start({ health: { failureThreshold: 1 } })
    answers = { A: failing(500), B: failing(500) }
    await ask()
    vi.advanceTimersByTime(300_000)
    answers = {}
    await ask(2)
    // A is used as before, and B half-open.
    const hold = held()
    answers = { A: hold.answer }
    const running = kernel.request({ body: BODY })
    await vi.waitFor(() => expect(hold.isAsked()).toBe(true))
    answers = { A: failing(500) }
    expect(await ask()).toBe('AB')
    hold.release(fine('A'))
    await running
  })

  it('takes a failure in at once, and not when another target has answered', async () => {
    await start()
    const hold = held()
    answers = { A: failing(429, { 'retry-after': '7' }), B: hold.answer }
    const running = kernel.request({ body: BODY })
    await vi.waitFor(() => expect(hold.isAsked()).toBe(true))
    answers['B'] = () => fine('B')
    expect(await ask()).toBe('B')
    vi.advanceTimersByTime(60_000)
    hold.release(fine('B'))
    await running
    expect(await ask()).toBe('AB')
  })

  it('is told of the trials of inner exchanges too', async () => {
    const asking = definePlugin({
      name: 'asking',
      apiVersion: 1,
      description: 'Answers by another exchange.',
      activate(ctx) {
        ctx.on('onRequest', async (request, parent) => ({
          reply: { message: await ctx.exchange(request, { parent }) },
        }))
      },
    })
    await start({ health: { failureThreshold: 1 } }, [asking])
    answers['A'] = failing(500)
    await ask()
    vi.advanceTimersByTime(300_000)
    answers = {}
    expect(await ask(3)).toBe('AAA')
  })

  it('lets the next request try it where the client of a trial leaves', async () => {
    await start({ health: { failureThreshold: 1 } })
    answers['A'] = failing(500)
    await ask()
    vi.advanceTimersByTime(300_000)
    const hold = held()
    answers['A'] = hold.answer
    const client = new AbortController()
    const running = kernel.request({ body: BODY, signal: client.signal })
    await vi.waitFor(() => expect(hold.isAsked()).toBe(true))
    expect(await ask()).toBe('B')
    client.abort()
    hold.release(fine('A'))
    await running
    answers = {}
    expect(await ask()).toBe('A')
  })

  it.each<[string, () => TestAnswer]>([
    ['401', failing(401)],
    ['400', () => json({ type: 'error', error: { type: 'authentication_error', message: 'no such key' } }, 400)],
  ])('tries a target that refused a key with %s as soon as the config has changed', async (_, refusing) => {
    await start()
    answers['A'] = refusing
    expect(await ask(3)).toBe('ABABB')
    answers = {}
    await kernel.reload(PLUGINS)
    expect(await ask(3)).toBe('AAA')
  })

  it('tries those of a list that have no place beside the targets which are left alone', async () => {
    await start({ health: { failureThreshold: 1 } }, [], ['b,B', 'c,C', 'd,D', 'e,E'])
    answers = { A: failing(500), B: failing(500), C: failing(500), D: failing(500) }
    expect(await ask(2)).toBe('ABCDE')
  })

  it.each<[string, { readonly Router?: object; readonly fallback?: object }, boolean]>([
    ['a list at the top', { fallback: { default: ['b,B'] } }, true],
    ['a list of Router', { Router: { fallback: { default: ['b,B'] } } }, true],
    ['a list of a family', { Router: { families: { opus: { fallback: { default: ['b,B'] } } } } }, true],
    ['settings of its own', { Router: { health: {} } }, true],
    ['none of these', { Router: { families: { opus: {} } } }, false],
  ])('looks at attempts where the config has %s', async (_, { Router = {}, ...sections }, takesPart) => {
    kernel = await createTestKernel({
      plugins: PLUGINS,
      providers: [{ name: 'a', models: ['A'], dialect: 'anthropic' }],
      sections: { Router: { default: 'a,A', ...Router }, ...sections },
      upstream: () => fine('A'),
    })
    const { headers } = await kernel.request({ body: BODY, headers: { 'x-ccr-debug': '1' } })
    expect(headers['x-ccr-plugins']?.includes('resilience-breaker')).toBe(takesPart)
  })

  it('heeds the settings of Router.health', async () => {
    await start({ health: { failureThreshold: 1, openSeconds: 5, halfOpenSuccesses: 1 } })
    answers['A'] = failing(500)
    expect(await ask(2)).toBe('ABB')
    answers = {}
    vi.advanceTimersByTime(5_000)
    expect(await ask(2)).toBe('AA')
  })
})
