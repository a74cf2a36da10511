import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRoutingWorld, textOf, type RoutingWorld } from './routing-world.ts'

const user = (tokens: number) => ({ messages: [{ role: 'user', content: textOf(tokens) }] })
const THINKING = { thinking: { type: 'enabled', budget_tokens: 2000 } }
const SEARCH = { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }
const TITLE = { output_config: { format: { type: 'json_schema', schema: { properties: { title: {} } } } } }

const family = (name: string) => ({
  default: `Mock,${name}-default`,
  think: `Mock,${name}-think`,
  longContext: `Mock,${name}-long`,
  extendedContext: `Mock,${name}-extended`,
  webSearch: `Mock,${name}-web`,
  background: `Mock,${name}-background`,
})
const CLASSIC = {
  default: 'Mock,M-Default',
  think: 'Mock,m-think',
  background: 'Mock,m-bg',
  longContext: 'Mock,m-long',
  longContextThreshold: 1000,
  extendedContextThreshold: 3000,
}
const FAMILIES = {
  opus: family('opus'),
  sonnet: family('sonnet'),
  haiku: family('haiku'),
  fable: { default: 'mock,FABLE-DEFAULT' },
}
const MODELS = ['opus', 'sonnet', 'haiku', 'fable'].map((name) => `${name}-default`)

let world: RoutingWorld
let classic: RoutingWorld
beforeAll(async () => {
  const Router = { ...CLASSIC, enableFamilyRouting: true, families: FAMILIES }
  world = await createRoutingWorld({ Router, models: MODELS })
  classic = await createRoutingWorld({ Router: { ...Router, enableFamilyRouting: false }, models: MODELS })
})
afterAll(async () => {
  await world.dispose()
  await classic.dispose()
})

describe('item 1: each family by each scenario', () => {
  const scenarios: readonly (readonly [string, object, string, string])[] = [
    ['nothing else', {}, 'default', 'background'],
    ['thinking', THINKING, 'think', 'background'],
    ['more than the long threshold', user(1100), 'long', 'long'],
    ['more than the extended threshold', user(3100), 'extended', 'extended'],
    ['a web search', SEARCH, 'web', 'web'],
    ['a web search and thinking', { ...SEARCH, ...THINKING }, 'web', 'web'],
    ['a title', TITLE, 'background', 'background'],
    ['a title of a thinking model', { ...TITLE, ...THINKING }, 'think', 'background'],
  ]
  const rows = ['opus', 'sonnet', 'haiku'].flatMap((name) =>
    scenarios.map(([what, request, scenario, ofHaiku]) => {
      return [name, what, request, `${name}-${name === 'haiku' ? ofHaiku : scenario}`] as const
    }),
  )
  it.each(rows)('%s: %s', async (name, _, request, model) => {
    const routed = await world.ask({ model: `claude-${name}-4-1`, ...request })
    expect(routed.model).toBe(model)
    expect(routed.route).toContain(`; family=${name}; by=route-families; rule=Router.families.${name}.`)
  })
})

describe('items 2, 3 and 6: the family of a name', () => {
  it.each([
    ['claude-opus-4-1-20250805', 'opus-default'],
    ['claude-opus-5-5', 'opus-default'],
    ['claude-3-opus-20240229', 'opus-default'],
    ['claude-3-5-sonnet-20241022', 'sonnet-default'],
    ['claude-3-5-haiku-20241022', 'haiku-background'],
    ['anthropic/claude-sonnet-4', 'sonnet-default'],
    ['anthropic/claude-sonnet-4:beta', 'sonnet-default'],
    ['us.anthropic.claude-opus-4-1', 'opus-default'],
    ['ccr-sonnet', 'sonnet-default'],
    ['CCR-Sonnet', 'sonnet-default'],
    ['ccr-opus[1m]', 'opus-default'],
    ['ccr-opus[1m', 'opus-default'],
    ['claude-sonnet-4-5[1m]', 'sonnet-default'],
    ['opus', 'opus-default'],
    ['opusplan', 'opus-default'],
    ['claude-fable-5', 'fable-default'],
    ['claude-instant', 'M-Default'],
    ['claude-opusculum-1', 'M-Default'],
    ['gpt-5', 'M-Default'],
  ])('%s goes to %s', async (model, expected) => {
    expect((await world.ask({ model })).model).toBe(expected)
  })

  it('[1m] allows a size and says nothing of one: the request itself decides', async () => {
    const models = []
    for (const size of [500, 2000, 4000]) models.push((await world.ask({ model: 'ccr-opus[1m]', ...user(size) })).model)
    expect(models).toEqual(['opus-default', 'opus-long', 'opus-extended'])
  })
})

