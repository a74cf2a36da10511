import type { CanonicalRequest } from '@ccr/sdk'
import { sse } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  answerOf,
  refused,
  startPatched,
  streamOf,
  type Patched,
  type PatchedOptions,
} from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'

const ON = { thinking: { type: 'adaptive' } } as const
const OFF = { thinking: { type: 'disabled' } } as const

let world: Patched | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

async function start({ options = {}, ...rest }: PatchedOptions & { readonly options?: object } = {}): Promise<Patched> {
  world = await startPatched([[plugin, options]], { model: 'openai/gpt-5.2', ...rest })
  return world
}

it('has two names', () => {
  expect(plugin.transformers).toEqual([{ name: 'openrouter', aliases: ['vercel'] }])
})

describe('rule 126: options', () => {
  it('are fields of the request, and the last word on them', async () => {
    const options = { provider: { only: ['a'] }, reasoning: { exclude: true }, max_tokens: 5 }
    const { ask } = await start({ options })
    await ask({ ...ON, max_tokens: 9 })
    expect(world!.last).toMatchObject(options)
    expect(world!.last['reasoning']).toEqual({ exclude: true })
    expect(world!.last).not.toHaveProperty('attribution')
  })

  it('name the app, and nobody else does', async () => {
    const { ask, asked, test } = await start({ options: { attribution: { url: 'https://app.example', title: 'App' } } })
    await ask()
    expect(asked[0]!.headers).toMatchObject({ 'http-referer': 'https://app.example', 'x-title': 'App' })
    expect(world!.last).not.toHaveProperty('attribution')
    await test.dispose()
    const other = await start()
    await other.ask()
    expect(other.asked[0]!.headers).not.toHaveProperty('http-referer')
    expect(other.asked[0]!.headers).not.toHaveProperty('x-title')
  })
})

describe('what is asked of reasoning', () => {
  it.each<readonly [string, Partial<CanonicalRequest>, object | undefined]>([
    ['nothing', {}, undefined],
    ['rule 123: none', OFF, { enabled: false }],
    ['rule 125: as much as the model likes', ON, { enabled: true }],
    ['rule 125: a budget', { thinking: { type: 'enabled', budget_tokens: 2000 } }, { max_tokens: 2000 }],
    ['a budget without room', { thinking: { type: 'enabled', budget_tokens: 9000 } }, { effort: 'high' }],
    ['xhigh effort', { ...ON, output_config: { effort: 'xhigh' } }, { effort: 'xhigh' }],
    ['max effort', { ...ON, output_config: { effort: 'max' } }, { effort: 'max' }],
    ['an unknown effort', { ...ON, output_config: { effort: 'toString' } }, { enabled: true }],
  ])('%s', async (_, request, reasoning) => {
    const { ask } = await start()
    await ask({ max_tokens: 9000, ...request })
    expect(world!.last['reasoning']).toEqual(reasoning)
    expect(world!.last).not.toHaveProperty('reasoning_effort')
    expect(world!.last).not.toHaveProperty('ccr_request')
  })

  it('by a client of Chat Completions', async () => {
    const { complete } = await start()
    await complete({ reasoning_effort: 'minimal' })
    expect(world!.last['reasoning']).toEqual({ effort: 'minimal' })
    await complete({ reasoning_effort: 'none' })
    expect(world!.last['reasoning']).toEqual({ enabled: false })
    await complete({ reasoning: { effort: 'low', exclude: true } })
    expect(world!.last['reasoning']).toEqual({ effort: 'low', exclude: true })
  })

  it('is not turned off again where it cannot be, but stays a matter of effort', async () => {
    const words = 'Reasoning is mandatory for this endpoint and cannot be disabled.'
    const isOff = (body: object): boolean => JSON.stringify(body).includes('"enabled":false')
    const { ask, asked } = await start({ answer: (body) => (isOff(body) ? refused(words) : answerOf(body, [])) })
    expect((await ask(OFF)).status).toBe(200)
    expect((await ask(OFF)).status).toBe(200)
    expect(asked.map(({ body }) => isOff(body))).toEqual([true, false, false])
    await ask({ ...ON, output_config: { effort: 'low' } })
    expect(world!.last['reasoning']).toEqual({ effort: 'low' })
  })
})

describe('rule 128: images', () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'aGk=' }
  it.each(['anthropic/claude-sonnet-4.5', 'openai/gpt-5.2'])('go to %s once prefixed', async (model) => {
    const { ask } = await start({ model })
    const content = [
      { type: 'text', text: 'look' },
      { type: 'image', source, cache_control: { type: 'ephemeral' } },
    ] as CanonicalRequest['messages'][number]['content']
    await ask({ messages: [{ role: 'user', content }] })
    expect(world!.messages[0]!['content']).toMatchObject([
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
    ])
    expect(JSON.stringify(world!.last)).not.toContain('media_type')
  })
})

