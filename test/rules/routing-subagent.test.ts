import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRoutingWorld, textOf, type RoutingWorld } from './routing-world.ts'

const tag = (model: string) => `<CCR-SUBAGENT-MODEL>${model}</CCR-SUBAGENT-MODEL>`
const block = (text: string) => ({ type: 'text', text })
const user = (...content: unknown[]) => ({ role: 'user', content })

const Router = {
  default: 'Mock,M-Default',
  think: 'Mock,m-think',
  longContext: 'Mock,m-long',
  longContextThreshold: 1000,
  enableFamilyRouting: true,
  families: { opus: { default: 'Mock,family' } },
}

let world: RoutingWorld
beforeAll(async () => {
  const requestClasses = { compaction: 'Mock,m-compact', auxiliary: 'gone,x' }
  const agents = { Explore: 'Mock,m-explore', 'code-reviewer': 'Mock,m-review', '*': 'Mock,m-agents' }
  world = await createRoutingWorld({ Router: { ...Router, agents, requestClasses } })
})
afterAll(() => world.dispose())

describe('the directive of a subagent', () => {
  it.each([
    ['the second block of the system prompt', { system: [block('You are'), block(`${tag('Mock,m-bg')}Do it.`)] }],
    ['the first block', { system: [block(`${tag('Mock,m-bg')}Do it.`)] }],
    ['a system prompt of one text', { system: `${tag('mock,M-BG')}Do it.` }],
    [
      'the first message, behind a reminder',
      { messages: [user(block('<system-reminder>x'), block(`\n${tag('Mock,m-bg')}\nDo it.`))] },
    ],
    ['a first message of one text', { messages: [{ role: 'user', content: `${tag(' Mock,m-bg ')}Do it.` }] }],
  ])('is found in %s, decides, and is taken out', async (_, request) => {
    const { model, route, body } = await world.ask({ ...request, model: 'opus', thinking: { type: 'adaptive' } })
    expect(model).toBe('m-bg')
    expect(route).toBe('default; by=route-subagent; rule=CCR-SUBAGENT-MODEL')
    expect(JSON.stringify(body)).not.toContain('CCR-SUBAGENT-MODEL')
    expect(JSON.stringify(body)).toContain('Do it.')
  })

  it('outranks size', async () => {
    const messages = [user(block(tag('Mock,m-bg')), block(textOf(1100)))]
    const { model, body } = await world.ask({ messages })
    expect(model).toBe('m-bg')
    expect(body['messages']).toEqual([user(block(textOf(1100)))])
  })

  it.each([
    ['what a request names', { model: 'Mock,m-web' }, 'm-web'],
    [
      'a directive in a later message',
      { messages: [user(block('hi')), { role: 'assistant', content: 'x' }, user(block(tag('Mock,m-bg')))] },
      'M-Default',
    ],
    ['a directive that is talked about', { messages: [user(block(`what is ${tag('Mock,m-bg')}?`))] }, 'M-Default'],
    ['a directive that does not end', { messages: [user(block('<CCR-SUBAGENT-MODEL>Mock,m-bg'))] }, 'M-Default'],
  ])('does not decide over %s', async (_, request, model) => {
    expect((await world.ask({ system: [block('a')], ...request })).model).toBe(model)
  })

  it('is taken out also where the request names its target', async () => {
    const { model, body } = await world.ask({ model: 'Mock,m-web', system: [block(`${tag('Mock,m-bg')}Do it.`)] })
    expect(model).toBe('m-web')
    expect(body['system']).toEqual([block('Do it.')])
  })

  it.each([
    ['gone,x', "there is no provider 'gone'"],
    ['haiku', "'haiku' is not provider,model"],
    ['', "'' is not provider,model"],
  ])('that names no target (%s) is passed over, visibly', async (name, reason) => {
    const { model, route, body } = await world.ask({ system: [block(`${tag(name)}Do it.`)] })
    expect(model).toBe('M-Default')
    expect(route).toContain(`unmatched=CCR-SUBAGENT-MODEL: ${reason}`)
    expect(body['system']).toEqual([block('Do it.')])
  })

  it('that names a model its provider does not list is followed, visibly', async () => {
    const { model, route } = await world.ask({ system: [block(`${tag('Mock,new')}Do it.`)] })
    expect(model).toBe('new')
    expect(route).toContain("provider 'Mock' lists no model 'new', which is asked for all the same")
  })

  it('leaves no message empty', async () => {
    const { status, body } = await world.ask({ messages: [user(block(tag('Mock,m-bg')))] })
    expect(status).toBe(200)
    expect(body['messages']).toEqual([user(block('.'))])
  })
})

describe('a subagent by what its client says', () => {
  const agent = { 'x-claude-code-agent-id': 'a1710009511cf968' }
  it.each([
    ['the id of an agent', agent, {}, 'm-agents', 'Router.agents.*'],
    [
      'the name of an agent',
      { ...agent, 'x-claude-code-agent-type': 'Explore' },
      {},
      'm-explore',
      'Router.agents.Explore',
    ],
    [
      'its name in another case',
      { ...agent, 'x-claude-code-agent-type': 'CODE-reviewer' },
      {},
      'm-review',
      'Router.agents.code-reviewer',
    ],
    ['another name', { ...agent, 'x-claude-code-agent-type': 'other' }, {}, 'm-agents', 'Router.agents.*'],
    ['the class subagent', { 'x-claude-code-request-class': 'subagent' }, {}, 'm-agents', 'Router.agents.*'],
    [
      'its first block',
      {},
      { system: [block('x-anthropic-billing-header: cc_is_subagent=true;')] },
      'm-agents',
      'Router.agents.*',
    ],
    [
      'another class',
      { 'x-claude-code-request-class': 'compaction' },
      {},
      'm-compact',
      'Router.requestClasses.compaction',
    ],
  ])('%s', async (_, headers, request, model, rule) => {
    const routed = await world.ask({ model: 'opus', ...request }, headers)
    expect(routed.model).toBe(model)
    expect(routed.route).toBe(`default; by=route-subagent; rule=${rule}`)
  })

  it('a directive goes before the name of the agent', async () => {
    const routed = await world.ask(
      { system: `${tag('Mock,m-bg')}Do it.` },
      { ...agent, 'x-claude-code-agent-type': 'Explore' },
    )
    expect(routed.model).toBe('m-bg')
  })

  it('a class that leads nowhere is passed over, visibly', async () => {
    const { model, route } = await world.ask({ model: 'opus' }, { 'x-claude-code-request-class': 'auxiliary' })
    expect(model).toBe('family')
    expect(route).toContain("unmatched=Router.requestClasses.auxiliary: there is no provider 'gone'")
  })

  it('the main conversation goes its own way', async () => {
    expect((await world.ask({ model: 'opus' }, { 'x-claude-code-request-class': 'main' })).model).toBe('family')
  })
})
