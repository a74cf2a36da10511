import extrathinktag from '@ccr/plugin-patch-extrathinktag'
import forcereasoning from '@ccr/plugin-patch-forcereasoning'
import { readReasoning, type ContentBlock } from '@ccr/sdk'
import type { TestEntry } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { chunk, completion, createTransformerWorld, FORMS, type TransformerWorld } from './answer-world.ts'

let world: TransformerWorld
afterEach(() => world?.dispose())

async function start(...entries: readonly TestEntry[]): Promise<TransformerWorld> {
  return (world = await createTransformerWorld(...entries))
}

const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const thinking = (value: string): object => ({
  type: 'thinking',
  thinking: value,
  signature: expect.stringMatching(/^~ccr-reasoning\.tagged\./) as string,
})
const call = { id: 'call_1', name: 'f', input: { a: '<think>x</think>' } }
const called = expect.objectContaining({ type: 'tool_use', name: 'f', input: call.input }) as object

describe.each([
  ['rule 171', forcereasoning, 'reasoning_content'],
  ['rule 172', extrathinktag, 'think'],
] as const)('%s, a tag', (_, plugin, tag) => {
  describe.each(FORMS)('of a %s target, streamed: %s', (target, stream) => {
    it('becomes thinking; what precedes it stays text, and usage and the stop reason stay', async () => {
      await start(plugin)
      const said = { text: `Hm. <${tag}>I think</${tag}>\n\nHi 🙂` }
      const { message } = await world.ask({ target, stream, said })
      expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: 7 } })
      expect(message!.content).toEqual([text('Hm. '), thinking('I think'), text('Hi 🙂')])
    })

    it('stands before a call, whose arguments are not looked at', async () => {
      await start(plugin)
      const { message } = await world.ask({ target, stream, said: { text: `<${tag}>I call</${tag}>`, call } })
      expect(message!.stop_reason).toBe('tool_use')
      expect(message!.content).toEqual([thinking('I call'), called])
    })

    it('that is not there leaves the answer as it is', async () => {
      await start(plugin)
      const plain = await world.ask({ target, stream, said: { text: 'a < b', call } })
      expect(plain.message!.content).toEqual([text('a < b'), called])
    })

    it('that an answer ends in ends the thinking', async () => {
      await start(plugin)
      const { message } = await world.ask({ target, stream, said: { text: `<${tag}>I thi`, cut: true } })
      expect(message).toMatchObject({ stop_reason: 'max_tokens', content: [thinking('I thi')] })
    })
  })

  it('is the same wherever the bytes are cut', async () => {
    await start(plugin)
    const chunks = [chunk({ content: ` <${tag}>ä</${tag}` }), chunk({ content: '>\nö' }, 'stop')]
    for (let at = 1; at < 400; at += 7)
      expect((await world.ask({ chunks, cuts: [at] })).content).toEqual([thinking('ä'), text('ö')])
  })

  it('rule 3, rule 116: the finish reason counts in a chunk of its own, with an empty delta', async () => {
    await start(plugin)
    const chunks = [chunk({ content: `<${tag}>a</${tag}>b` }), chunk({}, 'length')]
    const { message } = await world.ask({ chunks })
    expect(message).toMatchObject({ stop_reason: 'max_tokens', content: [thinking('a'), text('b')] })
  })
})

describe('rule 172, a closing tag alone', () => {
  const said = { text: 'I think</think>Hi' }

  it.each(FORMS)('ends the thinking of a %s target that began inside, streamed: %s', async (target, stream) => {
    await start(extrathinktag)
    expect((await world.ask({ target, stream, said })).content).toEqual([thinking('I think'), text('Hi')])
    await world.dispose()
    await start([extrathinktag, { startsInside: true }])
    expect((await world.ask({ target, stream, said })).content).toEqual([thinking('I think'), text('Hi')])
  })

  it('is looked for in the whole of an answer that is not streamed, and in the beginning of another', async () => {
    const long = 'x'.repeat(50)
    await start([extrathinktag, { lookAhead: 40 }])
    const streamed = await world.ask({ said: { text: `${long}</think>Hi` } })
    expect(streamed.content).toEqual([text(`${long}</think>Hi`)])
    const whole = await world.ask({ stream: false, said: { text: `${long}</think>Hi` } })
    expect(whole.content).toEqual([thinking(long), text('Hi')])
  })

  it('lets the thoughts of a model that begins inside stream', async () => {
    await start([extrathinktag, { startsInside: true }])
    const { events } = await world.ask({
      chunks: [chunk({ content: 'I' }), chunk({ content: ' think</think>' }, 'stop')],
    })
    const deltas = events.flatMap((event) => (event.type === 'content_block_delta' ? [event.delta] : []))
    expect(deltas.slice(0, 2)).toEqual([
      { type: 'thinking_delta', thinking: 'I' },
      { type: 'thinking_delta', thinking: ' think' },
    ])
  })
})

