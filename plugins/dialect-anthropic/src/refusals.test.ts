import type { CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import type { TestAnswer } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { createWorld, refused, said, type World } from '../test/world.ts'

const LOOP =
  'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is ' +
  'enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` ' +
  'and `tool_result` blocks). To avoid this requirement, disable `thinking`.'
const SIGNATURE = 'messages.1.content.0: Invalid `signature` in `thinking` block'
const PASSED_BACK = 'The `content[].thinking` in the thinking mode must be passed back to the API.'

const call: ContentBlock = { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }
const result: ContentBlock = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }
const theirs: ContentBlock = { type: 'thinking', thinking: 'hm', signature: 'of-another-vendor' }
const thinking = { type: 'enabled', budget_tokens: 1024 } as const
const clear = { type: 'clear_thinking_20251015', keep: 'all' }

const loop = (...turn: ContentBlock[]): readonly Message[] => [
  { role: 'user', content: 'q' },
  { role: 'assistant', content: turn },
  { role: 'user', content: [result] },
]
const request = (messages = loop(call), more: object = {}): object => ({
  ...{ model: 'm', max_tokens: 2000, thinking, messages, context_management: { edits: [clear] }, later: 1 },
  ...more,
})

/** Refuses as the Messages API does: a loop without thinking, and thinking that it has not signed. */
function strict({ thinking: mode, messages }: CanonicalRequest): TestAnswer {
  const [first] = messages[1]!.content as readonly ContentBlock[]
  if (first?.type === 'thinking') return refused(SIGNATURE)
  return mode?.type === 'enabled' ? refused(LOOP) : said('ok')
}

let world: World | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

describe('a tool loop that another model began', () => {
  it('is asked once more without thinking and without what needs it, and only then', async () => {
    world = await createWorld(strict)
    for (let turn = 0; turn < 2; turn++) {
      const reply = await world.test.request({ body: request() })
      expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('"ok"')])
    }
    expect(world.sent.map(({ thinking: mode }) => mode?.type)).toEqual(['enabled', undefined, 'enabled', undefined])
    const { thinking: _off, context_management: _edits, ...rest } = world.sent[0]!
    expect(world.sent[1]).toEqual({ ...rest, stream: false })
  })

  it('loses the thinking that its server has not signed', async () => {
    world = await createWorld(strict)
    expect((await world.test.request({ body: request(loop(theirs, call)) })).status).toBe(200)
    expect(world.sent).toHaveLength(2)
    expect(world.sent[1]).not.toHaveProperty('thinking')
    expect(world.sent[1]!.messages).toEqual(loop(call))
  })

  it('keeps thinking on where the thinking that is refused stood before the loop', async () => {
    world = await createWorld((body) => (JSON.stringify(body).includes('"hm"') ? refused(SIGNATURE) : said('ok')))
    const messages: Message[] = [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: [theirs, { type: 'text', text: 'a' }] },
      { role: 'user', content: 'q' },
    ]
    expect((await world.test.request({ body: request(messages) })).status).toBe(200)
    expect(world.sent[1]).toMatchObject({ thinking, context_management: { edits: [clear] } })
  })

  it('gives each call an id of its own where a server repeated one', async () => {
    const repeated = [...loop(call), ...loop(call).slice(1)]
    const idsOf = (messages: readonly Message[]): string[] =>
      [...JSON.stringify(messages).matchAll(/"(?:tool_use_)?id":"(\w+)"/g)].map(([, id]) => id!)
    world = await createWorld(({ messages }) =>
      new Set(idsOf(messages)).size === 1 ? refused('messages.3.content.0: `tool_use` ids must be unique') : said('ok'),
    )
    expect((await world.test.request({ body: request(repeated) })).status).toBe(200)
    expect(idsOf(world.sent[1]!.messages)).toEqual(['toolu_1', 'toolu_1', 'toolu_1_2', 'toolu_1_2'])
  })

  it('is told not to think where a server thinks of its own accord', async () => {
    world = await createWorld(({ thinking: mode }) => (mode?.type === 'disabled' ? said('ok') : refused(PASSED_BACK)))
    expect((await world.test.request({ body: request(loop(call), { thinking: undefined }) })).status).toBe(200)
    expect(world.sent).toHaveLength(2)
  })

  it('is tried at another provider as the client wrote it', async () => {
    world = await createWorld(() => refused(LOOP), ['one', 'two'])
    const reply = await world.test.request({ body: request() })
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining('must start with a thinking block')])
    expect(world.sent.map(({ thinking: mode }) => mode?.type)).toEqual(['enabled', undefined, 'enabled', undefined])
  })

  it.each([
    ['quoted', '{"message":"0.type: Expected `thinking` or \\n`redacted_thinking`, but found `tool_use`."}'],
    ['in front of text', LOOP.replace('found `tool_use`', 'found `text`')],
    ['without its quotes', LOOP.replaceAll('`', '')],
  ])('is known by the words of the refusal: %s', async (_, message) => {
    world = await createWorld(({ thinking: mode }) => (mode ? refused(message, 500) : said('ok')))
    expect((await world.test.request({ body: request() })).status).toBe(200)
  })

  it('is not what another complaint means', async () => {
    world = await createWorld(() => refused('`max_tokens` must be greater than `thinking.budget_tokens`'))
    expect((await world.test.request({ body: request() })).status).toBe(400)
    expect(world.sent).toHaveLength(1)
  })
})
