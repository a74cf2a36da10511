import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { providersAt, startProtocolUpstream, type ProtocolUpstream } from '../dialects/answers.ts'

const START_MS = 40_000

let upstream: ProtocolUpstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startProtocolUpstream()
  const use = ['tooluse', 'EnhanceTool', 'forcereasoning', ['extrathinktag', { lookAhead: 0 }]]
  const Providers = providersAt(upstream).map((provider) => ({ ...provider, transformer: { use } }))
  router = await startRouter({ config: { Providers } })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

describe('a config that names transformers of the router in transformer.use', () => {
  it.each(['anthropic', 'openai', 'openai-responses', 'gemini'])('has them for a provider of %s', async (target) => {
    const call = { id: 'c', name: 'ExitTool', input: { response: '<think>x' } }
    upstream.answer = () => ({ text: '<think>a</think><reasoning_content>b</reasoning_content>', call })
    const reply = await fetch(`${router.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: `${target},m`,
        max_tokens: 9,
        messages: [{ role: 'user', content: 'q' }],
        tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
      }),
    })
    expect(await reply.json()).toMatchObject({
      stop_reason: 'end_turn',
      content: [
        { type: 'thinking', thinking: 'a' },
        { type: 'thinking', thinking: 'b' },
        { type: 'text', text: '<think>x' },
      ],
    })
    expect(upstream.bodies.at(-1)).toMatch(/ExitTool[^]*<reasoning_content>|<reasoning_content>[^]*ExitTool/)
  })
})
