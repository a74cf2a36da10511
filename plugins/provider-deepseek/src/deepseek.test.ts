import type { CanonicalRequest } from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import {
  answerOf,
  refused,
  startPatched,
  type Patched,
  type PatchedOptions,
} from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'

const V4 = 'deepseek-v4-pro'
const ON = { thinking: { type: 'adaptive' } } as const
const OFF = { thinking: { type: 'disabled' } } as const

let world: Patched | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

async function start(options: PatchedOptions & { readonly max_tokens?: number } = {}): Promise<Patched> {
  const { max_tokens, ...rest } = options
  world = await startPatched([[plugin, { ...(max_tokens !== undefined && { max_tokens }) }]], { model: V4, ...rest })
  return world
}

/** The body that goes out for a request to a model. */
async function sent(request: Partial<CanonicalRequest>, model = V4) {
  const { ask, test } = await start({ model })
  await ask(request)
  await test.dispose()
  return world!.last
}

const call = { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 1 } }
const result = { type: 'tool_result', tool_use_id: 'call_1', content: 'seen' }
const tools = [{ name: 'look', input_schema: { type: 'object', properties: { at: { type: 'number' } } } }]

/** A turn that called a tool, with or without thoughts before it. */
const history = (...thoughts: object[]): CanonicalRequest['messages'] =>
  [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [...thoughts, call] },
    { role: 'user', content: [result] },
  ] as CanonicalRequest['messages']

describe('what is asked of thinking', () => {
  it.each<readonly [string, Partial<CanonicalRequest>, object | undefined, string | undefined]>([
    ['nothing', {}, undefined, undefined],
    ['rule 123: none', OFF, { type: 'disabled' }, undefined],
    ['as much as the model likes', ON, { type: 'enabled' }, undefined],
    ['a small budget', { thinking: { type: 'enabled', budget_tokens: 1024 } }, { type: 'enabled' }, 'low'],
    ['a large budget', { thinking: { type: 'enabled', budget_tokens: 9000 } }, { type: 'enabled' }, 'high'],
    ['medium effort', { ...ON, output_config: { effort: 'medium' } }, { type: 'enabled' }, 'high'],
    ['xhigh effort', { ...ON, output_config: { effort: 'xhigh' } }, { type: 'enabled' }, 'high'],
    ['max effort', { ...ON, output_config: { effort: 'max' } }, { type: 'enabled' }, 'max'],
    ['an unknown effort', { ...ON, output_config: { effort: 'toString' } }, { type: 'enabled' }, undefined],
  ])('%s', async (_, request, thinking, effort) => {
    const body = await sent({ ...request, max_tokens: 20_000 })
    expect(body['thinking']).toEqual(thinking)
    expect(body['reasoning_effort']).toBe(effort)
    expect(body).not.toHaveProperty('ccr_request')
  })

  it('by a client of Chat Completions in the vendor’s own field stays as it is', async () => {
    const { complete } = await start()
    await complete({ thinking: { type: 'disabled' }, tool_choice: 'auto' })
    expect(world!.last['thinking']).toEqual({ type: 'disabled' })
    await complete({ reasoning_effort: 'none' })
    expect(world!.last).toMatchObject({ thinking: { type: 'disabled' } })
    expect(world!.last).not.toHaveProperty('reasoning_effort')
    await complete({ reasoning_effort: 'minimal' })
    expect(world!.last).toMatchObject({ thinking: { type: 'enabled' }, reasoning_effort: 'low' })
  })

  it('sends no sampling that thinking has no use for', async () => {
    expect(await sent({ ...ON, temperature: 0.3, top_p: 0.96 })).not.toHaveProperty('temperature')
    expect(await sent({ ...ON, temperature: 0.3, top_p: 0.96 })).toMatchObject({ top_p: 0.96 })
    expect(await sent({ ...OFF, temperature: 0.3 })).toMatchObject({ temperature: 0.3 })
    expect(await sent({ temperature: 0.3 }, 'some-model')).toMatchObject({ temperature: 0.3 })
  })

  it('gives way to a call that is forced, which the thinking mode does not know', async () => {
    const forced = { tools, tool_choice: { type: 'any' } } as const
    expect(await sent({ ...forced, ...ON })).toMatchObject({ thinking: { type: 'disabled' }, tool_choice: 'required' })
    expect(await sent({ tools, tool_choice: { type: 'tool', name: 'look' } })).toMatchObject({
      thinking: { type: 'disabled' },
    })
    expect(await sent({ tools, tool_choice: { type: 'auto' } })).not.toHaveProperty('thinking')
    expect(await sent(forced, 'some-model')).not.toHaveProperty('thinking')
  })

  it('is asked for no more of a target that refuses the field', async () => {
    const { ask, asked } = await start({
      model: 'other',
      answer: (body) =>
        'thinking' in body ? refused('Unrecognized request argument supplied: thinking') : answerOf(body, []),
    })
    expect((await ask(OFF)).status).toBe(200)
    expect((await ask(ON)).status).toBe(200)
    expect(asked.map(({ body }) => 'thinking' in body)).toEqual([true, false, false])
  })
})

