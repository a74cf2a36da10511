import type { CanonicalRequest, JsonObject } from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import {
  answerOf,
  refused,
  startPatched,
  type Patched,
  type PatchedOptions,
} from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'
import { withPlainSchemas } from './schemas.ts'

const ON = { thinking: { type: 'adaptive' } } as const
const OFF = { thinking: { type: 'disabled' } } as const
const high = { ...ON, output_config: { effort: 'high' } } as const

let world: Patched | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

async function start(options: PatchedOptions = {}): Promise<Patched> {
  world = await startPatched([plugin], options)
  return world
}

describe('what is asked of reasoning', () => {
  it.each<readonly [string, string, Partial<CanonicalRequest>, string | undefined, string | undefined]>([
    ['nothing', 'qwen/qwen3-32b', {}, undefined, 'parsed'],
    ['none', 'qwen/qwen3-32b', OFF, 'none', 'parsed'],
    ['some', 'qwen/qwen3.6-27b', ON, undefined, 'parsed'],
    ['high', 'qwen/qwen3-32b', high, 'default', 'parsed'],
    ['nothing', 'openai/gpt-oss-120b', {}, undefined, undefined],
    ['none', 'openai/gpt-oss-120b', OFF, 'low', undefined],
    ['high', 'openai/gpt-oss-20b', high, 'high', undefined],
    ['max', 'openai/gpt-oss-20b', { ...ON, output_config: { effort: 'max' } }, 'high', undefined],
    ['a budget', 'openai/gpt-oss-20b', { thinking: { type: 'enabled', budget_tokens: 4096 } }, 'medium', undefined],
    ['high', 'qwen-qwq-32b', high, undefined, 'parsed'],
    ['none', 'deepseek-r1-distill-llama-70b', OFF, undefined, 'parsed'],
    ['nothing', 'llama-3.3-70b-versatile', {}, undefined, undefined],
    ['none', 'llama-3.3-70b-versatile', OFF, undefined, undefined],
    ['xhigh', 'some-model', { ...ON, output_config: { effort: 'xhigh' } }, 'high', undefined],
    ['an unknown effort', 'some-model', { ...ON, output_config: { effort: 'toString' } }, undefined, undefined],
  ])('%s of %s', async (_, model, request, effort, format) => {
    const { ask } = await start({ model })
    await ask({ ...request, max_tokens: 9000 })
    expect(world!.last['reasoning_effort']).toBe(effort)
    expect(world!.last['reasoning_format']).toBe(format)
  })

  it('by a client of Chat Completions, in words of its own', async () => {
    const { complete } = await start({ model: 'qwen/qwen3-32b' })
    await complete({ include_reasoning: false, reasoning_effort: 'none' })
    expect(world!.last).toMatchObject({ include_reasoning: false, reasoning_effort: 'none' })
    expect(world!.last).not.toHaveProperty('reasoning_format')
    await complete({ reasoning_format: 'hidden' })
    expect(world!.last).toMatchObject({ reasoning_format: 'hidden' })
  })

  it.each([
    ['reasoning_format', '`reasoning_format` is not supported with this model'],
    ['reasoning_effort', '`reasoning_effort` is not supported with this model'],
  ])('is not sent to a model again that refuses %s', async (field, words) => {
    const { ask, asked } = await start({
      model: 'qwen/qwen3-other',
      answer: (body) => (field in body ? refused(words) : answerOf(body, [])),
    })
    expect((await ask(OFF)).status).toBe(200)
    const tries = asked.length
    expect(tries).toBeLessThanOrEqual(3)
    expect((await ask(OFF)).status).toBe(200)
    expect(asked).toHaveLength(tries + 1)
    expect(world!.last).not.toHaveProperty(field)
  })
})

