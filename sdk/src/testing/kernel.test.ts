import { once } from 'node:events'
import { createServer } from 'node:net'
import { definePlugin, Type, type PluginContext, type RoutePlan } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fixtures } from './fixtures.ts'
import { createTestKernel, type TestKernel } from './kernel.ts'
import { sse } from './upstream.ts'
import { PLAIN_PATH, plainClient, wireDialect } from './wire-dialect.ts'

function plugin(activate: (ctx: PluginContext) => void | Promise<void>) {
  const options = Type.Object({}, { additionalProperties: false })
  return definePlugin({ name: 'probe', apiVersion: 1, description: 'A probe.', options, activate: activate as never })
}

const decided = (plan: RoutePlan): RoutePlan => ({
  ...plan,
  targets: [{ provider: 'test', model: 'model' }],
  decidedBy: 'probe',
})

async function answering(activate: (ctx: PluginContext) => void): Promise<TestKernel> {
  const route = plugin((ctx) => {
    ctx.on('selectRoute', decided)
    activate(ctx)
  })
  return createTestKernel({
    plugins: [plainClient(), wireDialect({ dialect: 'plain' }), route],
    providers: [{ dialect: 'plain' }],
    upstream: () => sse(fixtures.toSse(fixtures.answer())),
  })
}

describe('a test kernel', () => {
  it('offers services without a plugin, to the same instances over a change', async () => {
    const seen: unknown[] = []
    const asking = definePlugin({
      name: 'asking',
      apiVersion: 1,
      description: 'Asks.',
      options: Type.Object({}, { additionalProperties: false }),
      requires: ['tokens'],
      activate: (ctx) => void seen.push(ctx.get('tokens')),
    })
    const services = { tokens: { count: async () => 1 } as never }
    const kernel = await createTestKernel({ plugins: [asking], services })
    await kernel.reload([asking])
    expect(seen).toEqual([services.tokens])
    await kernel.dispose()
  })

  it('has a clock that stands still until it is advanced', async () => {
    const times: number[] = []
    const kernel = await answering((ctx) =>
      ctx.on('onRequest', (_, { startedAt }) => {
        times.push(startedAt)
        kernel.clock.advance(250)
      }),
    )
    const before = kernel.clock.now()
    for (let turn = 0; turn < 2; turn++) await kernel.request({ path: PLAIN_PATH, body: fixtures.chat() })
    expect(times).toEqual([before, before + 250])
    await kernel.dispose()
  })

  it('answers with the fixtures, streamed and whole', async () => {
    const kernel = await answering(() => undefined)
    const streamed = await kernel.request({ path: PLAIN_PATH, body: fixtures.toolUse() })
    expect(streamed.text).toContain('"stop_reason":"tool_use"')
    const whole = await kernel.request({ path: PLAIN_PATH, body: fixtures.chat({ stream: false }) })
    expect(whole.status).toBe(200)
    expect(kernel.warnings).toEqual([])
    await kernel.dispose()
  })
})

describe('its disposal', () => {
  it('is fine when everything was given back, and again', async () => {
    const kernel = await answering((ctx) => {
      const timer = setInterval(() => undefined, 1000)
      ctx.effect(() => clearInterval(timer))
    })
    await kernel.request({ path: PLAIN_PATH, body: fixtures.chat() })
    await kernel.dispose()
    await kernel.dispose()
  })

  const undo: (() => void)[] = []
  const LEFT: readonly (readonly [string, RegExp, (ctx: PluginContext) => void | Promise<void>])[] = [
    [
      'a timer',
      /left: a timer \(.*kernel\.test\.ts:\d+:\d+\)/,
      () => {
        const timer = setTimeout(() => undefined, 60_000).unref()
        undo.push(() => clearTimeout(timer))
      },
    ],
    [
      'a timer of an answer',
      /left: a timer/,
      (ctx) =>
        ctx.on('transformStream', () => {
          const timer = setInterval(() => undefined, 60_000)
          undo.push(() => clearInterval(timer))
        }),
    ],
    [
      'a server',
      /left: a server/,
      async () => {
        const server = createServer().listen(0, '127.0.0.1')
        await once(server, 'listening')
        undo.push(() => server.close())
      },
    ],
    [
      'a listener',
      /left: .*a listener of the process for 'SIGUSR2'/,
      () => {
        const listener = (): void => undefined
        process.on('SIGUSR2', listener)
        undo.push(() => process.off('SIGUSR2', listener))
      },
    ],
  ]
  it.each(LEFT)('fails when %s is left', async (_, message, acquire) => {
    const route = plugin(async (ctx) => {
      ctx.on('selectRoute', decided)
      await acquire(ctx)
    })
    const kernel = await createTestKernel({
      plugins: [plainClient(), wireDialect({ dialect: 'plain' }), route],
      providers: [{ dialect: 'plain' }],
      upstream: () => sse(fixtures.toSse(fixtures.answer())),
    })
    await kernel.request({ path: PLAIN_PATH, body: fixtures.chat() })
    await expect(kernel.dispose()).rejects.toThrow(message)
    for (const give of undo.splice(0)) give()
  })

  it('leaves what the test itself acquired alone', async () => {
    const timer = setInterval(() => undefined, 60_000)
    const kernel = await answering(() => undefined)
    const own = setInterval(() => undefined, 60_000)
    await kernel.dispose()
    clearInterval(timer)
    clearInterval(own)
  })
})