describe('items 4 and 5: what a family does not say', () => {
  it.each([
    ['claude-opus-4-1', {}, 'M-Default'],
    ['claude-opus-4-1', THINKING, 'm-think'],
    ['claude-3-5-haiku-20241022', {}, 'm-bg'],
    ['claude-opus-4-1', user(1100), 'm-long'],
  ])('with families off %s %j goes to %s', async (model, request, expected) => {
    expect((await classic.ask({ model, ...request })).model).toBe(expected)
  })

  it.each([THINKING, SEARCH, TITLE, user(1100), user(3100)])('is its default: %#', async (request) => {
    expect((await world.ask({ model: 'claude-fable-5', ...request })).model).toBe('fable-default')
  })

  it('is a threshold of Router, or its own', async () => {
    const own = { ...family('opus'), longContextThreshold: 2000 }
    const Router = { ...CLASSIC, enableFamilyRouting: true, families: { opus: own } }
    const other = await createRoutingWorld({ Router })
    const ask = async (size: number) => (await other.ask({ model: 'opus', ...user(size) })).model
    expect([await ask(1500), await ask(2500), await ask(3500)]).toEqual(['opus-default', 'opus-long', 'opus-extended'])
    await other.dispose()
  })

  it('is decided by the classic routes when it names no provider that exists', async () => {
    const Router = { ...CLASSIC, enableFamilyRouting: true, families: { opus: { default: 'gone,x' } } }
    const other = await createRoutingWorld({ Router })
    const { model, route } = await other.ask({ model: 'opus', ...THINKING })
    expect(model).toBe('m-think')
    expect(route).toContain("unmatched=Router.families.opus.default: there is no provider 'gone'")
    await other.dispose()
  })
})

describe('items 7 and 8', () => {
  it.each([
    ['Mock,opus-default', 'opus-default'],
    ['mOcK,OPUS-DEFAULT', 'opus-default'],
    ['mock,a,b/c:d', 'a,b/c:d'],
  ])('what a request names goes before its family: %s', async (model, expected) => {
    expect((await world.ask({ model, ...THINKING })).model).toBe(expected)
  })

  it('disabled thinking is none', async () => {
    expect((await world.ask({ model: 'opus', thinking: { type: 'disabled' } })).model).toBe('opus-default')
  })
})

describe('Router.models', () => {
  const table = {
    'claude-opus-4-1-20250805': 'Mock,exact',
    'claude-sonnet-4': 'Mock,bare',
    haiku: 'Mock,by-family',
    opus: 'Mock,other-opus',
    'gpt-5': 'Mock,short',
    'gpt-5-mini': 'Mock,long',
    broken: 'gone,x',
  }
  let mapped: RoutingWorld
  beforeAll(async () => {
    mapped = await createRoutingWorld({ Router: { ...CLASSIC, models: table } })
  })
  afterAll(() => mapped.dispose())

  it.each([
    ['claude-opus-4-1-20250805', 'exact'],
    ['anthropic/Claude-Sonnet-4:beta', 'bare'],
    ['claude-3-5-haiku-20241022', 'by-family'],
    ['claude-opus-5-5', 'other-opus'],
    ['openai/gpt-5-mini-2026', 'long'],
    ['gpt-5-nano', 'short'],
    ['mistral', 'M-Default'],
  ])('%s goes to %s', async (model, expected) => {
    expect((await mapped.ask({ model })).model).toBe(expected)
  })

  it('goes before size and thinking, and names its rule', async () => {
    const { model, route } = await mapped.ask({ model: 'gpt-5', ...THINKING, ...user(1100) })
    expect(model).toBe('short')
    expect(route).toBe('modelMapping; by=route-families; rule=Router.models.gpt-5')
  })

  it('names a provider that does not exist: the next rule decides, visibly', async () => {
    const { model, route } = await mapped.ask({ model: 'broken', ...THINKING })
    expect(model).toBe('m-think')
    expect(route).toContain("unmatched=Router.models.broken: there is no provider 'gone'")
  })
})
