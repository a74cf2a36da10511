import type { Endpoint, Exchange, HookHandlers, PluginContext, Provider, RoutePlan } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listGoogle, type GoogleList } from './google.ts'
import plugin from './index.ts'
import { findModel, listModels, modelEntries, type ModelList } from './models.ts'

const provider = (name: string, ...models: string[]): Provider => ({ name, models, dialect: 'x', local: false })
const providers = [provider('near', 'tiny', 'vendor/large:free'), provider('far', 'tiny'), provider('none')]
const ids = ['near,tiny', 'near,vendor/large:free', 'far,tiny']

const endpoints: Endpoint[] = []
const routes: HookHandlers['selectRoute'][] = []
void plugin.activate({
  endpoint: (one: Endpoint) => void endpoints.push(one),
  on: (_: string, handler: HookHandlers['selectRoute']) => void routes.push(handler),
} as unknown as PluginContext)

function get(path: string, url: string, params = {}, headers = {}): { status: number; body: unknown } {
  const endpoint = endpoints.find((one) => one.path === path)
  if (!endpoint || !('respond' in endpoint)) throw new Error(`${path} is not answered`)
  const body = Buffer.alloc(0)
  return endpoint.respond({ method: 'GET', url, headers, params, body, providers }) as never
}

const list = (query: string): string[] => (get('/v1/models', `/v1/models${query}`).body as ModelList).data.map(idOf)
const idOf = ({ id }: { id: string }): string => id

describe('the list', () => {
  it('is asked for with GET and the client key', () => {
    expect(endpoints).toMatchObject([
      { method: 'GET', path: '/v1/models', access: 'data' },
      { method: 'GET', path: '/v1/models/*', access: 'data' },
      { method: 'GET', path: '/v1beta/models', access: 'data' },
      { method: 'GET', path: '/v1beta/models/*', access: 'data' },
    ])
  })

  it('has the fields of both vendors', () => {
    expect(get('/v1/models', '/v1/models')).toEqual({
      status: 200,
      body: {
        object: 'list',
        has_more: false,
        first_id: 'near,tiny',
        last_id: 'far,tiny',
        data: ids.map((id) => ({
          id,
          type: 'model',
          object: 'model',
          display_name: `${id.slice(id.indexOf(',') + 1)} (${id.slice(0, id.indexOf(','))})`,
          description: `Through ${id.slice(0, id.indexOf(','))}`,
          created_at: '1970-01-01T00:00:00Z',
          created: 0,
          owned_by: id.slice(0, id.indexOf(',')),
        })),
      },
    })
  })

  it('has the models of providers inside the router behind those of the config', () => {
    const inside = { ...provider('demo', 'demo'), local: true }
    const found = listModels([inside, ...providers], new URLSearchParams()).data.map(idOf)
    expect(found).toEqual([...ids, 'demo,demo'])
  })

  it('of no providers is empty', () => {
    expect(listModels([], new URLSearchParams())).toMatchObject({ data: [], first_id: null, last_id: null })
  })

  it.each([
    ['', ids],
    ['?limit=1000', ids],
    ['?limit=2', ids.slice(0, 2)],
    ['?after_id=near,tiny', ids.slice(1)],
    ['?after_id=near%2Ctiny&limit=1', ids.slice(1, 2)],
    ['?before_id=far,tiny', ids.slice(0, 2)],
    ['?before_id=far,tiny&limit=1', ids.slice(1, 2)],
    ['?after_id=near,tiny&before_id=far,tiny', ids.slice(1, 2)],
    ['?after_id=far,tiny', []],
    ['?after_id=&other=1', ids],
  ])('of %j is %j', (query, expected) => expect(list(query)).toEqual(expected))

  it.each(['?limit=0', '?limit=1001', '?limit=-1', '?limit=x', '?limit=1.5', '?limit=', '?after_id=x', '?before_id=x'])(
    'refuses %j',
    (query) => expect(() => list(query)).toThrow(expect.objectContaining({ code: 'CCR_REQUEST_INVALID' })),
  )

  it('between two ids begins behind the first of them', () => {
    const query = new URLSearchParams('after_id=p,a&before_id=p,d&limit=1')
    const page = listModels([provider('p', 'a', 'b', 'c', 'd')], query)
    expect(page).toMatchObject({ first_id: 'p,b', last_id: 'p,b', has_more: true })
  })

  it('has one model for each way to write its id, the exact one first', () => {
    const all = [provider('p', 'One', 'one')]
    const found = ['p,One', 'p,one', 'P,ONE', 'anthropic/p,one', 'ANTHROPIC/P,one'].map((id) => findModel(all, id))
    expect(found.map(({ display_name }) => display_name)).toEqual([
      'One (p)',
      'one (p)',
      'One (p)',
      'one (p)',
      'One (p)',
    ])
    const gone = { code: 'CCR_ROUTE_NONE', message: expect.stringContaining(`'${'x'.repeat(200)}'`) as string }
    expect(() => findModel(all, 'x'.repeat(300))).toThrow(expect.objectContaining(gone))
  })

  it('read page by page, whatever the limit, is the whole list in order, forwards and backwards', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/)
    const models = fc.uniqueArray(fc.string(), { maxLength: 6 })
    const some = fc.uniqueArray(fc.tuple(name, models), { selector: ([one]) => one })
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 7 }), fc.boolean(), (config, limit, forwards) => {
        const all = config.map(([one, models]) => provider(one, ...models))
        const whole = modelEntries(all)
        // Backwards begins before the last one, for want of a model behind it.
        const expected = forwards ? whole : whole.slice(0, -1)
        const read: unknown[] = []
        let cursor = forwards ? null : (whole.at(-1)?.id ?? null)
        for (let pages = 0; pages <= whole.length; pages++) {
          const query = new URLSearchParams({ limit: String(limit) })
          if (cursor !== null) query.set(forwards ? 'after_id' : 'before_id', cursor)
          const page = listModels(all, query)
          if (forwards) read.push(...page.data)
          else read.unshift(...page.data)
          cursor = forwards ? page.last_id : page.first_id
          if (!page.has_more) break
        }
        expect(read).toEqual(expected)
      }),
    )
  })
})

