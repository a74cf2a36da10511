import { createTestKernel, type TestEntry } from '@ccr/sdk/testing'
import { definePlugin, Type, type PluginContext, type PluginDraft } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { echo, hello, plainDialect } from './support/plugins.ts'

declare module '@ccr/sdk' {
  interface Services {
    clock: { now(): number }
    alarm: { at(): number }
  }
  interface Contributions {
    colours: { readonly name: string }
  }
}

type Draft = Partial<Pick<PluginDraft<never, never>, 'provides' | 'requires' | 'contributes' | 'scope'>>

const Empty = Type.Object({}, { additionalProperties: false })

function plugin(name: string, draft: Draft, activate: (ctx: PluginContext) => void) {
  return definePlugin({
    name,
    apiVersion: 1,
    description: 'for a test',
    options: Empty,
    ...draft,
    activate: activate as never,
  })
}

const clock = (now: number) =>
  plugin('clock', { provides: ['clock'] }, (ctx) => ctx.provide('clock', { now: () => now }))
const colour = (name: string) =>
  plugin(name, { contributes: ['colours'] }, (ctx) => ctx.contribute('colours', { name }))

describe('a service', () => {
  it('that may be absent is used where it is provided, also once it is added later', async () => {
    const seen: (number | undefined)[] = []
    const reader = plugin('reader', { requires: ['clock?'] }, (ctx) => void seen.push(ctx.get('clock?')?.now()))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, reader] })
    await kernel.reload([plainDialect, echo, reader, clock(41)])
    await kernel.reload([plainDialect, echo, reader])
    expect(seen).toEqual([undefined, 41, undefined])
    await kernel.dispose()
  })

  it('is there before who requires it, wherever that stands in the config', async () => {
    const seen: number[] = []
    const reader = plugin('reader', { requires: ['alarm'] }, (ctx) => void seen.push(ctx.get('alarm').at()))
    const alarm = plugin('alarm', { requires: ['clock'], provides: ['alarm'] }, (ctx) => {
      const { now } = ctx.get('clock')
      ctx.provide('alarm', { at: () => now() + 1 })
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, reader, alarm, clock(41)] })
    expect(seen).toEqual([42])
    expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(200)
    await kernel.dispose()
  })

  it('takes those along that rest on it when it changes, and nobody else', async () => {
    const notes: string[] = []
    const reader = plugin(
      'reader',
      { requires: ['alarm'] },
      (ctx) => void notes.push(`reader ${ctx.get('alarm').at()}`),
    )
    const alarm = plugin('alarm', { requires: ['clock'], provides: ['alarm'] }, (ctx) => {
      const { now } = ctx.get('clock')
      notes.push('alarm')
      ctx.provide('alarm', { at: now })
    })
    const other = plugin('other', {}, () => void notes.push('other'))
    const first = clock(1)
    const kernel = await createTestKernel({ plugins: [plainDialect, first, alarm, reader, other] })
    await kernel.reload([plainDialect, first, alarm, reader, other])
    expect(notes.splice(0)).toEqual(['alarm', 'reader 1', 'other'])
    await kernel.reload([plainDialect, clock(2), alarm, reader, other])
    expect(notes).toEqual(['alarm', 'reader 2'])
    await kernel.dispose()
  })

  const quiet = (): void => undefined
  const faults: Readonly<Record<string, [readonly TestEntry[], RegExp]>> = {
    'is required and provided by nobody': [
      [plugin('lonely', { requires: ['clock'] }, quiet)],
      /plugin 'lonely' requires the service 'clock', which no plugin provides/,
    ],
    'was declared and not provided': [
      [plugin('lazy', { provides: ['clock'] }, quiet)],
      /plugin 'lazy' declares the service 'clock' and did not provide it/,
    ],
    'is provided without being declared': [
      [plugin('eager', {}, (ctx) => ctx.provide('clock', { now: () => 0 }))],
      /plugin 'eager' uses 'clock' without declaring it; add it to provides/,
    ],
    'is asked for without being declared': [
      [clock(1), plugin('nosy', {}, (ctx) => void ctx.get('clock'))],
      /plugin 'nosy' uses 'clock' without declaring it; add it to requires/,
    ],
    'is provided twice': [
      [clock(1), plugin('second', { provides: ['clock'] }, (ctx) => ctx.provide('clock', { now: () => 2 }))],
      /plugins 'clock' and 'second' both register service 'clock'; disable one of them/,
    ],
    'goes in a ring': [
      [
        plugin('a', { provides: ['clock'], requires: ['alarm'] }, quiet),
        plugin('b', { provides: ['alarm'], requires: ['clock'] }, quiet),
      ],
      /required services form a cycle: a -> b -> a/,
    ],
  }

  it.each(Object.entries(faults))('fails the change when it %s', async (_, [plugins, message]) => {
    const kernel = await createTestKernel({ plugins: [plainDialect, echo] })
    await expect(kernel.reload([plainDialect, echo, ...plugins])).rejects.toThrow(message)
    expect(kernel.kernel.current!.id).toBe(1)
    expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(200)
    await kernel.dispose()
  })
})

