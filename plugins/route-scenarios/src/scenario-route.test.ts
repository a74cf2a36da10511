import type { Exchange, Provider, RouterConfig, ScenarioService } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { chooseScenario } from './choose.ts'
import { scenarioRoute } from './scenario-route.ts'

const providers: readonly Provider[] = [{ name: 'mock', models: ['m'], dialect: 'openai', local: false }]
const undecided = { targets: [], passedOver: [] }
const never = { exceeds: () => false } as never
const scenarios: ScenarioService = {
  choose: (request, exchange, routes, how) => chooseScenario({ request, exchange, routes, how }, never),
}

function route(router: RouterConfig, origins: ReadonlyMap<string, 'project' | 'session'>) {
  const request = { model: 'm', messages: [], max_tokens: 100 }
  const exchange = { request, client: { app: 'test' }, providers, headers: {} } as unknown as Exchange
  const projects = { routesFor: () => ({ router, origins, refused: [] }) }
  return scenarioRoute({ router: {}, scenarios, projects }, undecided, exchange)
}

describe('the rule of a project or a session', () => {
  it('is called theirs where it is taken', async () => {
    const plan = await route({ default: 'mock,m' }, new Map([['default', 'session']]))
    expect(plan?.rule).toBe('Router.default of the session')
  })

  it('is called theirs where it is passed over, and those of the config are not', async () => {
    const router = { longContext: 'mock,m', think: 'mock,m', webSearch: 'nobody,m' }
    const plan = await route(router, new Map([['think', 'project'] as const]))
    expect(plan?.passedOver).toEqual([
      { rule: 'Router.longContext', reason: 'it has no more than 60000 tokens' },
      { rule: 'Router.webSearch', reason: 'it offers no web search' },
      { rule: 'Router.think of the project', reason: 'it does not ask for thinking' },
    ])
  })
})
