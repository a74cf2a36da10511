import { messageEvents, type CanonicalMessage } from '@ccr/sdk'
import type { ResponseInput, ResponseOutputItem } from 'openai/resources/responses/responses'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost, type Host } from '../test/host.ts'
import { KeptItems } from './kept-items.ts'

const answer: CanonicalMessage = {
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  model: 'asked',
  content: [
    { type: 'thinking', thinking: 'hm', signature: 'sig' },
    { type: 'text', text: 'hello' },
    { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Paris' } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 7 },
}

describe('references to the items of an answer', () => {
  let host: Host
  afterEach(() => host.close())

  async function answered(params: object, stream: boolean): Promise<readonly ResponseOutputItem[]> {
    host = await createHost({ local: () => messageEvents(answer) })
    const asked = { model: 'asked', input: 'q', ...params }
    const { output } = stream
      ? await host.sdk.responses.stream(asked).finalResponse()
      : await host.sdk.responses.create(asked)
    return output
  }

  /** The next turn as libraries send it that take answers for stored. */
  const followUp = (output: readonly ResponseOutputItem[]): ResponseInput => [
    { role: 'user', content: 'q' },
    ...output.map(({ id }) => ({ type: 'item_reference' as const, id: id! })),
    { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
  ]

  it.each([false, true])('stand for them, streamed: %s', async (stream) => {
    const output = await answered({}, stream)
    expect(output).toHaveLength(3)
    await host.sdk.responses.create({ model: 'asked', input: followUp(output) })
    expect(host.asked.at(-1)!.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'q' }] },
      { role: 'assistant', content: answer.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'rain' }] },
    ])
  })

  it('stand for them once, however often they come', async () => {
    const output = await answered({}, false)
    const [question, ...rest] = followUp(output)
    await host.sdk.responses.create({ model: 'asked', input: [question!, ...rest.slice(0, -1), ...rest] })
    expect(host.asked.at(-1)!.messages[1]).toEqual({ role: 'assistant', content: answer.content })
  })

  it('are a 400 where nothing was to be stored', async () => {
    const output = await answered({ store: false }, false)
    const refused = host.sdk.responses.create({ model: 'asked', input: followUp(output) })
    await expect(refused).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('/input/1 refers to an item that is kept no longer') as unknown,
    })
  })
})

describe('what is kept', () => {
  const item = (id: string, text: string) => ({ id, type: 'message', text })

  it('is bounded: what was longest not asked for goes first', () => {
    const items = new KeptItems()
    const long = 'x'.repeat(5 * 1024 * 1024)
    for (const id of ['a', 'b', 'c']) items.keep(item(id, long))
    expect(items.find('a')).toEqual(item('a', long))
    items.keep(item('d', long))
    expect(['a', 'b', 'c', 'd'].filter((id) => items.find(id))).toEqual(['a', 'c', 'd'])
  })

  it('leaves out an item without an id, to which nobody can refer', () => {
    const items = new KeptItems()
    items.keep({ type: 'other_call', text: 'of somebody' })
    expect(items.find('')).toBeUndefined()
  })

  it('leaves out an item that fills it alone, and forgets nothing for it', () => {
    const items = new KeptItems()
    items.keep(item('a', 'short'))
    items.keep(item('b', 'x'.repeat(17 * 1024 * 1024)))
    expect(items.find('a')).toEqual(item('a', 'short'))
    expect(items.find('b')).toBeUndefined()
  })

  it('is counted once for an id that comes again', () => {
    const items = new KeptItems()
    items.keep(item('a', 'other'))
    for (let index = 0; index < 10; index++) items.keep(item('b', 'x'.repeat(4 * 1024 * 1024)))
    expect(items.find('a')).toEqual(item('a', 'other'))
  })
})