describe('rule 133: tools', () => {
  const schema = (inner: object): JsonObject => ({ type: 'object', properties: inner })
  const tool = { name: 'look', input_schema: { $schema: 'u', ...schema({ a: { $schema: 'u', type: 'string' } }) } }

  it('have no `$schema` at any level', async () => {
    const { ask } = await start()
    await ask({ tools: [tool, { name: 'search' }] })
    expect(world!.last['tools']).toMatchObject([
      { function: { name: 'look', parameters: schema({ a: { type: 'string' } }) } },
      { function: { name: 'search', parameters: schema({}) } },
    ])
    expect(JSON.stringify(world!.last)).not.toContain('$schema')
  })

  it.each<readonly [string, unknown, unknown]>([
    ['inside of lists', { anyOf: [{ $schema: 'u', a: 1 }, true] }, { anyOf: [{ a: 1 }, true] }],
    ['but for data', { enum: [{ $schema: 'u' }], default: { $schema: 'u' } }, undefined],
    ['but for a property of that name', { properties: { $schema: { type: 'string' } } }, undefined],
    ['where there is none', { properties: { a: { type: 'string' } } }, undefined],
    ['of what is no schema', 'text', undefined],
    ['of nothing', null, undefined],
  ])('lose it %s, and nothing else', (_, parameters, expected) => {
    const body = { tools: [{ type: 'function', function: { name: 'f', parameters } }] }
    const made = withPlainSchemas(body)
    if (expected === undefined) expect(made).toBe(body)
    else expect(made).toEqual({ tools: [{ type: 'function', function: { name: 'f', parameters: expected } }] })
  })

  it.each([[{}], [{ tools: [] }], [{ tools: [null, {}, { function: null }, { function: { name: 'f' } }] }]])(
    'may have any shape: %j',
    (body) => expect(withPlainSchemas(body)).toBe(body),
  )

  it.each([true, false])('have one id through all deltas (streamed: %s)', async (stream) => {
    const part = (rest: object): object => ({ tool_calls: [{ index: 0, ...rest }] })
    const deltas = [
      part({ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"a"' } }),
      part({ id: 'call_a', function: { arguments: ':"b"}' } }),
    ]
    const whole = [part({ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"a":"b"}' } })]
    const { ask } = await start({ answer: (body) => answerOf(body, stream ? deltas : whole, 'tool_calls') })
    const { message } = await ask({ tools: [tool], stream })
    expect(message.content).toEqual([{ type: 'tool_use', id: 'call_a', name: 'look', input: { a: 'b' } }])
  })
})

describe('rule 134: the answer', () => {
  it('counts what `x_groq` says, and has `reasoning` as thoughts', async () => {
    const usage = { prompt_tokens: 20, completion_tokens: 7 }
    const { ask } = await start({
      answer: (body) => answerOf(body, [{ reasoning: 'deep' }, { content: 'text' }], 'stop', { x_groq: { usage } }),
    })
    const { message } = await ask({ ...ON, stream: true })
    expect(message).toMatchObject({
      usage: { input_tokens: 20, output_tokens: 7 },
      content: [
        { type: 'thinking', thinking: 'deep', signature: expect.stringMatching(/./) as string },
        { type: 'text', text: 'text' },
      ],
    })
    await ask({ messages: [{ role: 'user', content: 'q' }, message, { role: 'user', content: 'q' }] })
    expect(world!.messages[1]).toEqual({ role: 'assistant', content: 'text', reasoning: 'deep' })
  })
})

it('thoughts of the history have the field that is known here', async () => {
  const { ask } = await start()
  const content = [
    { type: 'thinking', thinking: 'deep', signature: '' },
    { type: 'text', text: 'a' },
  ]
  const messages = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content },
    { role: 'user', content: 'q' },
  ]
  await ask({ messages: messages as CanonicalRequest['messages'] })
  expect(world!.messages[1]).toEqual({ role: 'assistant', content: 'a', reasoning: 'deep' })
})

it('leaves images, and all else that it does not know, as they are', async () => {
  const { ask } = await start()
  const source = { type: 'base64', media_type: 'image/png', data: 'aGk=' }
  const content = [{ type: 'image', source }] as CanonicalRequest['messages'][number]['content']
  await ask({ messages: [{ role: 'user', content }], temperature: 0.5 })
  expect(world!.last).toMatchObject({
    temperature: 0.5,
    messages: [{ content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] }],
  })
})
