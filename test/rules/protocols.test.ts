import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { message, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000

let upstream: Upstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
  router = await startRouter({
    config: {
      Providers: [
        { name: 'p', api_base_url: upstream.url, api_key: 'k', models: ['a,b', 'plain'], dialect: 'anthropic' },
      ],
    },
  })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

describe('the other protocols', () => {
  const words = (path: string, body: object): Promise<{ status: number; json: unknown }> =>
    ask(`${router.url}${path}`, { body })
  const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]

  it.each<[string, string, object, string, object]>([
    [
      'Chat Completions',
      '/v1/chat/completions',
      { model: 'p,a,b', messages: [{ role: 'user', content: 'hi' }] },
      'a,b',
      { object: 'chat.completion', choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }] },
    ],
    [
      'Responses',
      '/v1/responses',
      { model: 'p,a,b', input: 'hi' },
      'a,b',
      { object: 'response', status: 'completed', output: [{ type: 'message', content: [{ text: 'hello' }] }] },
    ],
    [
      'Gemini',
      '/v1beta/models/p,plain:generateContent',
      { contents },
      'plain',
      { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
    ],
    [
      'Gemini, by its other path',
      '/v1/models/p,plain:generateContent',
      { contents },
      'plain',
      { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
    ],
  ])('rule 30: %s finds the provider and answers in its own form', async (_, path, body, model, answer) => {
    const { status, json } = await words(path, body)
    expect({ status, json }).toMatchObject({ status: 200, json: answer })
    expect(upstream.last.url).toBe('/v1/messages')
    expect(upstream.last.json['model']).toBe(model)
  })

  it.each([
    ['Chat Completions', '/v1/chat/completions', { model: 'nobody,x', messages: [{ role: 'user', content: 'hi' }] }],
    ['Responses', '/v1/responses', { model: 'nobody,x', input: 'hi' }],
    ['Gemini', '/v1beta/models/nobody,x:generateContent', { contents }],
  ])('rule 30: %s is told in its own form of what does not exist', async (_, path, body) => {
    const { status, json } = await words(path, body)
    expect(status).toBe(404)
    // None of these forms has the type at the top that an Anthropic error has.
    expect(json).not.toHaveProperty('type')
    expect(json).toMatchObject({ error: { message: expect.stringContaining('nobody') as string } })
  })
})
