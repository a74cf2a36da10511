import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { createTestKernel, sse, type TestKernel, type TestRequest } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { streamedAnswer, TARGETS, wholeAnswer, type TargetName } from './answers.ts'
import { routeByHeader } from './route-by-header.ts'

/** An integer of 64 bits, as ids are, and what a `number` would make of it. */
const ID = '1234567890123456789'
const ROUNDED = '12345678901234567'
/** Stands for it where a test writes JSON. */
const PLACE = 777
const CALL = { id: 'call_1', name: 'open', input: { id: PLACE, list: [{ of: [PLACE] }] } }

const args = JSON.stringify(CALL.input)
const result = { type: 'tool_result', tool_use_id: 'call_1', content: 'done' }
const called = { id: 'call_1', type: 'function', function: { name: 'open', arguments: args } }

/** What a client of each protocol sends in the middle of a tool loop. */
const REQUESTS: Readonly<Record<TargetName, (stream: boolean) => TestRequest>> = {
  anthropic: (stream) => {
    const content = [{ type: 'tool_use', ...CALL }]
    const turns = [
      { role: 'assistant', content },
      { role: 'user', content: [result] },
    ]
    const messages = [{ role: 'user', content: 'q' }, ...turns]
    return { path: '/v1/messages', body: { model: 'm', max_tokens: 9, stream, messages } }
  },
  openai: (stream) => {
    const turn = { role: 'assistant', content: null, tool_calls: [called] }
    const messages = [{ role: 'user', content: 'q' }, turn, { role: 'tool', tool_call_id: 'call_1', content: 'done' }]
    return { path: '/v1/chat/completions', body: { model: 'm', stream, messages } }
  },
  'openai-responses': (stream) => {
    const call = { type: 'function_call', call_id: 'call_1', name: 'open', arguments: args }
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'done' }
    const input = [{ role: 'user', content: 'q' }, call, output]
    return { path: '/v1/responses', body: { model: 'm', stream, store: false, input } }
  },
  gemini: (stream) => {
    const contents = [
      { role: 'user', parts: [{ text: 'q' }] },
      { role: 'model', parts: [{ functionCall: { name: 'open', args: CALL.input } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'open', response: { output: 'done' } } }] },
    ]
    const action = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
    return { path: '/v1beta/models/*', url: `/v1beta/models/m:${action}`, body: { contents } }
  },
}

const withId = (json: string): string => json.replaceAll(String(PLACE), ID)

let test: TestKernel
let sent = ''
let answers: (streamed: boolean) => string

beforeAll(async () => {
  test = await createTestKernel({
    plugins: [anthropic, openai, responses, gemini, routeByHeader],
    providers: TARGETS.map((dialect) => ({ name: dialect, dialect })),
    upstream: ({ url, body }) => {
      sent = String(body)
      const streamed = url.includes('streamGenerateContent') || sent.includes('"stream":true')
      const text = withId(answers(streamed))
      return streamed ? sse(text) : { headers: { 'content-type': 'application/json' }, body: text }
    },
  })
})

afterAll(() => test.dispose())

const pairs = TARGETS.flatMap((client) =>
  TARGETS.flatMap((target) => [true, false].map((stream) => [client, target, stream ? 'streamed' : 'whole'] as const)),
)

describe.each(pairs)('an integer of 64 bits, %s over a %s target, %s', (client, target, form) => {
  it('is the same in the history that is sent and in the answer', async () => {
    answers = (streamed) => {
      const said = { call: { ...CALL, id: 'call_2' } }
      return streamed ? streamedAnswer(target, said) : JSON.stringify(wholeAnswer(target, said))
    }
    const request = REQUESTS[client](form === 'streamed')
    const body = withId(JSON.stringify(request.body))
    const reply = await test.request({ ...request, body, headers: { 'x-target': target } })
    expect(sent).toContain(ID)
    const whole = sent + reply.text
    expect(whole.split(ID).join('')).not.toContain(ROUNDED)
    // Some protocols cut arguments in pieces.
    const digits = reply.text.includes(ID) || digitsOf(reply.text).includes(ID)
    expect([reply.status, digits]).toEqual([200, true])
  })
})

/** The digits in the pieces of arguments of a stream, one behind the other. */
function digitsOf(text: string): string {
  const pieces = text.matchAll(/"(?:partial_json|arguments|delta)":("(?:[^"\\]|\\.)*")/g)
  return [...pieces].map(([, piece]) => JSON.parse(piece!) as string).join('')
}
