import { definePlugin, readJson, Type, type CanonicalRequest, type ClientDialect } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestUpstream } from '@ccr/sdk/testing'
import { afterEach, expect, it } from 'vitest'
import plugin from './index.ts'

const plainClient: ClientDialect = {
  decode: ({ body }) => ({ request: readJson(body).value as unknown as CanonicalRequest, client: { app: 'test' } }),
  encoder: () => ({
    contentType: 'application/x-ndjson',
    events: (batch) => batch.map((event) => `${JSON.stringify(event)}\n`).join(''),
    ping: () => '{"type":"ping"}\n',
    failure: ({ type, message }) => `${JSON.stringify({ type: 'error', error: { type, message } })}\n`,
  }),
  message: (message) => message,
  failure: ({ type, message }) => ({ type: 'error', error: { type, message } }),
}

const client = definePlugin({
  name: 'plain-client',
  apiVersion: 1,
  description: 'Speaks the canonical form, and sends everything to one target.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.endpoint({ method: 'POST', path: '/v1/messages', dialect: 'plain', client: plainClient })
    const target = { provider: 'test', model: 'model' }
    ctx.on('selectRoute', (plan) => ({ ...plan, targets: [target], primary: target, decidedBy: 'plain-client' }))
  },
})

const NAME = 'mcp.server.tool'
const body = (stream: boolean): CanonicalRequest => ({
  model: 'asked',
  stream,
  max_tokens: 9,
  messages: [{ role: 'user', content: 'q' }],
  tools: [{ name: NAME }],
})

interface Sent {
  readonly tools: readonly { readonly function: { readonly name: string } }[]
  readonly [field: string]: unknown
}

let close: (() => Promise<void>) | undefined
afterEach(() => close?.())

async function start(upstream: TestUpstream): ReturnType<typeof createTestKernel> {
  const test = await createTestKernel({ plugins: [client, plugin], providers: [{}], upstream })
  close = () => test.dispose()
  return test
}

function call(sent: Sent): object {
  return { id: 'a', index: 0, type: 'function', function: { name: sent.tools[0]!.function.name, arguments: '{}' } }
}

it('carries one exchange through the kernel, the same streamed and whole', async () => {
  const urls: string[] = []
  const test = await start(({ url, headers, body: text }) => {
    urls.push(`${url} ${headers['authorization']}`)
    const sent = JSON.parse(String(text)) as Sent
    const choice = { index: 0, finish_reason: 'tool_calls' }
    if (sent['stream'] !== true) return json({ choices: [{ ...choice, message: { tool_calls: [call(sent)] } }] })
    return sse(
      `data: ${JSON.stringify({ choices: [{ ...choice, delta: { tool_calls: [call(sent)] } }] })}\n\ndata: [DONE]\n\n`,
    )
  })
  const whole = await test.request({ body: body(false) })
  expect(whole.json()).toMatchObject({
    model: 'asked',
    stop_reason: 'tool_use',
    content: [{ type: 'tool_use', id: 'a', name: NAME, input: {} }],
  })
  const streamed = (await test.request({ body: body(true) })).text.trim().split('\n')
  const events = streamed.map((line) => JSON.parse(line) as { type: string; content_block?: object })
  expect(events.find(({ type }) => type === 'content_block_start')?.content_block).toMatchObject({ name: NAME })
  expect(events.at(-1)?.type).toBe('message_stop')
  expect(new Set(urls)).toEqual(new Set(['http://127.0.0.1:9/v1/chat/completions Bearer sk-test-secret']))
})

it('asks once more without the field that the target refused, and never sends it again', async () => {
  const limits: string[] = []
  const test = await start(({ body: text }) => {
    const sent = JSON.parse(String(text)) as Sent
    limits.push('max_tokens' in sent ? 'max_tokens' : 'max_completion_tokens')
    if ('max_tokens' in sent) return json({ error: { message: "Use 'max_completion_tokens' instead." } }, 400)
    return json({ choices: [{ index: 0, message: { content: 'a' }, finish_reason: 'stop' }] })
  })
  expect((await test.request({ body: body(false) })).status).toBe(200)
  expect((await test.request({ body: body(false) })).status).toBe(200)
  expect(limits).toEqual(['max_tokens', 'max_completion_tokens', 'max_completion_tokens'])
})

it('asks once more for each of the requests that were on their way together', async () => {
  const test = await start(({ body: text }) =>
    'max_tokens' in (JSON.parse(String(text)) as Sent)
      ? json({ error: { message: "Use 'max_completion_tokens' instead." } }, 400)
      : json({ choices: [{ index: 0, message: { content: 'a' }, finish_reason: 'stop' }] }),
  )
  const answers = await Promise.all([1, 2].map(() => test.request({ body: body(false) })))
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
})

it('tells the client what the upstream said of a request it refuses', async () => {
  const test = await start(() => json({ error: { message: 'no such thing', type: 'invalid_request_error' } }, 400))
  const reply = await test.request({ body: body(false) })
  expect(reply.status).toBe(400)
  expect(reply.text).toContain('no such thing')
})

it('refuses a malformed request without asking the upstream', async () => {
  let asked = 0
  const test = await start(() => json({}, ++asked))
  const reply = await test.request({
    body: { ...body(false), messages: [{ role: 'user', content: [{ type: 'text' }] }] },
  })
  expect([reply.status, asked]).toEqual([400, 0])
  expect(reply.text).toContain('/messages/0/content/0/text must be a string')
})