describe('contributions', () => {
  it('come in config order to who requires their point, and bring it along when they change', async () => {
    const seen: string[] = []
    const board = plugin('board', { requires: ['colours[]'] }, (ctx) => {
      seen.push(
        ctx
          .get('colours[]')
          .map(({ name }) => name)
          .join(' '),
      )
    })
    const [first, second] = [colour('first'), colour('second')]
    const kernel = await createTestKernel({ plugins: [board, second, first] })
    await kernel.reload([board, second, first])
    await kernel.reload([board, first, second])
    await kernel.reload([board, first])
    await kernel.reload([board])
    expect(seen).toEqual(['second first', 'first second', 'first', ''])
    await kernel.dispose()
  })

  it('are refused to a point that was not declared', async () => {
    const plugins = [plugin('sly', {}, (ctx) => ctx.contribute('colours', { name: 'sly' }))]
    await expect(createTestKernel({ plugins })).rejects.toThrow(/plugin 'sly' uses 'colours' without declaring it/)
  })
})

describe('a profile', () => {
  const route = (scenario: string) =>
    plugin('route', {}, (ctx) =>
      ctx.on('selectRoute', (plan) => {
        const targets = [{ provider: 'echo', model: 'echo' }]
        return { ...plan, targets, decidedBy: 'route', source: 'config', scenario }
      }),
    )

  it('has its own plugins, endpoints and routes, and shares those of scope host', async () => {
    const notes: string[] = []
    const counted = plugin('counted', { scope: 'host' }, (ctx) => {
      notes.push(`+host ${ctx.profile}`)
      ctx.on('onUsage', (_, { profile }) => void notes.push(`usage ${profile}`))
    })
    const own = plugin('own', {}, (ctx) => void notes.push(`+own ${ctx.profile}`))
    const shared = [plainDialect, echo, own]
    const kernel = await createTestKernel({
      plugins: [counted, route('base'), ...shared],
      profiles: { work: { plugins: [counted, route('work'), ...shared] } },
    })
    expect(notes.splice(0)).toEqual(['+host default', '+own default', '+own work'])
    const scenarios = []
    for (const profile of ['default', 'work']) {
      const reply = await kernel.request({ path: '/plain', body: hello, profile })
      scenarios.push(reply.headers['x-ccr-route'])
    }
    expect(scenarios).toEqual(['base; by=route', 'work; by=route'])
    expect(notes).toEqual(['usage default', 'usage work'])
    await kernel.dispose()
  })

  it('finds the services of the host, and keeps its own to itself', async () => {
    const seen: string[] = []
    const host = plugin('clock', { scope: 'host', provides: ['clock'] }, (ctx) =>
      ctx.provide('clock', { now: () => 7 }),
    )
    const alarm = (at: number) =>
      plugin('alarm', { provides: ['alarm'] }, (ctx) => ctx.provide('alarm', { at: () => at }))
    const reader = plugin('reader', { requires: ['clock', 'alarm'] }, (ctx) => {
      seen.push(`${ctx.profile} ${ctx.get('clock').now()} ${ctx.get('alarm').at()}`)
    })
    const kernel = await createTestKernel({
      plugins: [host, alarm(1), reader],
      profiles: { work: { plugins: [alarm(2), reader] } },
    })
    expect(seen).toEqual(['default 7 1', 'work 7 2'])
    await kernel.dispose()
  })
})

describe('135: two plugins that register the same', () => {
  const both: Readonly<Record<string, (ctx: PluginContext) => void>> = {
    "dialect 'twice'": (ctx) => ctx.dialect({ name: 'twice' }),
    'endpoint GET /twice': (ctx) =>
      ctx.endpoint({ method: 'GET', path: '/twice', access: 'public', respond: () => ({ status: 200 }) }),
    "provider 'twice'": (ctx) => ctx.contribute('providers', { name: 'twice', models: [], async *local() {} }),
    "service 'clock'": (ctx) => ctx.provide('clock', { now: () => 0 }),
  }

  it.each(Object.entries(both))('are refused with both names: %s', async (thing, activate) => {
    const make = (name: string) => plugin(name, { provides: [], contributes: ['providers'] }, activate)
    const serving = (name: string) => plugin(name, { provides: ['clock'] }, activate)
    const pair = thing.startsWith('service') ? [serving('first'), serving('second')] : [make('first'), make('second')]
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, pair[0]!] })
    await expect(kernel.reload([plainDialect, echo, ...pair])).rejects.toThrow(
      `plugins 'first' and 'second' both register ${thing}; disable one of them`,
    )
    expect((await kernel.request({ path: '/plain', body: hello })).status).toBe(200)
    await kernel.dispose()
  })

  it('handler of a hook run in config order, which is the same every time', async () => {
    const seen: string[] = []
    const noting = (name: string) => plugin(name, {}, (ctx) => ctx.on('onRequest', () => void seen.push(name)))
    const [first, second] = [noting('first'), noting('second')]
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, first, second] })
    await kernel.request({ path: '/plain', body: hello })
    await kernel.reload([plainDialect, echo, second, first])
    await kernel.request({ path: '/plain', body: hello })
    await kernel.reload([plainDialect, echo, first, second])
    await kernel.request({ path: '/plain', body: hello })
    expect(seen).toEqual(['first', 'second', 'second', 'first', 'first', 'second'])
    await kernel.dispose()
  })
})
