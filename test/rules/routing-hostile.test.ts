import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import image from '../../plugins/route-image/src/index.ts'
import { createRoutingWorld, type RoutingWorld } from './routing-world.ts'

const TAG = '<CCR-SUBAGENT-MODEL>Mock,m-bg</CCR-SUBAGENT-MODEL>'
const IMAGE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
const Router = {
  default: 'Mock,M-Default',
  background: 'Mock,m-bg',
  think: 'Mock,m-think',
  longContext: 'Mock,m-long',
  webSearch: 'Mock,m-web',
  image: 'Mock,m-eye',
  enableFamilyRouting: true,
  families: { opus: { default: 'Mock,m-opus', image: 'Mock,m-eye' } },
  models: { mapped: 'Mock,m-web' },
  agents: { Explore: 'Mock,m-think' },
}

let world: RoutingWorld
const start = async (more: object = {}): Promise<void> => {
  world = await createRoutingWorld({ Router: { ...Router, ...more }, plugins: [image] })
}
afterEach(() => world.dispose())

/** What a well-formed request finds afterwards: a plugin that failed too often would not be asked any more. */
async function expectAllAtWork(): Promise<void> {
  const directed = await world.ask({ system: `${TAG}Do it.` })
  expect([directed.model, directed.body['system']]).toEqual(['m-bg', 'Do it.'])
  const seen = await world.ask({ messages: [{ role: 'user', content: [IMAGE] }] })
  expect([seen.status, seen.model]).toEqual([200, 'm-eye'])
}

/** Values where a message, its content or a block ought to be. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    null,
    3,
    'image',
    TAG,
    {},
    [],
    [null],
    { type: 'image' },
    { type: 'text' },
    { type: 'text', text: 4 },
  ),
)
const oddBlock = fc.oneof(
  odd,
  odd.map((content) => ({ type: 'tool_result', content })),
  fc.constant(IMAGE),
)
const oddMessage = fc.oneof(
  odd,
  fc
    .tuple(fc.constantFrom('user', 'assistant', 'system', null), fc.oneof(odd, fc.array(oddBlock, { maxLength: 3 })))
    .map(([role, content]) => ({ role, content })),
)

describe('a request that is not as it should be', () => {
  it.each([{}, { forceUseImageAgent: true }])('costs no plugin its work: %j', async (more) => {
    await start(more)
    const request = fc.record({
      model: fc.constantFrom('claude-opus-4', 'claude-3-5-haiku', 'mapped', 'mock,m-web', 'x'),
      messages: fc.array(oddMessage, { maxLength: 4 }),
      system: fc.oneof(odd, fc.array(odd, { maxLength: 2 })),
      tools: odd,
      thinking: odd,
      output_config: odd,
      metadata: odd,
    })
    await fc.assert(
      fc.asyncProperty(request, async (fields) => {
        const { status, reply } = await world.ask(fields)
        expect([200, 400], reply.text).toContain(status)
      }),
      { numRuns: 150 },
    )
    if (!('forceUseImageAgent' in more)) await expectAllAtWork()
    else expect((await world.ask({ messages: [{ role: 'user', content: [IMAGE] }] })).status).toBe(200)
  })
})

describe('names that every object has', () => {
  it.each(['constructor', 'toString', 'hasOwnProperty'])('%s is no class, agent, model or family', async (name) => {
    await start()
    const headers = {
      'x-claude-code-request-class': name,
      'x-claude-code-agent-id': 'a1',
      'x-claude-code-agent-type': name,
    }
    for (let count = 0; count < 6; count++) expect((await world.ask({}, headers)).model).toBe('M-Default')
    expect((await world.ask({ model: `claude-${name}-1` })).model).toBe('M-Default')
    await expectAllAtWork()
  })
})
