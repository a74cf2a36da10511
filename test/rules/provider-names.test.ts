import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask, messagesBody } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { completion, sendJson, startUpstream, type Upstream } from './upstream.ts'

const START_MS = 40_000

/** What a config says of a provider, and what its requests show of that. */
const ROWS: readonly { readonly model: string; readonly use: readonly unknown[]; readonly sent: object }[] = [
  { model: 'deepseek-v4-pro', use: ['deepseek'], sent: { thinking: { type: 'disabled' } } },
  { model: 'limited', use: ['OpenAI', ['DeepSeek', { max_tokens: '50' }]], sent: { max_tokens: 50 } },
  { model: 'routed', use: [['openrouter', { provider: { only: ['a'] } }]], sent: { provider: { only: ['a'] } } },
  { model: 'gateway', use: ['vercel'], sent: { reasoning: { enabled: false } } },
  { model: 'qwen/qwen3-32b', use: ['groq'], sent: { reasoning_effort: 'none', reasoning_format: 'parsed' } },
  { model: 'zai-glm-4.7', use: ['cerebras'], sent: { reasoning_effort: 'none', max_completion_tokens: 100 } },
]

let upstream: Upstream
let router: RunningRouter

beforeAll(async () => {
  upstream = await startUpstream(sendJson(completion('hello')))
  const base = { api_base_url: upstream.url, api_key: 'k' }
  const named = ROWS.map(({ model, use }, at) => ({ ...base, name: `p${at}`, models: [model], transformer: { use } }))
  const single = { ...base, name: 'single', models: ['a', 'b'], transformer: { b: { use: ['deepseek'] } } }
  router = await startRouter({ config: { Providers: [...named, single] } })
}, START_MS)

afterAll(async () => {
  await router?.stop()
  await upstream?.close()
})

const off = { thinking: { type: 'disabled' }, max_tokens: 100 }

it.each(ROWS.map((row, at) => ({ ...row, at })))('a config that names $use has it', async ({ model, sent, at }) => {
  const answer = await ask(`${router.url}/v1/messages`, { body: messagesBody(`p${at},${model}`, false, off) })
  expect(answer.status, answer.text).toBe(200)
  expect(upstream.last.json).toMatchObject(sent)
})

it('a config that names one for a single model has it for that one alone', async () => {
  for (const model of ['a', 'b']) {
    await ask(`${router.url}/v1/messages`, { body: messagesBody(`single,${model}`, false, off) })
    expect('thinking' in upstream.last.json, model).toBe(model === 'b')
  }
})
