import { afterEach, describe, expect, it } from 'vitest'
import { json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { createWorld, type World } from '../test/world.ts'

const DETAILS = [
  { type: 'reasoning.text', text: 'Hello', format: 'f', index: 0, signature: 'S' },
  { type: 'reasoning.encrypted', data: 'opaque', id: 'rs_1', index: 1 },
  { type: 'reasoning.summary', summary: '!', id: null, index: 2 },
]
/** The same to the client, beside their ids: the texts stand in `reasoning_content`. */
const SHOWN = [
  { type: 'reasoning.text', text: '', format: 'f', index: 0, signature: 'S' },
  { type: 'reasoning.encrypted', data: 'opaque', index: 1 },
  { type: 'reasoning.summary', summary: '', index: 2 },
]
const CALL = { id: 'call_1', index: 0, type: 'function', function: { name: 'f', arguments: '{}' } }

interface Sent {
  readonly stream?: boolean
  readonly messages: readonly Readonly<Record<string, unknown>>[]
}

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

/** What the upstream was sent; it answers with reasoning, its details and a call. */
async function start(): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  const upstream: TestUpstream = ({ body }) => {
    const request = JSON.parse(String(body)) as Sent
    sent.push(request)
    const said = { reasoning: 'Hello!', reasoning_details: DETAILS, tool_calls: [CALL] }
    const choice = { index: 0, finish_reason: 'tool_calls' }
    if (!request.stream) return json({ choices: [{ ...choice, message: { role: 'assistant', ...said } }] })
    return sse(`data: ${JSON.stringify({ choices: [{ ...choice, delta: said }] })}\n\ndata: [DONE]\n\n`)
  }
  world = await createWorld(upstream, { providers: [{ name: 'one' }, { name: 'two' }], provider: 'one' })
  return sent
}

type Said = Readonly<Record<string, unknown>> & { readonly reasoning_details: readonly { readonly id: string }[] }

const question = { role: 'user', content: 'q' } as const
const result = { role: 'tool', tool_call_id: 'call_1', content: 'done' } as const

async function ask(stream: boolean, messages: readonly object[]): Promise<Said> {
  const body = { model: 'asked', messages: messages as never }
  const { completions } = world!.openai.chat
  if (!stream) return (await completions.create(body)).choices[0]!.message as unknown as Said
  const deltas: object[] = []
  for await (const { choices } of await completions.create({ ...body, stream })) deltas.push(choices[0]!.delta)
  // The call comes in two pieces.
  return Object.assign({}, ...deltas, { content: null, role: 'assistant', tool_calls: [CALL] }) as Said
}

describe.each([false, true])('reasoning_details of a client of this protocol, streamed: %s', (stream) => {
  it('come with the answer, and go back as they were to the provider that made them', async () => {
    const sent = await start()
    const said = await ask(stream, [question])
    expect(said).toMatchObject({ reasoning_content: 'Hello!', reasoning_details: SHOWN })
    await ask(stream, [question, said, result])
    const [, turn] = sent[1]!.messages
    expect(turn).toMatchObject({ role: 'assistant', reasoning_details: DETAILS })
    expect(turn).not.toHaveProperty('reasoning_content')
  })

  it('go back without their text, where a client keeps no other reasoning', async () => {
    const sent = await start()
    const { reasoning_content: _text, ...said } = await ask(stream, [question])
    await ask(stream, [question, said, result])
    expect(sent[1]!.messages[1]).toMatchObject({ reasoning_details: DETAILS })
  })

  it('go to nobody whose they are not', async () => {
    const sent = await start()
    const said = await ask(stream, [question])
    await ask(stream, [question, { ...said, reasoning_details: DETAILS }, result])
    expect(sent[1]!.messages[1]).not.toHaveProperty('reasoning_details')
    expect(sent[1]!.messages[1]).toMatchObject({ reasoning_content: 'Hello!' })
  })
})
