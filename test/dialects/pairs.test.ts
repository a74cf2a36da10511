import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { providersAt, startProtocolUpstream, TARGETS, USAGE, type ProtocolUpstream, type Said } from './answers.ts'
import { createClients, type Client } from './clients.ts'

const START_MS = 40_000
const CALL = { id: 'call_1', name: 'get_weather', input: { city: 'Oslo' } }
const RESULT = 'sunny, 21 degrees'

let upstream: ProtocolUpstream
let router: RunningRouter
let clients: Readonly<Record<string, Client>>

beforeAll(async () => {
  upstream = await startProtocolUpstream()
  const Providers = providersAt(upstream)
  router = await startRouter({ config: { Providers } })
  clients = createClients(router.url)
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

const names = ['@anthropic-ai/sdk', 'openai (chat)', 'openai (responses)', '@google/genai', 'ai + @ai-sdk/anthropic']
const pairs = names.flatMap((client) =>
  TARGETS.flatMap((target) => [true, false].map((stream) => [client, target, stream ? 'streamed' : 'whole'] as const)),
)

describe.each(pairs)('%s over a %s target, %s', (name, target, form) => {
  const question = (text: string) => ({ model: `${target},m`, text, stream: form === 'streamed' })
  const counted = { input: USAGE.input, cached: USAGE.cached, output: USAGE.output }

  it.each<[string, Said, object]>([
    ['text', { text: 'Hello wörld 🙂' }, { text: 'Hello wörld 🙂', calls: [], stop: 'end' }],
    [
      'a tool call',
      { text: 'Let me see.', call: CALL },
      { text: 'Let me see.', calls: [{ name: CALL.name, input: CALL.input }], stop: 'tool' },
    ],
    ['a cut answer', { text: 'Once upon', cut: true }, { text: 'Once upon', stop: 'length' }],
  ])('gives %s', async (_, said, expected) => {
    upstream.answer = () => said
    expect(await clients[name]!.ask(question('hi'))).toMatchObject({ ...expected, ...counted })
  })

  it('gives thinking before text', async () => {
    upstream.answer = () => ({ thinking: 'They greet me.', text: 'Hello' })
    expect(await clients[name]!.ask(question('hi'))).toMatchObject({ thinking: 'They greet me.', text: 'Hello' })
  })

  it('takes the result of a tool back', async () => {
    upstream.answer = (body) => (body.includes(RESULT) ? { text: 'It is sunny.' } : { thinking: 'Hm.', call: CALL })
    expect(await clients[name]!.converse(question('How is Oslo?'), RESULT)).toMatchObject({ text: 'It is sunny.' })
    expect(upstream.bodies.at(-1)).toContain(CALL.name)
  })

  it('is told of a refusal in its own words', async () => {
    upstream.answer = () => ({ status: 429, message: 'slow down, please' })
    const failure = await clients[name]!.ask(question('hi')).then(
      () => undefined,
      (error: unknown) => error as { status?: number; statusCode?: number; message: string },
    )
    // The stream of the AI SDK keeps the error for its own handlers.
    if (name.startsWith('ai +') && form === 'streamed') return expect(failure).toBeDefined()
    expect(failure?.status ?? failure?.statusCode).toBe(429)
    expect(failure?.message).toContain('slow down, please')
  })
})
