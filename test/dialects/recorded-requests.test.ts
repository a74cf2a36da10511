import { existsSync, readdirSync, readFileSync } from 'node:fs'
import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import chat from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { definePlugin, Type } from '@ccr/sdk'
import { createTestKernel, json, type TestKernel } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sign } from '../../plugins/dialect-openai/src/reasoning.ts'
import { signItems } from '../../plugins/dialect-openai-responses/src/reasoning.ts'
import { CAPTURES } from '../recorded.ts'
import { TARGETS, type TargetName } from './answers.ts'
import { createOfficialCheck } from './official-schema.ts'

/** A request that an official client sent. */
interface Recorded {
  readonly name: string
  /** The endpoint's path as it is registered, and what was asked. */
  readonly path: string
  readonly url: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Where what is asked at an address is served; what is only counted has the same shape. */
const ENDPOINTS: readonly (readonly [asked: RegExp, path: string])[] = [
  [/^\/v1\/messages/, '/v1/messages'],
  [/^\/v1\/chat\/completions/, '/v1/chat/completions'],
  [/^\/v1\/responses/, '/v1/responses'],
  [/^\/v1\/models\/[^/]*:/, '/v1/models/*'],
]

function readRecorded(): readonly Recorded[] {
  if (!existsSync(CAPTURES)) {
    console.warn(`recorded requests are skipped: ${CAPTURES} is absent`)
    return []
  }
  return readdirSync(CAPTURES)
    .filter((name) => /-POST_.*\.json$/.test(name))
    .flatMap((name) => {
      const { url, body } = JSON.parse(readFileSync(`${CAPTURES}/${name}`, 'utf8')) as Pick<Recorded, 'url' | 'body'>
      const path = ENDPOINTS.find(([asked]) => asked.test(url))?.[1]
      return path === undefined ? [] : [{ name, path, url, body }]
    })
}

const recorded = readRecorded()
const PDF = { type: 'base64', media_type: 'application/pdf', data: 'AA' }
const IMAGE = { type: 'image', source: { type: 'url', url: 'http://i' } }
const ITEM = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'E' } as const

/** Forms that no recorded client sends, and reasoning that goes back to its maker. */
const WRITTEN: readonly Readonly<Record<string, unknown>>[] = [
  {
    thinking: { type: 'adaptive' },
    output_config: { effort: 'max', format: { type: 'json_schema', schema: { type: 'object' } } },
    stop_sequences: ['x'],
    temperature: 0.5,
    tools: [{ name: 'f' }, { type: 'web_search_20250305', name: 'web_search' }],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    messages: [
      {
        role: 'user',
        content: [
          { type: 'document', source: PDF },
          { type: 'text', text: 'q' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: sign('test', 'reasoning_content') },
          { type: 'text', text: 'a' },
        ],
      },
      { role: 'user', content: 'q' },
    ],
  },
  {
    thinking: { type: 'enabled', budget_tokens: 4000 },
    tools: [{ name: 'f' }],
    tool_choice: { type: 'tool', name: 'f' },
    messages: [
      { role: 'user', content: [{ type: 'document', source: { type: 'url', url: 'http://d' } }, IMAGE] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 's', signature: signItems('test', [ITEM]) },
          { type: 'tool_use', id: '1', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: '1', content: [IMAGE] },
          { type: 'document', source: PDF },
        ],
      },
    ],
  },
]

const OFFICIAL = {
  openai: {
    name: 'ChatCompletionCreateParams',
    module: 'openai/resources/chat/completions/completions',
    // Compatible servers take the reasoning of the assistant back in these.
    further: { ChatCompletionAssistantMessageParam: ['reasoning_content', 'reasoning', 'reasoning_details'] },
  },
  'openai-responses': { name: 'ResponseCreateParams', module: 'openai/resources/responses/responses' },
}

/** What the reasoning of their makers goes back in. */
const REASONING = {
  openai: ['"reasoning_content":"hm"', '"reasoning_effort"'],
  'openai-responses': ['"encrypted_content":"E"', '"effort"'],
}

/** Bodies whose lists hold only what no body before them held: the same turns and tools come again and again. */
function distinct(bodies: readonly Readonly<Record<string, unknown>>[]): readonly object[] {
  const seen = new Set<string>()
  const isNew = (item: unknown): boolean => {
    const text = JSON.stringify(item)
    return !seen.has(text) && seen.add(text) !== undefined
  }
  return bodies.map((body) =>
    Object.fromEntries(
      Object.entries(body).map(([field, value]) => [field, Array.isArray(value) ? value.filter(isNew) : value]),
    ),
  )
}

