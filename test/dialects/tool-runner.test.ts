import Anthropic from '@anthropic-ai/sdk'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { providersAt, startProtocolUpstream, TARGETS, type ProtocolUpstream, type TargetName } from './answers.ts'

const START_MS = 40_000
const QUESTION = 'How is Oslo, and how is Rome?'
const CITIES = ['Oslo', 'Rome']
const LOST = { status: 404, message: 'no such thread', details: { error_code: 'thread_not_found', resource: 'thread' } }

let upstream: ProtocolUpstream
let router: RunningRouter
let sdk: Anthropic
let asked: string[]

beforeAll(async () => {
  upstream = await startProtocolUpstream()
  const Providers = providersAt(upstream)
  router = await startRouter({ config: { Providers } })
  sdk = new Anthropic({ baseURL: router.url, apiKey: 'any', maxRetries: 0 })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

beforeEach(() => {
  asked = []
  // One city at a time, then the answer.
  upstream.answer = (body) => sayNext(body)
})

/** The next call, by the results that came, or the last words. */
function sayNext(body: string) {
  const city = body.includes(weatherIn('Rome')) ? undefined : CITIES[body.includes(weatherIn('Oslo')) ? 1 : 0]
  if (city === undefined) return { text: 'Both are sunny.' }
  return { text: 'Let me see.', call: { id: `call_${city}`, name: 'get_weather', input: { city } } }
}

function weatherIn(city: string): string {
  return `sunny in ${city}`
}

const weather = betaTool({
  name: 'get_weather',
  description: 'The weather of a city.',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  run({ city }) {
    asked.push(city)
    return weatherIn(city)
  },
})

/** What the upstream got since there were `before` bodies. */
function sentSince(before: number): { readonly thread?: { readonly type: string }; readonly messages?: unknown[] }[] {
  return upstream.bodies.slice(before).map((body) => JSON.parse(body) as object)
}

const forms = TARGETS.flatMap((target) => [true, false].map((stream) => [target, stream] as const))
const foreign = forms.filter(([target]) => target !== 'anthropic')

async function run(target: TargetName, stream: boolean, more: object = {}): Promise<string> {
  const params = { model: `${target},m`, max_tokens: 2000, tools: [weather], ...more }
  const messages: Anthropic.Beta.BetaMessageParam[] = [{ role: 'user', content: QUESTION }]
  // The compiler tells the two forms apart by a literal.
  const message = stream
    ? await sdk.beta.messages.toolRunner({ ...params, messages, stream: true })
    : await sdk.beta.messages.toolRunner({ ...params, messages, stream: false })
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

describe("the official SDK's tool runner, which keeps its history on the server", () => {
  it.each(forms)('runs to its end over a %s target, streamed: %s', async (target, stream) => {
    expect(await run(target, stream)).toBe('Both are sunny.')
    expect(asked).toEqual(CITIES)
  })

  it.each([true, false])('sends an Anthropic target only what is new, streamed: %s', async (stream) => {
    const before = upstream.bodies.length
    await run('anthropic', stream)
    expect(sentSince(before).map(({ thread }) => thread?.type)).toEqual(['create', 'continue', 'continue'])
    expect(sentSince(before).map(({ messages }) => messages?.length)).toEqual([1, 1, 1])
  })

  it.each(foreign)('sends a %s target everything, streamed: %s', async (target, stream) => {
    const before = upstream.bodies.length
    await run(target, stream)
    const bodies = upstream.bodies.slice(before)
    expect(bodies).toHaveLength(3)
    for (const body of bodies) expect(body).toContain(QUESTION)
    expect(bodies.at(-1)).toContain(weatherIn('Oslo'))
  })

  it('starts anew where an Anthropic target lost the thread', async () => {
    const before = upstream.bodies.length
    upstream.answer = (body) => (body.includes('"type":"continue"') ? LOST : sayNext(body))
    expect(await run('anthropic', true)).toBe('Both are sunny.')
    // Lost twice, it is not trusted any more.
    const threads = sentSince(before).map(({ thread }) => thread?.type)
    expect(threads).toEqual(['create', 'continue', 'create', 'continue', undefined])
  })

  it('may also insist on threads', async () => {
    expect(await run('openai', false, { unsupportedRequestBehavior: 'error' })).toBe('Both are sunny.')
    expect(asked).toEqual(CITIES)
  })
})

describe('a request that continues a thread', () => {
  const thread = { type: 'continue', previous_message_id: 'msg_1' } as const
  const messages: Anthropic.Beta.BetaMessageParam[] = [{ role: 'user', content: 'and then?' }]
  const ask = (target: TargetName) =>
    sdk.beta.messages.create({ model: `${target},m`, max_tokens: 9, messages, thread } as never)

  it.each(TARGETS.filter((target) => target !== 'anthropic'))('is refused by a %s target', async (target) => {
    const before = upstream.bodies.length
    await expect(ask(target)).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
      errorCode: 'thread_not_found',
      details: { error_code: 'thread_not_found' },
      requestID: expect.stringMatching(/^req_/) as unknown,
    })
    expect(upstream.bodies).toHaveLength(before)
  })

  it('gets what an Anthropic target says for programs', async () => {
    upstream.answer = () => LOST
    await expect(ask('anthropic')).rejects.toMatchObject({ status: 404, details: LOST.details })
  })
})