describe('for Claude Code', () => {
  const agent = (name: string): object => ({ 'user-agent': name })
  const idsFor = (headers: object): string[] =>
    (get('/v1/models', '/v1/models?limit=1000', {}, headers).body as ModelList).data.map(idOf)

  it.each([
    ['claude-code/2.1.330', true],
    ['claude-cli/2.1.330 (external, cli)', true],
    ['Anthropic/JS 1.12.0', false],
    ['curl/8 claude-code/1', false],
  ])('%s has ids that its list takes: %s', (name, taken) => {
    expect(idsFor(agent(name))).toEqual(taken ? ids.map((id) => `anthropic/${id}`) : ids)
  })

  it('an id that is taken anyhow stays as it is', () => {
    const named = [provider('Anthropic', 'opus'), provider('near', 'tiny'), provider('claude-proxy', 'x')]
    expect(modelEntries(named, 'discovery').map(idOf)).toEqual([
      'Anthropic,opus',
      'anthropic/near,tiny',
      'claude-proxy,x',
    ])
  })

  const undecided: RoutePlan = { targets: [], passedOver: [] }
  const decided = async (model: string, given: readonly Provider[]): Promise<RoutePlan | undefined> => {
    const exchange = { request: { model, messages: [] }, providers: given } as unknown as Exchange
    return (await routes[0]!(undecided, exchange)) ?? undefined
  }

  it.each([
    ['anthropic/near,tiny', { provider: 'near', model: 'tiny' }],
    ['Anthropic/NEAR,Vendor/Large:Free', { provider: 'near', model: 'vendor/large:free' }],
    ['anthropic/near,unlisted,x', { provider: 'near', model: 'unlisted,x' }],
  ])('a request for %s goes where that leads', async (model, target) => {
    expect(await decided(model, providers)).toMatchObject({
      targets: [target],
      decidedBy: 'surface-models',
      source: 'explicit',
    })
  })

  it.each(['near,tiny', 'anthropic/nobody,tiny', 'anthropic/claude-opus', 'claude-opus-5', 'anthropic/'])(
    'a request for %s is left to others',
    async (model) => expect(await decided(model, providers)).toBeUndefined(),
  )

  it('a provider whose name begins like such an id keeps its own', async () => {
    const given = [...providers, provider('anthropic/near', 'tiny')]
    expect(await decided('anthropic/near,tiny', given)).toBeUndefined()
  })

  it('every id of the list leads to its model', async () => {
    const name = fc.stringMatching(/^[A-Za-z/-]{1,8}$/)
    const models = fc.uniqueArray(fc.stringMatching(/^[a-z/:,.-]{0,8}[a-z]$/), { minLength: 1, maxLength: 4 })
    const some = fc.uniqueArray(fc.tuple(name, models), { maxLength: 4, selector: ([one]) => one.toLowerCase() })
    await fc.assert(
      fc.asyncProperty(some, async (config) => {
        const all = config.map(([one, list]) => provider(one, ...list))
        for (const [index, { id }] of modelEntries(all, 'discovery').entries()) {
          expect(id).toMatch(/^(?:claude|anthropic)/i)
          const plan = await decided(id, all)
          const plain = modelEntries(all)[index]!.id
          expect(plan === undefined ? id : plan.targets.map((to) => `${to.provider},${to.model}`)[0]).toBe(plain)
        }
      }),
    )
  })
})

