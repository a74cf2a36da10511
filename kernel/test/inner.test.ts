import { createTestKernel, type TestAnswer } from '@ccr/sdk/testing'
import type { CanonicalMessage, CanonicalRequest, Exchange, PluginContext, UsageRecord } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const answer = (text: string): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body: Buffer.from(lines(answerEvents(text)).join('')),
})
const textOf = ({ content }: CanonicalMessage): string =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('')
const request = { path: '/plain', body: hello }
const asking = (model: string): CanonicalRequest => ({
  model,
  max_tokens: 5,
  messages: [{ role: 'user', content: 'inner' }],
})

/** Answers with what an inner exchange said. */
const agent = (ask: (ctx: PluginContext, exchange: Exchange) => Promise<CanonicalMessage>) =>
  plugin('agent', (ctx) =>
    ctx.on('onRequest', async (_, exchange) => ({ reply: { message: await ask(ctx, exchange) } })),
  )

const providers = ['outer', 'inner'].map((name) => ({ name, dialect: 'plain', baseUrl: `http://${name}/` }))

describe('an inner exchange', () => {
  it('goes where it is told, through the transforms, and its attempts are in the usage of its parent', async () => {
    const records: UsageRecord[] = []
    const marked = plugin('marked', (ctx) => {
      ctx.on('transformRequest', (outbound) => ({ ...outbound, headers: { ...outbound.headers, 'x-marked': 'yes' } }))
      ctx.on('onUsage', (record) => void records.push(record))
    })
    const seen: string[] = []
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent((ctx, parent) => ctx.exchange(asking('m'), { parent, target: { provider: 'inner', model: 'deep' } })),
        marked,
        routeTo('outer'),
      ],
      providers,
      upstream: ({ url, headers, body }) => {
        seen.push(`${url} ${headers['x-marked']} ${(JSON.parse(String(body)) as { model: string }).model}`)
        return answer('from inside')
      },
    })
    const reply = await kernel.request(request)
    expect(textOf(reply.json() as CanonicalMessage)).toBe('from inside')
    expect(seen).toEqual(['http://inner/ yes deep'])
    expect(records).toHaveLength(1)
    expect(records[0]!.attempts).toMatchObject([
      { provider: 'inner', model: 'deep', outcome: 'ok', tokens: { output: 2 } },
    ])
    await kernel.dispose()
  })

  it('is routed like any other when it names no target', async () => {
    const kernel = await createTestKernel({
      plugins: [plainDialect, agent((ctx, parent) => ctx.exchange(asking('m'), { parent })), routeTo('outer')],
      providers,
      upstream: ({ url }) => answer(url),
    })
    expect(textOf((await kernel.request(request)).json() as CanonicalMessage)).toBe('http://outer/')
    await kernel.dispose()
  })

  it('that fails rejects with what a client would have been told', async () => {
    let told: unknown
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent(async (ctx, parent) => {
          told = await ctx.exchange(asking('m'), { parent }).catch((error: unknown) => error)
          throw told
        }),
        routeTo('outer'),
      ],
      providers,
      upstream: () => ({ status: 429, headers: { 'retry-after': '3' } }),
    })
    expect((await kernel.request(request)).status).toBe(500)
    expect(told).toMatchObject({ code: 'CCR_EXCHANGE_FAILED', cause: { status: 429, type: 'rate_limit_error' } })
    await kernel.dispose()
  })

  it('ends with its parent', async () => {
    let told: unknown
    let closed = false
    const leaving = new AbortController()
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent(async (ctx, parent) => {
          told = await ctx.exchange(asking('m'), { parent }).catch((error: unknown) => error)
          throw told
        }),
        routeTo('outer'),
      ],
      providers,
      upstream: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            closed = true
            reject(new Error('closed'))
          })
          leaving.abort()
        }),
    })
    await kernel.request({ ...request, signal: leaving.signal })
    for (let turn = 0; turn < 1000 && told === undefined; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toBe(true)
    expect(told).toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
    await kernel.dispose()
  })

  it('ends with the signal that it was given', async () => {
    let told: unknown
    const own = new AbortController()
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent(async (ctx, parent) => {
          told = await ctx.exchange(asking('m'), { parent, signal: own.signal }).catch((error: unknown) => error)
          throw told
        }),
        routeTo('outer'),
      ],
      providers,
      upstream: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('closed')))
          own.abort()
        }),
    })
    expect((await kernel.request(request)).status).toBe(500)
    expect(told).toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
    await kernel.dispose()
  })

  it('may hold others, but no endless row of them', async () => {
    let depth = 0
    const recursive = plugin('recursive', (ctx) =>
      ctx.on('selectRoute', async (plan, exchange) => {
        depth++
        await ctx.exchange(asking('m'), { parent: exchange })
        return plan
      }),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, recursive, routeTo('outer')],
      providers,
      upstream: () => answer('hi'),
    })
    expect((await kernel.request(request)).status).toBe(200)
    expect(depth).toBe(5)
    expect(kernel.warnings.join()).toContain('more than 4 exchanges run inside each other')
    await kernel.dispose()
  })

  it('needs the exchange that a hook was given', async () => {
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent((ctx, parent) => ctx.exchange(asking('m'), { parent: { ...parent } })),
        routeTo('outer'),
      ],
      providers,
    })
    const reply = await kernel.request(request)
    expect(reply.status).toBe(500)
    expect(reply.text).toContain('its parent is not an exchange that a hook was given')
    await kernel.dispose()
  })

  it('keeps its generation until it is over', async () => {
    let go!: () => void
    const waiting = new Promise<void>((resolve) => (go = resolve))
    const kernel = await createTestKernel({
      plugins: [plainDialect, agent((ctx, parent) => ctx.exchange(asking('m'), { parent })), routeTo('outer')],
      providers,
      upstream: async () => {
        await waiting
        return answer('late')
      },
    })
    const reply = kernel.request(request)
    await kernel.reload([plainDialect, routeTo('outer')])
    expect(kernel.kernel.draining.map(({ leases }) => leases)).toEqual([2])
    go()
    expect((await reply).status).toBe(200)
    await kernel.dispose()
  })

  it('is refused once its parent has ended', async () => {
    const handlers: string[] = []
    let ask!: () => Promise<unknown>
    const keeping = plugin('keeping', (ctx) =>
      ctx.on('onRequest', (_, parent) => {
        ask = () => ctx.exchange(asking('m'), { parent })
      }),
    )
    const noted = () =>
      plugin('noted', (ctx) =>
        ctx.on('transformRequest', () => void handlers.push(ctx.signal.aborted ? 'disposed' : 'live')),
      )
    const plugins = [plainDialect, keeping, routeTo('outer')]
    const kernel = await createTestKernel({ plugins: [...plugins, noted()], providers, upstream: () => answer('hi') })
    expect((await kernel.request(request)).status).toBe(200)
    await kernel.reload([...plugins, noted()])
    await expect(ask()).rejects.toThrow('an inner exchange failed: its parent has ended')
    expect(handlers).toEqual(['live'])
    await kernel.dispose()
  })

  it('that nobody wants any more when it is asked for reaches no upstream', async () => {
    const asked: string[] = []
    let told: unknown
    const kernel = await createTestKernel({
      plugins: [
        plainDialect,
        agent(async (ctx, parent) => {
          const signal = AbortSignal.abort()
          const target = { provider: 'inner', model: 'm' }
          told = await ctx.exchange(asking('m'), { parent, target, signal }).catch((error: unknown) => error)
          return ctx.exchange(asking('m'), { parent })
        }),
        routeTo('outer'),
      ],
      providers,
      upstream: ({ url }) => {
        asked.push(url)
        return answer('hi')
      },
    })
    expect((await kernel.request(request)).status).toBe(200)
    expect(told).toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
    expect(asked).toEqual(['http://outer/'])
    await kernel.dispose()
  })

  it('that outlives its parent is recorded by itself, once', async () => {
    let go!: () => void
    const waiting = new Promise<void>((resolve) => (go = resolve))
    const records: UsageRecord[] = []
    let inner!: Promise<CanonicalMessage>
    const careless = plugin('careless', (ctx) => {
      ctx.on('onRequest', (_, parent) => {
        inner = ctx.exchange(asking('m'), { parent, target: { provider: 'inner', model: 'deep' } })
      })
      ctx.on('onUsage', (record) => void records.push(record))
    })
    const kernel = await createTestKernel({
      plugins: [plainDialect, careless, routeTo('outer')],
      providers,
      upstream: async ({ url }) => {
        if (url.includes('inner')) await waiting
        return answer('hi')
      },
    })
    await kernel.request(request)
    go()
    await inner
    for (let turn = 0; turn < 1000 && records.length < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(records.map(({ attempts }) => attempts.map(({ provider }) => provider))).toEqual([['outer'], ['inner']])
    expect(kernel.kernel.current!.leases).toBe(0)
    await kernel.dispose()
  })
})
