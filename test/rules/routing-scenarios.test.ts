import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRoutingWorld, textOf, type RoutingWorld } from './routing-world.ts'

const HAIKU = 'claude-3-5-haiku-20241022'
const SEARCH = { type: 'web_search_20250305', name: 'web_search' }
const TAG = '<CCR-SUBAGENT-MODEL>Mock,m-bg</CCR-SUBAGENT-MODEL>'
const user = (content: unknown) => [{ role: 'user', content }]
const session = (id: string) => ({ metadata: { user_id: `user_0_account__session_${id}` } })
const tagged = (tag: string) => [
  { type: 'text', text: 'You are Claude Code.' },
  { type: 'text', text: `${tag}Do the work.` },
]

const ROUTES = {
  default: 'Mock,M-Default',
  background: 'Mock,m-bg',
  think: 'Mock,m-think',
  longContext: 'Mock,m-long',
  longContextThreshold: 1000,
  webSearch: 'Mock,m-web',
}

describe('a request goes by its scenario', () => {
  let world: RoutingWorld
  beforeAll(async () => {
    world = await createRoutingWorld({ Router: ROUTES })
  })
  afterAll(() => world.dispose())

  const vectors: readonly (readonly [string, object, string])[] = [
    ['model claude-sonnet-4, "hi"', {}, 'M-Default'],
    ['claude-3-5-haiku', { model: HAIKU }, 'm-bg'],
    ['anthropic/claude-3-haiku', { model: 'anthropic/claude-3-haiku' }, 'm-bg'],
    ['haiku', { model: 'haiku' }, 'M-Default'],
    ['CLAUDE-HAIKU', { model: 'CLAUDE-HAIKU' }, 'M-Default'],
    ['thinking {type:disabled}', { thinking: { type: 'disabled' } }, 'M-Default'],
    ['thinking enabled', { thinking: { type: 'enabled', budget_tokens: 2000 } }, 'm-think'],
    ['thinking adaptive', { thinking: { type: 'adaptive' } }, 'm-think'],
    ['thinking null', { thinking: null }, 'M-Default'],
    ['thinking + web_search_20250305', { thinking: { type: 'adaptive' }, tools: [SEARCH] }, 'm-web'],
    ['mock,m-default', { model: 'mock,m-default' }, 'M-Default'],
    ['Mock,M-Default', { model: 'Mock,M-Default' }, 'M-Default'],
    ['MOCK,m-default', { model: 'MOCK,m-default' }, 'M-Default'],
    ['Mock,zzz,yy', { model: 'Mock,zzz,yy' }, 'zzz,yy'],
    ['1100 tokens', { messages: user(textOf(1100)) }, 'm-long'],
    ['1100 tokens + Mock,m-bg', { model: 'Mock,m-bg', messages: user(textOf(1100)) }, 'm-bg'],
    ['900 tokens', { messages: user(textOf(900)) }, 'M-Default'],
    ['tag in system[1]', { system: tagged(TAG) }, 'm-bg'],
    ['tag + 1100 tokens', { system: tagged(TAG), messages: user(textOf(1100)) }, 'm-bg'],
    ['haiku with the end-of-text token', { model: HAIKU, messages: user('a <|endoftext|> b') }, 'm-bg'],
    [
      'haiku with a tool_result without content',
      { model: HAIKU, messages: user([{ type: 'tool_result', tool_use_id: 'toolu_1' }]) },
      'm-bg',
    ],
    ['a text block without text', { messages: user([{ type: 'text' }]) }, 'M-Default'],
    ['a check of the quota', { max_tokens: 1 }, 'm-bg'],
    ['a title', { output_config: { format: { type: 'json_schema', schema: { properties: { title: {} } } } } }, 'm-bg'],
  ]
  it.each(vectors)('%s', async (_, request, model) => {
    const routed = await world.ask(request)
    expect(routed.status).toBe(200)
    expect(routed.model).toBe(model)
    expect(JSON.stringify(routed.body)).not.toContain('CCR-SUBAGENT-MODEL')
  })

  it('says who decided, and by which rule', async () => {
    expect((await world.ask({})).route).toBe('default; by=route-scenarios; rule=Router.default')
    expect((await world.ask({ model: HAIKU })).route).toBe('background; by=route-scenarios; rule=Router.background')
    expect((await world.ask({ model: 'mock,m-bg' })).route).toBe('default; by=route-scenarios; rule=model')
  })

  it('notes in the log what was passed over, and why', async () => {
    await world.ask({})
    const { fields } = world.kernel.routing.findLast(({ event }) => event === 'route')!
    expect(fields).toMatchObject({ decidedBy: 'route-scenarios', rule: 'Router.default', scenario: 'default' })
    expect(fields['passedOver']).toEqual([
      { rule: 'model', reason: 'it names no provider' },
      { rule: 'Router.longContext', reason: 'it has no more than 1000 tokens' },
      { rule: 'Router.background', reason: 'it is no background work' },
      { rule: 'Router.webSearch', reason: 'it offers no web search' },
      { rule: 'Router.think', reason: 'it does not ask for thinking' },
    ])
  })

  it('takes an auxiliary request for background, but not its search', async () => {
    const headers = { 'x-claude-code-request-class': 'auxiliary' }
    expect((await world.ask({}, headers)).model).toBe('m-bg')
    expect((await world.ask({ tools: [SEARCH] }, headers)).model).toBe('m-web')
  })
})

