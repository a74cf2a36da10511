import type { Exchange, HookHandlers, PluginContext, Provider, RoutePlan, UsageRecord } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { readDefaultRoute } from './default-route.ts'
import plugin from './index.ts'
import { SessionSizes } from './sessions.ts'

const providers: readonly Provider[] = [
  { name: 'Mock', models: ['M-Default', 'org/model:free', 'a,b'], dialect: 'openai', local: false },
  { name: 'demo', models: ['demo'], dialect: 'canonical', local: true },
]
const undecided: RoutePlan = { targets: [], passedOver: [] }
const NO_PROVIDER = { rule: 'model', reason: 'it names no provider' }

describe('the explicit form', () => {
  it.each([
    ['mock,m-default', 'Mock', 'M-Default'],
    ['Mock,M-Default', 'Mock', 'M-Default'],
    ['MOCK,m-DEFAULT', 'Mock', 'M-Default'],
    ['Mock,zzz,yy', 'Mock', 'zzz,yy'],
    ['Mock,A,B', 'Mock', 'a,b'],
    ['mock,Org/Model:Free', 'Mock', 'org/model:free'],
    ['mock,Unlisted/Model:Tag', 'Mock', 'Unlisted/Model:Tag'],
    ['mock, m-default', 'Mock', 'M-Default'],
    ['DEMO,Demo', 'demo', 'demo'],
    ['Nobody,M-Default', 'Nobody', 'M-Default'],
    [',M-Default', '', 'M-Default'],
  ])('%s goes to provider %j and model %j', async (model, provider, expected) => {
    const target = { provider, model: expected }
    expect(await route(model)).toEqual({
      targets: [target],
      primary: target,
      decidedBy: 'route-scenarios',
      source: 'explicit',
      rule: 'model',
      scenario: 'default',
      passedOver: [],
    })
  })

  it('wins over the default route', async () => {
    expect((await route('demo,demo', 'Mock,M-Default'))?.primary).toEqual({ provider: 'demo', model: 'demo' })
  })

  it('leaves a name without a comma undecided', async () => {
    expect(await route('claude-opus-5-5')).toEqual({ ...undecided, passedOver: [NO_PROVIDER] })
  })

  it('leaves a decided plan alone', async () => {
    const decided: RoutePlan = { ...undecided, decidedBy: 'route-custom' }
    expect(await route('mock,m-default', 'Mock,M-Default', decided)).toBe(decided)
  })
})

describe('the default route', () => {
  it.each([
    ['Mock,M-Default', 'Mock', 'M-Default'],
    ['mock,m-default', 'Mock', 'M-Default'],
    ['Mock,x,y/z:1', 'Mock', 'x,y/z:1'],
    ['nobody,x', 'nobody', 'x'],
  ])('%s takes what nobody decided', async (text, provider, model) => {
    const target = { provider, model }
    expect(await route('claude-opus-5-5', text)).toEqual({
      targets: [target],
      primary: target,
      decidedBy: 'route-scenarios',
      source: 'config',
      rule: 'Router.default',
      scenario: 'default',
      passedOver: [NO_PROVIDER],
    })
  })

  it('keeps what earlier taps passed over', async () => {
    const passedOver = [{ target: { provider: 'Mock', model: 'x' }, reason: 'too small' }]
    expect((await route('m', 'Mock,M-Default', { ...undecided, passedOver }))?.passedOver).toEqual([
      ...passedOver,
      NO_PROVIDER,
    ])
  })

  it.each([undefined, '', '  '])('is absent for %j', (text) => {
    expect(readDefaultRoute(text)).toBeUndefined()
  })
})

type Tap = HookHandlers['selectRoute']

function activate(defaultRoute: string | undefined): readonly Tap[] {
  const taps: Tap[] = []
  const ctx = {
    config: defaultRoute === undefined ? {} : { Router: { default: defaultRoute } },
    get: () => undefined,
    provide: () => undefined,
    state: (_key: string, _version: number, init: () => unknown) => init(),
    on: (hook: string, tap: Tap) => void (hook === 'selectRoute' && taps.push(tap)),
  }
  // The plugin reads its config and registers taps; nothing else of the context is needed.
  void plugin.activate(ctx as unknown as PluginContext)
  return taps
}

async function route(model: string, defaultRoute?: string, plan: RoutePlan = undecided): Promise<RoutePlan> {
  // Of the exchange the taps read no more than this.
  const exchange = { request: { model, messages: [] }, client: {}, providers } as unknown as Exchange
  let current = plan
  for (const tap of activate(defaultRoute)) current = (await tap(current, exchange)) ?? current
  return current
}

describe('the sizes of sessions', () => {
  it('keep nothing of a model whose name is no name, so that clients cannot fill the memory', () => {
    const sizes = new SessionSizes()
    const client = { app: 'test', sessionId: 's-1' }
    const tokens = { input: 70_000, cacheRead: 0, cacheCreation: 0, output: 1, reasoning: 0 }
    for (const requestedModel of ['m'.repeat(256), 'm'.repeat(257)])
      sizes.record({ client, requestedModel, status: 'ok', tokens } as UsageRecord)
    expect([256, 257].map((length) => sizes.lastOf(client, 'm'.repeat(length)))).toEqual([70_000, 0])
  })

  it('are what was sent and cached, of the last turn that was answered, told apart by model and agent', () => {
    const sizes = new SessionSizes()
    const client = { app: 'test', sessionId: 's-1' }
    const tokens = { input: 100, cacheRead: 20, cacheCreation: 3, output: 9, reasoning: 7 }
    const turn = { client, requestedModel: 'm', status: 'ok', tokens } as UsageRecord
    sizes.record(turn)
    sizes.record({ ...turn, status: 'error', tokens: { ...tokens, input: 1 } })
    sizes.record({ ...turn, client: { ...client, requestClass: 'auxiliary' }, tokens: { ...tokens, input: 2 } })
    sizes.record({ ...turn, tokens: { ...tokens, input: 0, cacheRead: 0, cacheCreation: 0 } })
    sizes.record({ ...turn, client: { ...client, agentId: 'a' }, tokens: { ...tokens, input: 3 } })
    sizes.record({ ...turn, requestedModel: 'n', tokens: { ...tokens, input: 4 } })
    sizes.record({ ...turn, client: { app: 'test' }, tokens: { ...tokens, input: 5 } })
    const asked = [client, { ...client, agentId: 'a' }, { app: 'test' }, { ...client, sessionId: 's-2' }]
    expect(asked.map((one) => sizes.lastOf(one, 'm'))).toEqual([123, 26, 0, 0])
    expect(sizes.lastOf(client, 'n')).toBe(27)
  })

  it('are of the 1,000 sessions that were answered last', () => {
    const sizes = new SessionSizes()
    const tokens = { input: 7, cacheRead: 0, cacheCreation: 0, output: 1, reasoning: 0 }
    const answer = (id: number): void =>
      sizes.record({
        client: { app: 'test', sessionId: `s-${id}` },
        requestedModel: 'm',
        status: 'ok',
        tokens,
      } as UsageRecord)
    for (let id = 0; id < 1_000; id++) answer(id)
    answer(0)
    answer(1_000)
    const last = (id: number): number => sizes.lastOf({ app: 'test', sessionId: `s-${id}` }, 'm')
    expect([0, 1, 2, 999, 1_000].map(last)).toEqual([7, 0, 7, 7, 7])
  })
})
