import anthropic from '@ccr/plugin-dialect-anthropic'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { createTestKernel, json, sse, type TestKernel, type TestReply } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { routeByHeader } from './route-by-header.ts'

const NO = 'I cannot help with that.'

const CHAT = { id: 'c', created: 1, model: 'm' }
const chatAnswer = {
  ...CHAT,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: null, refusal: NO }, finish_reason: 'stop' }],
}
const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ ...CHAT, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
const chatStream =
  chunk({ role: 'assistant', content: '', refusal: null }) +
  chunk({ refusal: 'I cannot ' }) +
  chunk({ refusal: 'help with that.' }) +
  `${chunk({}, 'stop')}data: [DONE]\n\n`

const part = { type: 'refusal', refusal: NO }
const item = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [part] }
const response = { id: 'r', object: 'response', model: 'm', status: 'completed', output: [item] }
const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const responseStream = [
  { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
  { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
  { type: 'response.content_part.added', ...place, part: { ...part, refusal: '' } },
  { type: 'response.refusal.delta', ...place, delta: 'I cannot ' },
  { type: 'response.refusal.delta', ...place, delta: 'help with that.' },
  { type: 'response.refusal.done', ...place, refusal: NO },
  { type: 'response.content_part.done', ...place, part },
  { type: 'response.output_item.done', output_index: 0, item },
  { type: 'response.completed', response },
]
  .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  .join('')

let test: TestKernel

beforeAll(async () => {
  test = await createTestKernel({
    plugins: [anthropic, openai, responses, routeByHeader],
    providers: ['openai', 'openai-responses'].map((dialect) => ({ name: dialect, dialect })),
    upstream: ({ url, body }) => {
      const streamed = String(body).includes('"stream":true')
      const chat = url.includes('/chat/')
      if (streamed) return sse(chat ? chatStream : responseStream)
      return json(chat ? chatAnswer : response)
    },
  })
})

afterAll(() => test.dispose())

type Data = Readonly<Record<string, unknown>>
const ask = (path: string, target: string, body: object): Promise<TestReply> =>
  test.request({ path, body: { model: 'm', ...body }, headers: { 'x-target': target } })
const eventsOf = ({ text }: TestReply): Data[] =>
  [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as Data)

describe.each(['openai', 'openai-responses'])('a refusal of a model, over a %s target,', (target) => {
  const messages = [{ role: 'user', content: 'q' }]

  it('is one to a client of Chat Completions', async () => {
    const reply = await ask('/v1/chat/completions', target, { messages })
    expect(JSON.parse(reply.text)).toMatchObject({
      choices: [{ message: { content: null, refusal: NO }, finish_reason: 'stop' }],
    })
  })

  it('is one to a client of Chat Completions that reads a stream', async () => {
    const reply = await ask('/v1/chat/completions', target, { messages, stream: true })
    const choices = eventsOf(reply).map(({ choices }) => (choices as [Data])[0])
    const deltas = choices.map(({ delta }) => delta as Data)
    expect(deltas.map(({ refusal }) => refusal ?? '').join('')).toBe(NO)
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe('')
    expect(choices.at(-1)).toMatchObject({ finish_reason: 'stop' })
  })

  it('is one to a client of Responses', async () => {
    const reply = await ask('/v1/responses', target, { input: 'q' })
    expect(JSON.parse(reply.text)).toMatchObject({
      status: 'completed',
      incomplete_details: null,
      output: [{ type: 'message', content: [part] }],
    })
  })

  it('is one to a client of Responses that reads a stream', async () => {
    const events = eventsOf(await ask('/v1/responses', target, { input: 'q', stream: true }))
    const deltas = events.filter(({ type }) => type === 'response.refusal.delta')
    expect(deltas.map(({ delta }) => delta).join('')).toBe(NO)
    expect(events.filter(({ type }) => String(type).startsWith('response.output_text'))).toEqual([])
    expect(events).toContainEqual(expect.objectContaining({ type: 'response.refusal.done', refusal: NO }))
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { output: [{ content: [part] }] },
    })
  })

  it('is a text and a stop reason to a client of Anthropic', async () => {
    const reply = await ask('/v1/messages', target, { messages, max_tokens: 9 })
    const message = JSON.parse(reply.text) as Data
    expect(message).toMatchObject({ content: [{ type: 'text', text: NO }], stop_reason: 'refusal' })
  })
})
