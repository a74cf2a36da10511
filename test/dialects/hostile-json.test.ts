import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { createTestKernel, sse, type TestKernel, type TestReply, type TestRequest } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { streamedAnswer, TARGETS, wholeAnswer, type Said, type TargetName } from './answers.ts'
import { routeByHeader } from './route-by-header.ts'

/** More levels than what writes JSON can go down. */
const DEEP = '['.repeat(20_000) + ']'.repeat(20_000)
const PLACE = 777
const CALL: Said = { call: { id: 'call_1', name: 'f', input: { a: PLACE } } }

const messages = [{ role: 'user', content: 'q' }]
const REQUESTS: Readonly<Record<TargetName, (stream: boolean) => TestRequest>> = {
  anthropic: (stream) => ({ path: '/v1/messages', body: { model: 'm', max_tokens: 9, stream, messages } }),
  openai: (stream) => ({ path: '/v1/chat/completions', body: { model: 'm', stream, messages } }),
  'openai-responses': (stream) => ({ path: '/v1/responses', body: { model: 'm', stream, store: false, input: 'q' } }),
  gemini: (stream) => {
    const action = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
    return { path: '/v1beta/models/*', url: `/v1beta/models/m:${action}`, body: { contents: 'q' } }
  },
}

let test: TestKernel
let answer: (streamed: boolean) => string

beforeAll(async () => {
  test = await createTestKernel({
    plugins: [anthropic, openai, responses, gemini, routeByHeader],
    providers: TARGETS.map((dialect) => ({ name: dialect, dialect })),
    upstream: ({ url, body }) => {
      const streamed = url.includes('streamGenerateContent') || String(body).includes('"stream":true')
      const text = answer(streamed)
      return streamed ? sse(text) : { headers: { 'content-type': 'application/json' }, body: text }
    },
  })
})

afterAll(() => test.dispose())

const ask = (client: TargetName, target: TargetName, stream: boolean): Promise<TestReply> =>
  test.request({ ...REQUESTS[client](stream), headers: { 'x-target': target } })

const answering = (target: TargetName, said: Said, edit: (text: string) => string) => {
  answer = (streamed) => edit(streamed ? streamedAnswer(target, said) : JSON.stringify(wholeAnswer(target, said)))
}

const pairs = TARGETS.flatMap((client) => TARGETS.map((target) => [client, target] as const))

describe.each(pairs)('%s over a %s target that sends JSON of 20,000 levels', (client, target) => {
  it.each([true, false])('is told that the answer is none, streamed: %s', async (stream) => {
    answering(target, CALL, (text) => text.replace(String(PLACE), DEEP))
    const { status, text, cut } = await ask(client, target, stream)
    expect(cut).toBe(false)
    expect(text).not.toMatch(/call stack|plugin|dialect '/)
    // Arguments that pass as text are the client's to read.
    if (status !== 200) expect([status, text]).toEqual([502, expect.stringContaining(target)])
    else expect(text.includes(DEEP) || text.includes('error')).toBe(true)
  })
})

describe.each(pairs)('%s over a %s target whose counts are no numbers', (client, target) => {
  it('is told none', async () => {
    answering(target, { text: 'hello' }, (text) => text.replace(/:(?:40|60|100|107|7)\b/g, ':1e999'))
    const { status, text } = await ask(client, target, false)
    expect(status).toBe(200)
    if (client === target) return
    expect(text).not.toMatch(/"(?:prompt|completion|total|cached|input|output)_?[tT]okens?(?:Count)?":null|1e999/)
  })
})
