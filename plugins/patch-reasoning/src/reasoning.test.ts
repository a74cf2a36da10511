import { cut, json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { sendThrough, type Used } from '../../../test/rules/transformer-world.ts'
import { completion } from '../../../test/rules/upstream.ts'
import plugin from './index.ts'
import { withThinking } from './thinking.ts'

const FIELDS = ['thinking', 'enable_thinking', 'reasoning_effort'] as const
const OFF = { thinking: { type: 'disabled' }, enable_thinking: false }

/** What the body says of thinking. */
async function said(use: readonly Used[], request: object, more: object = {}): Promise<object> {
  const { body } = await sendThrough({ dialect: 'openai', use, request, ...more })
  return Object.fromEntries(FIELDS.filter((field) => field in body).map((field) => [field, body[field]]))
}

const budget = (budget_tokens: number): object => ({
  max_tokens: 32_000,
  thinking: { type: 'enabled', budget_tokens },
})
const effort = (effort?: string): object => ({ thinking: { type: 'adaptive' }, output_config: { effort } })

describe('reasoning', () => {
  it.each([
    ['nothing', {}],
    ['thinking', budget(4096)],
    ['an effort', effort('high')],
    ['none', { thinking: { type: 'disabled' } }],
  ])('rule 122: enable false turns thinking off for a client that asks for %s', async (_, request) => {
    expect(await said([[plugin, { enable: false }]], request)).toEqual(OFF)
  })

  it.each([
    ['disabled', { thinking: { type: 'disabled' } }],
    ['a budget of nothing', budget(0)],
  ])('rule 123: a client that says %s gets no thinking', async (_, request) => {
    expect(await said([plugin], request)).toEqual(OFF)
  })

  it.each([
    ['a budget', budget(4096), { type: 'enabled', budget_tokens: 4096 }],
    ['an effort', effort('max'), { type: 'enabled' }],
    ['thinking as it likes', effort(), { type: 'enabled' }],
  ])('rule 125: budget_tokens is that of a client that asks for %s, and else absent', async (_, request, thinking) => {
    // `reasoning_effort` is not among them.
    expect(await said([plugin], request)).toEqual({ thinking, enable_thinking: true })
    expect(await said([[plugin, { enable: true }]], request)).toEqual({ thinking, enable_thinking: true })
  })

  it('says nothing where the client does not', async () => {
    expect(await said([plugin], {})).toEqual({})
    expect(await said([plugin], { thinking: { type: 'between_tools' } })).toEqual({})
  })

  it.each([
    [{ reasoning_effort: 'low' }, { thinking: { type: 'enabled' }, enable_thinking: true }],
    [{ reasoning_effort: 'none' }, OFF],
    [{ thinking: { type: 'enabled', own: 1 } }, { thinking: { type: 'enabled', own: 1 } }],
  ])('does the same for a Chat Completions client that says %j', async (request, expected) => {
    expect(await said([plugin], request, { path: '/v1/chat/completions' })).toEqual(expected)
  })

  it('of the model comes behind that of the provider, and holds for it alone', async () => {
    const chains = { modelUse: [[plugin, { enable: false }]] }
    expect(await said([plugin], effort(), chains)).toEqual(OFF)
    expect(await said([plugin], { ...effort(), model: 'other' }, chains)).toMatchObject({ enable_thinking: true })
  })

  it('may stand twice in a list: the last one that says something counts', async () => {
    const off = [plugin, { enable: false }] as const
    expect(await said([plugin, off], effort())).toEqual(OFF)
    expect(await said([off, plugin], effort())).toMatchObject({ enable_thinking: true })
    expect(await said([off, plugin], {})).toEqual(OFF)
  })

  it.each(['anthropic', 'gemini', 'openai-responses'] as const)('lets a target of %s pass', async (dialect) => {
    const request = effort('high')
    const { body } = await sendThrough({ dialect, use: [[plugin, { enable: false }]], request })
    expect(body).toEqual((await sendThrough({ dialect, request })).body)
  })

  it('a request without what the dialect leaves with a body says nothing', () => {
    const given = [{ model: 'm' }, { ccr_request: null }, { ccr_request: [] }, { ccr_request: { thinking: null } }]
    for (const body of given) expect(withThinking(body, true)).toBe(body)
  })
})

describe('answers with reasoning', () => {
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const usage = { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 }
  const end = (finish: string): string =>
    `${chunk({}, finish)}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`
  const thoughts = chunk({ reasoning_content: 'Where – ' }) + chunk({ reasoning_content: 'there?' })
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }

  interface Event {
    readonly type: string
    readonly index?: number
    readonly content_block?: { readonly type: string }
    readonly delta?: Readonly<Record<string, unknown>>
    readonly usage?: object
  }

  async function ask(stream: string, ...cuts: readonly number[]) {
    const upstream: TestUpstream = () => sse(cut(stream, ...cuts))
    const tools = [{ name: 'f', input_schema: { type: 'object' } }]
    const request = { ...effort(), tools, stream: true }
    const { reply } = await sendThrough({ dialect: 'openai', use: [plugin], request, upstream })
    const events = [...reply.text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Event)
    const deltas = events.flatMap(({ type, delta }) => (type === 'content_block_delta' ? [delta!] : []))
    return {
      text: reply.text,
      blocks: events.flatMap(({ content_block: block }) => block?.type ?? []),
      said: (field: string) => deltas.map((delta) => delta[field] ?? '').join(''),
      isSigned: deltas.some(({ type }) => type === 'signature_delta'),
      last: events.find(({ type }) => type === 'message_delta'),
    }
  }

  it('rule 117: thinking comes before text, each as a block', async () => {
    const answer = await ask(thoughts + chunk({ content: 'Here.' }) + end('stop'))
    expect(answer.blocks).toEqual(['thinking', 'text'])
    expect([answer.said('thinking'), answer.said('text')]).toEqual(['Where – there?', 'Here.'])
    expect(answer.last).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 8 } })
  })

  it('rule 118: thinking before a call is signed; the reason and the usage are told', async () => {
    const answer = await ask(thoughts + chunk({ tool_calls: [call] }) + end('tool_calls'))
    expect(answer.blocks).toEqual(['thinking', 'tool_use'])
    expect(answer.isSigned).toBe(true)
    expect(answer.last).toMatchObject({ delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 8 } })
  })

  it('rule 124: the arguments of a call behind reasoning come exactly once, also in the same piece', async () => {
    for (const stream of [
      thoughts + chunk({ tool_calls: [call] }),
      thoughts + chunk({ reasoning_content: '!', tool_calls: [call] }),
    ]) {
      const answer = await ask(stream + end('tool_calls'))
      expect(answer.said('partial_json')).toBe('{"a":1}')
    }
  })

  it('is the same however its bytes are cut', async () => {
    const stream = thoughts + chunk({ tool_calls: [call] }) + end('tool_calls')
    const whole = await ask(stream)
    const bytes = Buffer.byteLength(stream)
    for (let at = 1; at < bytes; at += 13) expect((await ask(stream, at)).text).toBe(whole.text)
  })

  it('that are not streamed begin with it too, however the plugin is set', async () => {
    const whole = completion('Here.') as { choices: { message: object }[] }
    Object.assign(whole.choices[0]!.message, { reasoning_content: 'Where?' })
    for (const enable of [true, false]) {
      const use: readonly Used[] = [[plugin, { enable }]]
      const { reply } = await sendThrough({ dialect: 'openai', use, request: effort(), upstream: () => json(whole) })
      const content = [{ type: 'thinking', thinking: 'Where?' }, { text: 'Here.' }]
      expect(reply.json()).toMatchObject({ content })
    }
  })
})
