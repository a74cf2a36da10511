import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import tokens from '../../plugins/tokens-standard/src/index.ts'
import { createRoutingWorld, textOf, type RoutingWorld } from './routing-world.ts'

const ROUTES = {
  default: 'Mock,M-Default',
  background: 'Mock,m-bg',
  think: 'Mock,m-think',
  longContext: 'Mock,m-long',
  longContextThreshold: 1000,
}
const user = (content: unknown): object[] => [{ role: 'user', content }]

/** Requests whose routes are not a matter of size, or far from the threshold. */
const DECIDED: readonly (readonly [string, object, string])[] = [
  ['a haiku model', { model: 'claude-3-5-haiku' }, 'm-bg'],
  ['thinking', { thinking: { type: 'enabled', budget_tokens: 2000 } }, 'm-think'],
  ['an explicit model', { model: 'mock,m-bg' }, 'm-bg'],
  ['anything else', {}, 'M-Default'],
  ['a long context', { system: textOf(3000) }, 'm-long'],
]

describe('with the tokens service', { timeout: 30_000 }, () => {
  let world: RoutingWorld
  beforeAll(async () => {
    world = await createRoutingWorld({ Router: ROUTES, plugins: [tokens] })
  })
  afterAll(() => world.dispose())

  it.each<[string, object, string]>([
    ['1001 tokens', { messages: user(' the'.repeat(1001)) }, 'm-long'],
    ['1000 tokens', { messages: user(' the'.repeat(1000)) }, 'M-Default'],
    ['5000 characters that are 300 tokens', { messages: user(' '.repeat(5000)) }, 'M-Default'],
    ['1000 ideographs', { messages: user('漢字。'.repeat(334)) }, 'm-long'],
  ])('%s are told from the threshold exactly', async (_, request, model) => {
    // On a machine that is busy the first decision does not wait for the count; a later one has it.
    await vi.waitFor(async () => expect((await world.ask(request)).model).toBe(model), { timeout: 20_000 })
  })

  const odd = fc.oneof(
    fc.constantFrom(
      { type: 'text', text: 'a <|endoftext|> b <|im_start|><|fim_prefix|>' },
      { type: 'text', text: '<|endofprompt|>' },
      { type: 'tool_result', tool_use_id: 'toolu_1' },
      { type: 'tool_result', tool_use_id: 'toolu_1', content: [] },
      { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text' }] },
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'redacted_thinking', data: '' },
      { type: 'document', source: { type: 'text', data: '' } },
      { type: 'server_tool_use', id: 's', name: 'n' },
      { type: 'container_upload', file_id: 'f' },
    ),
    fc.record({ type: fc.constantFrom('text', 'later', 'search_result'), extra: fc.jsonValue({ maxDepth: 2 }) }),
  )

  it('no special token, empty result or odd block changes a decided route', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...DECIDED),
        fc.array(odd, { maxLength: 6 }),
        async ([, request, model], blocks) => {
          const content = [{ type: 'text', text: 'hi' }, ...blocks]
          const routed = await world.ask({ ...request, messages: user(content) })
          expect([routed.status, routed.model]).toEqual([200, model])
        },
      ),
      { numRuns: 60 },
    )
    expect(world.kernel.warnings).toEqual([])
  })
})
