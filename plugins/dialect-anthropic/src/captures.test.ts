import { definePlugin, Type, type CanonicalRequest, type Plugin } from '@ccr/sdk'
import { createTestKernel, sse, type TestEntry } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CAPTURES } from '../../../test/recorded.ts'
import { countTokens } from './count-tokens.ts'
import dialect from './index.ts'

const present = existsSync(CAPTURES)
const note = present ? '' : ` (skipped: no recorded requests at CCR_CAPTURES, ${CAPTURES})`
const runs = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

interface Capture {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: CanonicalRequest
}

function read(file: string): Capture {
  const capture = JSON.parse(readFileSync(join(CAPTURES, file), 'utf8')) as Capture
  // As the server hands them on.
  const headers = Object.entries(capture.headers).map(([name, value]) => [name.toLowerCase(), value])
  return { ...capture, headers: Object.fromEntries(headers) as Capture['headers'] }
}

const files = present ? readdirSync(CAPTURES).filter((file) => /POST_v1_messages.*\.json$/.test(file)) : []
const messages = files.filter((file) => !file.includes('count_tokens'))
const counts = files.filter((file) => file.includes('count_tokens'))

const answer = [
  { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'm' } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
  { type: 'message_stop' },
]
  .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  .join('')

function plugin(name: string, activate: Plugin['activate']): Plugin {
  const options = Type.Object({}, { additionalProperties: false })
  return definePlugin({ name, apiVersion: 1, description: 'for a test', options, activate: activate as never })
}

const TARGET = 'claude-target[1m]'
const route = plugin('route', (ctx) =>
  ctx.on('selectRoute', (plan) => ({
    ...plan,
    targets: [{ provider: 'test', model: TARGET }],
    decidedBy: 'route',
    source: 'config' as const,
  })),
)
/** Takes the place of any plugin that changes requests: what it gives is another object, of the same content. */
const replace = plugin('replace', (ctx) => ctx.on('onRequest', (request) => ({ request: { ...request } })))

interface Sent {
  readonly body: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** What an Anthropic provider is sent for this request. */
async function createSender(...plugins: TestEntry[]) {
  let sent: Sent | undefined
  const kernel = await createTestKernel({
    leaks: 'ignore',
    plugins: [dialect, route, ...plugins],
    providers: [{ dialect: 'anthropic', baseUrl: 'http://127.0.0.1:9' }],
    upstream: ({ body, url, headers }) => {
      sent = { body: Buffer.from(body as string).toString(), url, headers }
      return sse(answer)
    },
  })
  return {
    async send(body: string, headers: Readonly<Record<string, string>> = {}): Promise<Sent> {
      sent = undefined
      const { status, text } = await kernel.request({ body, headers })
      expect(status, text).toBe(200)
      return sent!
    },
    dispose: () => kernel.dispose(),
  }
}

/** The headers that a provider must get as its client sent them. */
const travelling = (headers: Capture['headers']): object =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => /^(?:anthropic-|x-app$|user-agent$|x-stainless-|x-claude-)/.test(name)),
  )

describe.skipIf(!present)(`every recorded request${note}`, { timeout: 60_000 + runs * 10 }, () => {
  it('is here', () => {
    expect(messages.length).toBeGreaterThan(250)
    expect(counts.length).toBeGreaterThan(15)
  })

  it('holds what the clients of today send', () => {
    const all = messages.map((file) => JSON.stringify(read(file).body)).join('\n')
    for (const part of [
      '"context_management":{',
      '"output_config":{"effort"',
      '"defer_loading":true',
      '"type":"tool_reference"',
      '"safeguards":[',
      '"role":"system"',
      '"type":"web_search_20250305"',
      '"type":"adaptive"',
      '"cache_control":{',
    ])
      expect(all, part).toContain(part)
  })

  it('rule 6: reaches an Anthropic provider byte for byte, but for the model', async () => {
    const sender = await createSender()
    for (const file of messages) {
      const { body, headers } = read(file)
      const text = JSON.stringify(body)
      const sent = await sender.send(text, headers)
      expect(sent.body, file).toBe(text.replace(/"model":"[^"]*"/, `"model":"${TARGET}"`))
      expect(sent.headers, file).toMatchObject(travelling(headers))
    }
    await sender.dispose()
  })

  it('rule 8: reaches it with the same meaning where a plugin has replaced it, unknown fields included', async () => {
    const sender = await createSender(replace)
    for (const file of messages) {
      const { body, headers } = read(file)
      const sent = await sender.send(JSON.stringify(body), headers)
      expect(JSON.parse(sent.body), file).toEqual({ ...body, model: TARGET, stream: body.stream === true })
      expect(sent.headers, file).toMatchObject(travelling(headers))
    }
    await sender.dispose()
  })

  it('keeps its bytes in any form of JSON, with any field to come', async () => {
    const [passing, replacing] = [await createSender(), await createSender(replace)]
    const small = messages.map(read).filter(({ body }) => JSON.stringify(body).length < 40_000)
    const field = fc.tuple(
      fc.string({ minLength: 1 }).filter((key) => !/^(?:model|messages|stream|max_tokens|extra|__proto__)$/.test(key)),
      fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__":')),
    )
    const shape = fc.record({
      capture: fc.constantFrom(...small),
      later: fc.array(field, { maxLength: 3 }),
      indent: fc.constantFrom(0, 1, 2, '\t'),
      first: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(shape, async ({ capture, later, indent, first }) => {
        const { model, ...rest } = capture.body
        const fields = JSON.parse(JSON.stringify(Object.fromEntries(later))) as object
        const body = first ? { model, ...rest, ...fields } : { ...rest, ...fields, model }
        const text = JSON.stringify(body, undefined, indent)
        const named = JSON.stringify({ ...body, model: TARGET }, undefined, indent)
        expect((await passing.send(text)).body).toBe(named)
        const meant = JSON.parse(named) as CanonicalRequest
        const replaced = JSON.parse((await replacing.send(text)).body) as unknown
        expect(replaced).toEqual({ ...meant, stream: meant.stream === true })
      }),
      { numRuns: Math.ceil(runs / 10) },
    )
    await Promise.all([passing.dispose(), replacing.dispose()])
  })

  it.each(counts)('rule 174: %s is counted', async (file) => {
    const { body, headers, url } = read(file)
    const endpoint = countTokens(undefined)
    if (!('respond' in endpoint)) throw new Error('count_tokens is an endpoint of its own')
    const bytes = Buffer.from(JSON.stringify(body))
    const reply = await endpoint.respond({ method: 'POST', url, headers, params: {}, body: bytes, providers: [] })
    const words = JSON.stringify([body.messages, body.tools ?? []]).length / 4
    expect(reply).toEqual({ status: 200, body: { input_tokens: expect.any(Number) as number } })
    const { input_tokens } = (reply as { body: { input_tokens: number } }).body
    expect(input_tokens).toBeGreaterThan(0)
    expect(input_tokens).toBeLessThanOrEqual(Math.ceil(words) + 10 + 4 * (body.tools?.length ?? 0))
  })
})