describe('the answer', () => {
  it('rule 129: a length behind which usage comes is one', async () => {
    const counts = { prompt_tokens: 3, completion_tokens: 2 }
    const chunk = (delta: object, finish_reason: string | null, rest: object = {}): object => ({
      choices: [{ index: 0, delta, finish_reason }],
      ...rest,
    })
    const { ask } = await start({
      answer: () =>
        sse(
          streamOf([
            chunk({ content: 'a' }, null, { usage: counts }),
            chunk({}, 'length'),
            { choices: [], usage: { ...counts, completion_tokens: 7 } },
          ]),
        ),
    })
    const { message } = await ask({ stream: true })
    expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { input_tokens: 3, output_tokens: 7 } })
  })

  it.each([true, false])('rule 130: details of reasoning go back unchanged (streamed: %s)', async (stream) => {
    const details = [
      { type: 'reasoning.text', text: 'deep', signature: 'sig', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'opaque', id: 'r1', format: 'google-gemini-v1', index: 1 },
    ]
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }
    const { ask } = await start({
      model: 'anthropic/claude-opus-4.5',
      answer: (body) =>
        answerOf(body, [{ reasoning: 'deep', reasoning_details: details }, { tool_calls: [call] }], 'tool_calls'),
    })
    const { message } = await ask({ ...ON, stream, tools: [{ name: 'look' }] })
    const { role, content } = message
    const result = { type: 'tool_result', tool_use_id: 'c1', content: 'seen' }
    await ask({
      messages: [
        { role: 'user', content: 'q' },
        { role, content },
        { role: 'user', content: [result] },
      ],
    })
    expect(world!.messages[1]).toMatchObject({ reasoning_details: details, tool_calls: [{ id: 'c1' }] })
  })

  it.each(['first', 'after text'])('rule 131: a reported error is one error, %s', async (when) => {
    const failed = {
      error: { code: 502, message: 'Provider disconnected' },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    }
    const text = { choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }] }
    const { ask } = await start({ answer: () => sse(streamOf(when === 'first' ? [failed] : [text, failed])) })
    const { status, events, text: said } = await ask({ stream: true })
    expect(said).toContain('Provider disconnected')
    if (when === 'first') expect(status).toBe(502)
    else {
      expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
      expect(events.at(-1)?.type).toBe('error')
    }
  })

  it.each<readonly [unknown, unknown]>([
    ['0', '1'],
    [0, 1],
  ])('rule 132: calls with the ids %j and %j have other ones, the same in all deltas', async (first, second) => {
    const part = (index: number, id: unknown, args: string, name?: string): object => ({
      tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }],
    })
    const deltas = [part(0, first, '{"a"', 'f'), part(0, first, ':1}'), part(1, second, '{}', 'g')]
    const { ask } = await start({ answer: (body) => answerOf(body, deltas, 'tool_calls') })
    const { message } = await ask({ stream: true, tools: [{ name: 'f' }, { name: 'g' }] })
    expect(message.content).toMatchObject([
      { type: 'tool_use', name: 'f', input: { a: 1 } },
      { type: 'tool_use', name: 'g', input: {} },
    ])
    const ids = message.content.map((block) => (block as { id: string }).id)
    for (const id of ids) expect(id).toMatch(/^call_[A-Za-z0-9]+$/)
    expect(new Set(ids).size).toBe(2)
  })

  it('rule 132: of a whole answer too, and ids that are more than a number stay', async () => {
    const call = (index: number, id: unknown): object => ({ index, id, function: { name: 'f', arguments: '{}' } })
    const calls = [call(0, '7'), call(1, 'call_7'), null, call(2, '7')]
    const { ask } = await start({ answer: (body) => answerOf(body, [{ tool_calls: calls }], 'tool_calls') })
    const { message } = await ask({ tools: [{ name: 'f' }] })
    const ids = message.content.map((block) => (block as { id: string }).id)
    expect(ids[0]).toMatch(/^call_0+\d+$/)
    expect(ids[1]).toBe('call_7')
    expect(new Set(ids).size).toBe(3)
  })

  it.each([
    ['no choices', {}],
    ['choices that are none', { choices: 'x' }],
    ['a choice that is none', { choices: [null, 1] }],
    ['a delta that is none', { choices: [{ delta: 1 }] }],
    ['calls that are none', { choices: [{ delta: { tool_calls: 'x' } }] }],
  ])('may hold %s', async (_, chunk) => {
    const { ask } = await start({
      answer: () => sse(streamOf([chunk, { choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] }])),
    })
    const { text } = await ask({ stream: true })
    expect(text).not.toContain('TypeError')
    expect(text).toContain('message_stop')
  })
})