describe('the size of the last turn', () => {
  const longAfter = async (stream: boolean, between?: object): Promise<(string | undefined)[]> => {
    const world = await createRoutingWorld({ Router: { ...ROUTES, longContextThreshold: 60_000 } })
    const turn = (tokens: number, more: object = {}, counted = 3) =>
      world.ask({ messages: user(textOf(tokens)), ...session('s-1'), ...more }, {}, counted)
    const models = [(await turn(25_000)).model, (await turn(25_000, { stream }, 70_000)).model]
    if (between) await world.ask({ ...session('s-1'), ...between })
    models.push((await turn(25_000)).model, (await turn(19_000, session('s-2'))).model)
    await world.dispose()
    return models
  }

  it.each([true, false])('counts for the next one of its session (streamed: %s)', async (stream) => {
    expect(await longAfter(stream)).toEqual(['M-Default', 'M-Default', 'm-long', 'M-Default'])
  })

  it('is not forgotten for what is asked beside the conversation', async () => {
    expect((await longAfter(true, { model: HAIKU, max_tokens: 1 }))[2]).toBe('m-long')
  })

  it('does not make a small turn long', async () => {
    const world = await createRoutingWorld({ Router: { ...ROUTES, longContextThreshold: 60_000 } })
    await world.ask({ ...session('s-1'), stream: true }, {}, 70_000)
    expect((await world.ask({ ...session('s-1'), messages: user(textOf(19_000)) })).model).toBe('M-Default')
    expect((await world.ask({ messages: user(textOf(61_000)) })).model).toBe('m-long')
    await world.dispose()
  })
})

describe('routes that cannot be taken', () => {
  it('names a provider that does not exist: it is passed over, visibly', async () => {
    const world = await createRoutingWorld({ Router: { ...ROUTES, think: 'gone,x', extendedContext: '' } })
    const { model, route } = await world.ask({ thinking: { type: 'adaptive' } })
    expect(model).toBe('M-Default')
    expect(route).toContain("unmatched=Router.think: there is no provider 'gone'")
    await world.dispose()
  })

  it('extendedContext goes by its own threshold, above longContext', async () => {
    const Router = { ...ROUTES, extendedContext: 'Mock,m-think', extendedContextThreshold: 3000 }
    const world = await createRoutingWorld({ Router })
    const sizes = [900, 2000, 4000]
    const models = []
    for (const size of sizes) models.push((await world.ask({ messages: user(textOf(size)) })).model)
    expect(models).toEqual(['M-Default', 'm-long', 'm-think'])
    await world.dispose()
  })

  it('more names of background models are patterns', async () => {
    const world = await createRoutingWorld({ Router: { ...ROUTES, backgroundModels: ['small-*', '*-MINI'] } })
    const models = []
    for (const model of ['small-one', 'gpt-5-mini', 'a-small-one']) models.push((await world.ask({ model })).model)
    expect(models).toEqual(['m-bg', 'm-bg', 'M-Default'])
    await world.dispose()
  })
})
