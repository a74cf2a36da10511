import type { Exchange, RouterConfig, RoutePlan } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { subagentRoute } from './subagent-route.ts'

const providers = [{ name: 'Mock', models: ['one', 'two'], dialect: 'openai', local: false }]
const undecided: RoutePlan = { targets: [], passedOver: [] }

function exchangeOf(client: Exchange['client'], headers: Exchange['headers'] = {}): Exchange {
  const request = { model: 'asked', messages: [] }
  return { request, client, headers, providers, locals: {}, mayHold: () => false } as unknown as Exchange
}

describe('a subagent route', () => {
  const router: RouterConfig = {
    agents: { Explore: 'Mock,one', '*': 'Mock,two' },
    requestClasses: { main: 'Mock,two' },
  }
  const origins = new Map([['agents.Explore', 'project'] as const, ['requestClasses.main', 'session'] as const])

  it.each([
    ['Router.agents.Explore of the project', { agentId: 'a' }, { 'x-claude-code-agent-type': 'explore' }, 'one'],
    ['Router.agents.*', { agentId: 'a' }, { 'x-claude-code-agent-type': 'other' }, 'two'],
    ['Router.requestClasses.main of the session', { requestClass: 'main' }, {}, 'two'],
  ])('is told of as %s', (rule, client, headers, model) => {
    const exchange = exchangeOf({ app: 'test', ...client }, headers)
    const plan = subagentRoute({ router, origins }, undecided, exchange)
    expect(plan).toMatchObject({ rule, source: 'subagent', targets: [{ provider: 'Mock', model }] })
  })

  it('is none where an editor left an empty text behind', () => {
    const empty = { agents: { Explore: '', '*': ' ' }, requestClasses: { main: '' } }
    const exchange = exchangeOf(
      { app: 'test', agentId: 'a', requestClass: 'main' },
      { 'x-claude-code-agent-type': 'Explore' },
    )
    const plan = subagentRoute({ router: empty }, undecided, exchange)
    expect([plan?.decidedBy, plan?.passedOver.some(({ unmatched }) => unmatched)]).toEqual([undefined, false])
  })

  it('is told of without an origin where the config itself says it', () => {
    const exchange = exchangeOf({ app: 'test', agentId: 'a' }, { 'x-claude-code-agent-type': 'Explore' })
    expect(subagentRoute({ router }, undecided, exchange)).toMatchObject({ rule: 'Router.agents.Explore' })
  })

  it.each(['Mock,one\u001b[2J', 'Mo\nck,one', 'Mock,\u009b2J'])(
    'is none by a directive that no client could ask for as a model: %j',
    (model) => {
      const system = `<CCR-SUBAGENT-MODEL>${model}</CCR-SUBAGENT-MODEL>Do it.`
      const exchange = exchangeOf({ app: 'test' })
      const plan = subagentRoute({ router }, { ...undecided, request: { ...exchange.request, system } }, exchange)
      expect(plan?.decidedBy).toBeUndefined()
      expect(plan?.passedOver[0]).toMatchObject({ reason: 'it holds control characters', unmatched: true })
    },
  )
})
