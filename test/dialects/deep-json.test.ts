import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { providersAt, startProtocolUpstream, TARGETS, wholeAnswer, type ProtocolUpstream } from './answers.ts'

const START_MS = 40_000
/** More levels than can be written from level to level. */
const DEEP = `${'['.repeat(50_000)}${']'.repeat(50_000)}`

let upstream: ProtocolUpstream
let router: RunningRouter
let asked: string

beforeAll(async () => {
  upstream = await startProtocolUpstream()
  router = await startRouter({ config: { Providers: providersAt(upstream), APIKEY: 'any' } })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

/** Status and text of the answer. */
async function post(path: string, body: object): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer any' }
  const answer = await fetch(`${router.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.status, text: await answer.text() }
}

describe.each(TARGETS)('a tool call of a %s target whose arguments are nested 50,000 deep', (target) => {
  it.each([true, false])('is the fault of the target, asked for a stream: %j', async (stream) => {
    const said = JSON.stringify(wholeAnswer(target, { call: { id: 'call_1', name: 'get', input: { a: 'DEEP' } } }))
    const body = said.replace('\\"DEEP\\"', DEEP).replace('"DEEP"', DEEP)
    upstream.answer = () => ({ status: 200, message: '', contentType: 'application/json', body })
    const messages = [{ role: 'user', content: 'q' }]
    for (const [path, request] of [
      ['/v1/messages', { model: `${target},m`, max_tokens: 9, stream, messages }],
      ['/v1/chat/completions', { model: `${target},m`, stream, messages }],
      ['/v1/responses', { model: `${target},m`, stream, input: 'q' }],
    ] as const) {
      const { status, text } = await post(path, request)
      expect([path, status]).toEqual([path, 502])
      expect(text).toContain(`provider '${target}'`)
      expect(text).not.toContain('call stack')
    }
  })
})

describe.each(TARGETS)('a history with such a call, on its way to a %s target', (target) => {
  const answer = (): void => {
    upstream.answer = (body) => {
      asked = body
      return { text: 'hello' }
    }
  }

  it.each([true, false])('has its arguments as the text that they were, asked for a stream: %j', async (stream) => {
    answer()
    const called = { id: 'call_1', type: 'function', function: { name: 'get', arguments: DEEP } }
    const messages = [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: null, tool_calls: [called] },
      { role: 'tool', tool_call_id: 'call_1', content: 'done' },
    ]
    const chat = await post('/v1/chat/completions', { model: `${target},m`, stream, messages })
    expect(chat.status).toBe(200)
    expect(asked).toContain(DEEP)
    const input = [
      { role: 'user', content: 'q' },
      { type: 'function_call', call_id: 'call_1', name: 'get', arguments: `{"a":${DEEP}}` },
      { type: 'function_call_output', call_id: 'call_1', output: 'done' },
    ]
    const responses = await post('/v1/responses', { model: `${target},m`, stream, input })
    expect(responses.status).toBe(200)
    expect(asked).toContain(DEEP)
  })
})