describe('thinking that is sent back', () => {
  const replayed = (signature: string) => ({
    messages: [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'I think', signature }, text('Hi')] },
      { role: 'user', content: 'more' },
    ],
  })
  const signatureOf = (content: readonly ContentBlock[] | undefined): string =>
    (content?.find(({ type }) => type === 'thinking') as { signature: string }).signature

  it('rule 171: stands in the tag for the provider that made it, and is left out for another', async () => {
    await start(forcereasoning)
    const said = { text: '<reasoning_content>I think</reasoning_content>Hi' }
    const signature = signatureOf((await world.ask({ said })).content)
    expect(readReasoning(signature)).toEqual({ family: 'tagged', payload: '{"provider":"openai"}' })
    const { sent } = await world.ask({ body: replayed(signature) })
    expect(sent.messages[1]).toEqual({
      role: 'assistant',
      content: '<reasoning_content>\nI think\n</reasoning_content>\nHi',
    })
    const foreign = await world.ask({ target: 'anthropic', body: replayed(signature) })
    expect(foreign.sent.messages[1]!.content).toEqual([text('Hi')])
  })

  it('rule 172: is left out, unless the config wants it', async () => {
    await start(extrathinktag)
    const signature = signatureOf((await world.ask({ said: { text: '<think>I think</think>Hi' } })).content)
    expect((await world.ask({ body: replayed(signature) })).sent.messages[1]).toEqual({
      role: 'assistant',
      content: 'Hi',
    })
    await world.dispose()
    await start([extrathinktag, { replay: true }])
    const { sent } = await world.ask({ body: replayed(signature) })
    expect(sent.messages[1]).toEqual({ role: 'assistant', content: '<think>\nI think\n</think>\nHi' })
  })
})

describe('rule 171, the request', () => {
  const instruction = expect.stringContaining('<reasoning_content>') as string
  const asked = text(instruction)
  const sentTo = async (body: object, target: 'anthropic' | 'openai' = 'anthropic') => {
    await start(forcereasoning)
    return (await world.ask({ target, body })).sent
  }

  it.each<readonly [string, unknown, readonly object[]]>([
    ['a text', 'q', [text('q'), asked]],
    ['a list', [text('a'), text('b')], [text('a'), text('b'), asked]],
    ['nothing', '', [asked]],
  ])('ends with the instruction behind %s', async (_, content, expected) => {
    expect((await sentTo({ messages: [{ role: 'user', content }] })).messages).toEqual([
      { role: 'user', content: expected },
    ])
  })

  it('ends with the instruction behind results of tools', async () => {
    const turns = [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r' }] },
    ]
    const { messages } = await sentTo({ messages: turns }, 'openai')
    expect(messages.slice(-2)).toEqual([
      { role: 'tool', tool_call_id: 't', content: 'r' },
      { role: 'user', content: instruction },
    ])
  })

  it('has no instruction where the client has begun the answer', async () => {
    const messages = [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'It is' },
    ]
    expect((await sentTo({ messages })).messages).toEqual(messages)
  })

  it('asks for no thinking of the target', async () => {
    const edits = [{ type: 'clear_thinking_20251015', keep: 'all' }, { type: 'clear_tool_uses_20250919' }]
    const body = { thinking: { type: 'enabled', budget_tokens: 2000 }, context_management: { edits } }
    expect(await sentTo(body)).toMatchObject({
      thinking: { type: 'disabled' },
      context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
    })
    await world.dispose()
    const only = { ...body, context_management: { edits: edits.slice(0, 1) } }
    expect(await sentTo(only)).not.toHaveProperty('context_management')
    await world.dispose()
    expect(await sentTo(body, 'openai')).not.toHaveProperty('reasoning_effort')
  })

  it('is the same in each turn up to the last one', async () => {
    const turn = (n: number) => [
      { role: 'user', content: `q${n}` },
      { role: 'assistant', content: `a${n}` },
    ]
    const last = { role: 'user', content: 'q' }
    const first = await sentTo({ messages: [...turn(1), last] }, 'openai')
    await world.dispose()
    const second = await sentTo({ messages: [...turn(1), ...turn(2), last] }, 'openai')
    expect(second.messages.slice(0, 2)).toEqual(first.messages.slice(0, 2))
  })
})

it('whole answers of Chat Completions lose their tags', async () => {
  await start(extrathinktag)
  const chunks = [completion({ content: '<think>a</think>b' }, 'stop')]
  expect((await world.ask({ stream: false, chunks })).content).toEqual([thinking('a'), text('b')])
})
