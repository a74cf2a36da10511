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

const GLM = 'zai-glm-4.7'
const OSS = 'gpt-oss-120b'
const ON = { thinking: { type: 'adaptive' } } as const
const OFF = { thinking: { type: 'disabled' } } as const

let world: Patched | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

async function start(options: PatchedOptions = {}): Promise<Patched> {
  world = await startPatched([plugin], { model: GLM, ...options })
  return world
}

describe('rule 135: what is asked of reasoning', () => {
  it.each<readonly [string, string, Partial<CanonicalRequest>, string | undefined]>([
    ['nothing', GLM, {}, undefined],
    ['none', GLM, OFF, 'none'],
    ['none', OSS, OFF, 'low'],
    ['none', 'llama-3.3-70b', OFF, undefined],
    ['some', OSS, ON, undefined],
    ['low', OSS, { ...ON, output_config: { effort: 'low' } }, 'low'],
    ['medium', GLM, { ...ON, output_config: { effort: 'medium' } }, 'medium'],
    ['xhigh', OSS, { ...ON, output_config: { effort: 'xhigh' } }, 'high'],
    ['max', OSS, { ...ON, output_config: { effort: 'max' } }, 'high'],
    ['an unknown effort', OSS, { ...ON, output_config: { effort: 'toString' } }, undefined],
    ['a budget', OSS, { thinking: { type: 'enabled', budget_tokens: 4096 } }, 'medium'],
  ])('%s of %s', async (_, model, request, effort) => {
    const { ask } = await start({ model })
    await ask({ ...request, max_tokens: 9000 })
    expect(world!.last['reasoning_effort']).toBe(effort)
    expect(world!.last).not.toHaveProperty('disable_reasoning')
  })

  it('by a client of Chat Completions', async () => {
    const { complete } = await start()
    await complete({ reasoning_effort: 'none' })
    expect(world!.last).toMatchObject({ reasoning_effort: 'none' })
    await complete({ reasoning_effort: 'minimal', clear_thinking: false })
    expect(world!.last).toMatchObject({ reasoning_effort: 'low', clear_thinking: false })
  })

  it('is not asked again of a model that refuses it', async () => {
    const words = "reasoning_effort: property 'reasoning_effort' is unsupported"
    const { ask, asked } = await start({
      answer: (body) => ('reasoning_effort' in body ? refused(words) : answerOf(body, [])),
    })
    expect((await ask(OFF)).status).toBe(200)
    const tries = asked.length
    expect(tries).toBeLessThanOrEqual(3)
    expect((await ask(OFF)).status).toBe(200)
    expect(asked).toHaveLength(tries + 1)
  })
})

describe('the tokens of an answer', () => {
  it('stand in the field that is known there', async () => {
    const { ask, complete } = await start()
    await ask({ max_tokens: 77 })
    expect(world!.last).toMatchObject({ max_completion_tokens: 77 })
    expect(world!.last).not.toHaveProperty('max_tokens')
    await complete({ max_tokens: undefined, max_completion_tokens: 78 })
    expect(world!.last).toMatchObject({ max_completion_tokens: 78 })
  })

  it('stand in the older one for a server that refuses it', async () => {
    const words = "property 'max_completion_tokens' is unsupported"
    const { ask, asked } = await start({
      answer: (body) => ('max_completion_tokens' in body ? refused(words) : answerOf(body, [])),
    })
    expect((await ask({ max_tokens: 77 })).status).toBe(200)
    expect((await ask({ max_tokens: 77 })).status).toBe(200)
    expect(asked.map(({ body }) => body['max_tokens'])).toEqual([undefined, 77, 77])
  })

  it('are fewer for a server that gives no more', async () => {
    const words = 'max_completion_tokens must be less than or equal to 8192'
    const { ask, asked } = await start({
      answer: (body) => (body['max_completion_tokens'] !== 8192 ? refused(words) : answerOf(body, [])),
    })
    expect((await ask({ max_tokens: 64_000 })).status).toBe(200)
    expect(asked).toHaveLength(2)
  })
})

describe('the answer', () => {
  it.each([true, false])('has `reasoning` as thoughts, which go back in that field (streamed: %s)', async (stream) => {
    const { ask } = await start({
      answer: (body) => answerOf(body, [{ reasoning: 'deep' }, { content: 'text' }]),
    })
    const { message } = await ask({ ...ON, stream })
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'deep' },
      { type: 'text', text: 'text' },
    ])
    const { role, content } = message
    await ask({
      messages: [
        { role: 'user', content: 'q' },
        { role, content },
        { role: 'user', content: 'q' },
      ],
    })
    expect(world!.messages[1]).toEqual({ role: 'assistant', content: 'text', reasoning: 'deep' })
  })

  it('has both of two calls with one index', async () => {
    const call = (id: string): object => ({
      tool_calls: [{ index: 0, id, type: 'function', function: { name: 'look', arguments: '{}' } }],
    })
    const { ask } = await start({ answer: (body) => answerOf(body, [call('a'), call('b')], 'tool_calls') })
    const { message } = await ask({ stream: true, tools: [{ name: 'look' }] })
    expect(message.content).toMatchObject([
      { type: 'tool_use', id: 'a' },
      { type: 'tool_use', id: 'b' },
    ])
  })
})

it('thoughts of other vendors have the field that is known here', async () => {
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

it('leaves tools, images, and all else that it does not know, as they are', async () => {
  const { ask } = await start()
  const source = { type: 'base64', media_type: 'image/png', data: 'aGk=' }
  const content = [{ type: 'image', source }] as CanonicalRequest['messages'][number]['content']
  await ask({ messages: [{ role: 'user', content }], temperature: 0.5, tools: [{ name: 'look' }] })
  expect(world!.last).toMatchObject({
    temperature: 0.5,
    messages: [{ content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] }],
    tools: [{ type: 'function', function: { name: 'look' } }],
  })
})