describe('the history', () => {
  it('rule 119: thoughts go back with the calls behind them, in the field they came in alone', async () => {
    const { ask } = await start({
      answer: (body) => answerOf(body, [{ reasoning_content: 'deep' }, { content: 'a' }]),
    })
    const { message } = await ask({ ...ON, stream: true })
    await ask({ ...ON, messages: history(message.content[0]!) })
    const [, turn] = world!.messages
    expect(turn).toMatchObject({ role: 'assistant', reasoning_content: 'deep', tool_calls: [{ id: 'call_1' }] })
    expect(turn).not.toHaveProperty('thinking')
  })

  it.each<readonly [string, Partial<CanonicalRequest>, string, string | undefined]>([
    ['while thinking is on', ON, 'some-model', ' '],
    ['of a model that thinks unless told not to', {}, V4, ' '],
    ['of the model without a version', {}, 'deepseek-flash', ' '],
    ['of a model of which that is not known', {}, 'some-model', undefined],
    ['of one that does not think by itself', {}, 'deepseek-chat', undefined],
    ['while thinking is off', OFF, V4, undefined],
  ])('rule 120: calls without thoughts have blank ones, %s: %#', async (_, request, model, expected) => {
    const body = await sent({ ...request, messages: history() }, model)
    const messages = body['messages'] as readonly object[]
    expect(messages[1]).toMatchObject({ role: 'assistant', tool_calls: [{}] })
    expect((messages[1] as { reasoning_content?: unknown }).reasoning_content).toBe(expected)
    expect(messages[0]).not.toHaveProperty('reasoning_content')
  })

  it('rule 120: a turn without calls has none', async () => {
    const messages = [...history().slice(0, 1), { role: 'assistant', content: 'a' }, { role: 'user', content: 'q' }]
    const body = await sent({ ...ON, messages: messages as CanonicalRequest['messages'] })
    expect((body['messages'] as readonly object[])[1]).toEqual({ role: 'assistant', content: 'a' })
  })

  it('rule 120: a target that refuses the field is sent none', async () => {
    const has = (body: object): boolean => JSON.stringify(body).includes('reasoning_content')
    const { ask, asked } = await start({
      answer: (body) =>
        has(body) ? refused("property 'messages.1.assistant.reasoning_content' is unsupported") : answerOf(body, []),
    })
    expect((await ask({ messages: history() })).status).toBe(200)
    expect((await ask({ messages: history() })).status).toBe(200)
    expect(has(asked.at(-1)!.body)).toBe(false)
    expect(asked.length).toBeLessThanOrEqual(4)
  })

  it('rule 120: the complaint that thoughts are missing turns neither thinking nor thoughts off', async () => {
    const words = 'The `reasoning_content` in the thinking mode must be passed back to the API.'
    const { ask, asked } = await start({ answer: () => refused(words) })
    expect((await ask({ ...ON, messages: history() })).status).toBe(400)
    for (const { body } of asked) expect(body).toMatchObject({ thinking: { type: 'enabled' } })
    expect(world!.messages[1]).toHaveProperty('reasoning_content', ' ')
    expect(asked).toHaveLength(2)
  })

  it('is the same in every request, so that prompts stay cached', async () => {
    const { ask, asked } = await start()
    const messages = history()
    await ask({ ...ON, messages })
    await ask({ ...ON, messages: [...messages, { role: 'assistant', content: 'a' }, { role: 'user', content: 'q' }] })
    const [first, second] = asked.map(({ body }) => body['messages'] as readonly object[])
    expect(second!.slice(0, first!.length)).toEqual(first)
  })
})

describe('rule 121: the tokens of an answer', () => {
  it.each([
    ['deepseek-chat', undefined, 32_000, 8192],
    ['deepseek-coder', undefined, 32_000, 8192],
    ['deepseek-chat', undefined, 100, 100],
    ['deepseek-chat', 16_000, 32_000, 16_000],
    ['deepseek-v4-flash', undefined, 64_000, 64_000],
    ['deepseek-reasoner', undefined, 64_000, 64_000],
    ['any', undefined, 64_000, 64_000],
    ['any', 4096, 64_000, 4096],
  ])('%s, limited to %s: of %d are asked for %d', async (model, max_tokens, wanted, expected) => {
    const { ask, complete } = await start({ model, ...(max_tokens !== undefined && { max_tokens }) })
    await ask({ max_tokens: wanted })
    expect(world!.last['max_tokens']).toBe(expected)
    await complete({ max_tokens: undefined, max_completion_tokens: wanted })
    expect(world!.last['max_completion_tokens']).toBe(expected)
  })
})

describe('the answer', () => {
  it.each([true, false])('rule 117: thoughts, then text (streamed: %s)', async (stream) => {
    const { ask } = await start({
      answer: (body) => answerOf(body, [{ reasoning_content: 'deep' }, { content: 'text' }]),
    })
    const { message } = await ask({ ...ON, stream })
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'deep', signature: expect.stringMatching(/./) as string },
      { type: 'text', text: 'text' },
    ])
  })

  it.each([true, false])(
    'rule 118: thoughts, then a call: signed, counted, tool_use (streamed: %s)',
    async (stream) => {
      const calls = [{ index: 0, id: 'x', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }]
      const usage = { prompt_tokens: 10, prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 6, completion_tokens: 5 }
      const { ask } = await start({
        answer: (body) =>
          answerOf(body, [{ reasoning_content: 'deep' }, { tool_calls: calls }], 'tool_calls', { usage }),
      })
      const { message } = await ask({ ...ON, stream, tools })
      expect(message).toMatchObject({
        stop_reason: 'tool_use',
        usage: { input_tokens: 6, cache_read_input_tokens: 4, output_tokens: 5 },
        content: [
          { type: 'thinking', signature: expect.stringMatching(/./) as string },
          { type: 'tool_use', name: 'look', input: { at: 1 } },
        ],
      })
    },
  )
})

it('leaves images, and all else that it does not know, as they are', async () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'aGk=' }
  const content = [{ type: 'image', source }] as CanonicalRequest['messages'][number]['content']
  expect(await sent({ messages: [{ role: 'user', content }], stop_sequences: ['x'] })).toMatchObject({
    stop: ['x'],
    messages: [{ content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] }],
  })
})