describe('for clients of the Gemini API', () => {
  const page = (query: string, all = providers): GoogleList => listGoogle(all, new URLSearchParams(query))

  it.each([
    ['', ids, undefined],
    ['pageSize=0&pageToken=', ids, undefined],
    ['pageSize=2', ids.slice(0, 2), 'near,vendor/large:free'],
    ['pageSize=2&pageToken=near,vendor/large:free', ids.slice(2), undefined],
    ['pageToken=far,tiny', [], undefined],
    ['pageSize=5000', ids, undefined],
  ])('the page of %j is %j', (query, expected, token) => {
    const { models, nextPageToken } = page(query)
    expect(models.map(({ name }) => name)).toEqual(expected.map((id) => `models/${id}`))
    expect(nextPageToken).toBe(token)
  })

  it('a page has no more than 1,000 models, and there may be none', () => {
    const many = [provider('p', ...Array.from({ length: 1001 }, (_, at) => `m${at}`))]
    expect(page('pageSize=5000', many)).toMatchObject({ models: { length: 1000 }, nextPageToken: 'p,m999' })
    expect(page('', [])).toEqual({ models: [] })
  })

  it.each(['pageSize=-1', 'pageSize=x', 'pageSize=1.5', 'pageToken=x'])('%j is refused', (query) => {
    expect(() => page(query)).toThrow(expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }))
  })

  it.each([
    ['/v1beta/models', {}, true],
    ['/v1/models', { 'x-goog-api-client': 'google-genai-sdk/2.32.0' }, true],
    ['/v1/models', { 'x-goog-api-key': 'key' }, true],
    ['/v1/models', { 'x-api-key': 'key' }, false],
  ])('%s with %j is theirs: %s', (path, headers, theirs) => {
    expect('models' in (get(path, path, {}, headers).body as object)).toBe(theirs)
    expect('name' in (get(`${path}/*`, path, { '*': 'near,tiny' }, headers).body as object)).toBe(theirs)
  })
})

describe('one model', () => {
  it.each([
    ['anthropic/near,tiny', 'anthropic/near,tiny'],
    ['near,tiny', 'near,tiny'],
    ['near,vendor/large:free', 'near,vendor/large:free'],
    ['NEAR,Tiny', 'near,tiny'],
  ])('%s is %s', (asked, id) => {
    expect(get('/v1/models/*', '/', { '*': asked })).toMatchObject({ status: 200, body: { id, type: 'model' } })
  })

  it.each(['tiny', 'near', 'near,huge', '', 'x'.repeat(10_000)])('%j does not exist', (asked) => {
    expect(() => get('/v1/models/*', '/', { '*': asked })).toThrow(
      expect.objectContaining({ code: 'CCR_ROUTE_NONE', message: expect.stringMatching(/^.{1,300}$/) as string }),
    )
  })
})