/** The router with one provider, which keeps the bodies it is sent and answers none of them. */
interface Sent {
  readonly kernel: TestKernel
  readonly bodies: unknown[]
}

async function sendTo(dialect: TargetName): Promise<Sent> {
  const bodies: unknown[] = []
  const target = { provider: 'test', model: 'model' }
  const route = definePlugin({
    name: 'route-to-it',
    apiVersion: 1,
    description: 'Sends everything to one target.',
    options: Type.Object({}, { additionalProperties: false }),
    activate: (ctx) => ctx.on('selectRoute', (plan) => ({ ...plan, targets: [target], decidedBy: 'route-to-it' })),
  })
  const kernel = await createTestKernel({
    plugins: [anthropic, gemini, chat, responses, route],
    providers: [{ dialect }],
    upstream: ({ body }) => {
      bodies.push(JSON.parse(String(body)))
      return json({ error: { message: 'enough' } }, 503)
    },
  })
  return { kernel, bodies }
}

/** Its earlier turns stand on another server. */
function isContinued({ body }: Recorded): boolean {
  return (body['thread'] as { readonly type?: unknown } | undefined)?.type === 'continue'
}

describe.each(TARGETS)('a request of an official client, sent to a %s target', (target) => {
  let sent: Sent
  beforeAll(async () => {
    sent = await sendTo(target)
  })
  afterAll(() => sent.kernel.dispose())

  /** The body that went out for each. */
  async function bodiesFor(requests: readonly Recorded[]): Promise<readonly unknown[]> {
    sent.bodies.length = 0
    for (const { name, path, url, body } of requests) {
      const { status, text } = await sent.kernel.request({ path, url, body })
      expect({ name, status, text }).toEqual({ name, status: 502, text: expect.stringContaining('enough') as unknown })
    }
    return sent.bodies
  }

  it.skipIf(recorded.length === 0)(
    'is converted, whoever recorded it, unless its history stands elsewhere',
    async () => {
      expect(new Set(recorded.map(({ path }) => path)).size).toBe(ENDPOINTS.length)
      const whole = recorded.filter((one) => target === 'anthropic' || !isContinued(one))
      expect(whole.length).toBeGreaterThan(280)
      expect(await bodiesFor(whole)).toHaveLength(whole.length)
      for (const { path, body } of recorded.filter((one) => !whole.includes(one)))
        expect((await sent.kernel.request({ path, body })).status).toBe(404)
    },
  )

  if (target !== 'openai' && target !== 'openai-responses') return

  it('fits JSON Schema made of the types of the official SDK', { timeout: 60_000 }, async () => {
    const faultsOf = createOfficialCheck(OFFICIAL[target])
    const whole = recorded.filter((one) => !isContinued(one))
    const written = WRITTEN.flatMap((body) =>
      [true, false].map((stream): Recorded => {
        const path = '/v1/messages'
        return { name: 'written', path, url: path, body: { model: 'm', max_tokens: 9000, stream, ...body } }
      }),
    )
    const requests = [...whole, ...written]
    const bodies = await bodiesFor(requests)
    expect(bodies).toHaveLength(requests.length)
    const parts = distinct(bodies as readonly Readonly<Record<string, unknown>>[])
    const faults = parts.flatMap((body, index) => faultsOf(body).map((fault) => `${requests[index]!.name}: ${fault}`))
    expect(faults).toEqual([])
    for (const part of REASONING[target]) expect(JSON.stringify(parts)).toContain(part)
  })
})

describe('the schema of an official type', () => {
  it.each([
    ['openai', 'an unknown role', { model: 'm', messages: [{ role: 'robot', content: '' }] }],
    ['openai', 'a result without its call', { model: 'm', messages: [{ role: 'tool', content: '' }] }],
    ['openai', 'a field of another vendor', { model: 'm', messages: [], top_k: 1 }],
    ['openai', 'a choice of tools that is none', { model: 'm', messages: [], tool_choice: 'any' }],
    ['openai', 'no messages', { model: 'm' }],
    ['openai-responses', 'an unknown role', { model: 'm', input: [{ type: 'message', role: 'robot', content: '' }] }],
    ['openai-responses', 'a field of another vendor', { model: 'm', thinking: {} }],
    ['openai-responses', 'a value of another type', { model: 'm', input: 'q', stream: 'yes' }],
  ] as const)('of %s does not accept %s', { timeout: 60_000 }, (target, _, value) => {
    expect(createOfficialCheck(OFFICIAL[target])(value)).not.toEqual([])
  })
})
