import { defineRouter, isObject, type JsonObject, type Plugin } from '@ccr/sdk'
import { createTestKernel, json, PLAIN_PATH, plainClient, sse } from '@ccr/sdk/testing'
import type { TestAnswer, TestEntry, TestKernel, TestReply } from '@ccr/sdk/testing'
import openai from '../../dialect-openai/src/index.ts'
import { adaptClass } from '../src/adapt.ts'

/** What left the router. */
export interface Sent {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/** A real kernel with the classes in the chain of its one provider. */
export interface LegacyWorld extends Omit<TestKernel, 'request'> {
  readonly sent: readonly Sent[]
  ask(
    request?: object,
    options?: {
      readonly stream?: boolean
      readonly signal?: AbortSignal
      readonly onChunk?: (chunk: string) => void | Promise<void>
    },
  ): Promise<TestReply>
}

/** A class, or a class with the options at its use. */
export type Use = unknown | readonly [Class: unknown, options: Readonly<Record<string, unknown>>]

export interface WorldOptions {
  readonly upstream?: (sent: Sent) => TestAnswer | Promise<TestAnswer>
  readonly provider?: object
  /** The provider that names the classes; `undefined` for a plugin of the whole router. */
  readonly namedBy?: string | undefined
  readonly dialect?: Plugin
  /** Plugins behind those of the classes. */
  readonly more?: readonly TestEntry[]
  readonly settings?: Parameters<typeof createTestKernel>[0]['settings']
}

export const KEY = 'sk-test-secret'

const route = defineRouter({ name: 'route', description: 'All go there.', route: () => 'test,model' })

/** The plugin of a class. */
export function adapted(Class: unknown, options: Readonly<Record<string, unknown>> = {}): Plugin {
  const plugin = adaptClass(Class, { file: '/somewhere/legacy.js', options })
  if (!plugin) throw new Error('no class of transformers')
  return plugin
}

export async function createWorld(uses: readonly Use[], options: WorldOptions = {}): Promise<LegacyWorld> {
  const { upstream = () => sse(chunks(said('hello'))), provider = {}, dialect = openai, more = [] } = options
  const namedBy = 'namedBy' in options ? options.namedBy : 'test'
  const sent: Sent[] = []
  const entries = uses.map((use, index): TestEntry => {
    const [Class, own] = Array.isArray(use) ? (use as [unknown, Readonly<Record<string, unknown>>]) : [use, {}]
    return { plugin: adapted(Class, own), options: own, id: `use-${index}`, provider: namedBy }
  })
  const kernel = await createTestKernel({
    plugins: [plainClient(), route, dialect, ...entries, ...more],
    providers: [{ baseUrl: 'https://api.example/v1', ...provider }],
    ...(options.settings && { settings: options.settings }),
    upstream: async ({ url, headers, body }) => {
      const one = { url, headers, body: JSON.parse(body.toString()) as JsonObject }
      sent.push(one)
      return upstream(one)
    },
  })
  const ask: LegacyWorld['ask'] = (request = {}, { stream = true, ...rest } = {}) => {
    const body = { model: 'asked', max_tokens: 64, messages: [{ role: 'user', content: 'hi' }], stream, ...request }
    return kernel.request({ path: PLAIN_PATH, body, ...rest })
  }
  return { ...kernel, sent, ask }
}

/** Chunks of Chat Completions as an upstream sends them. */
export function chunks(list: readonly object[], mark = true): string {
  const text = list.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')
  return mark ? `${text}data: [DONE]\n\n` : text
}

/** The chunks that say something, word by word. */
export function said(text: string): readonly object[] {
  const words = text.split(/(?<= )/)
  return [
    ...words.map((content) => ({ id: 'c', choices: [{ index: 0, delta: { content } }] })),
    {
      id: 'c',
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2 },
    },
  ]
}

/** A whole answer of Chat Completions. */
export function completion(content: string, more: object = {}): TestAnswer {
  const message = { role: 'assistant', content, ...more }
  return json({ id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }], usage: { prompt_tokens: 3 } })
}

/** What the client reads in the text blocks, or the thinking, of an answer. */
export function textOf({ text, headers }: TestReply, field: 'text' | 'thinking' = 'text'): string {
  if (headers['content-type']?.includes('json')) {
    const { content } = JSON.parse(text) as { readonly content?: readonly Readonly<Record<string, unknown>>[] }
    return (content ?? []).map((block) => String(block[field] ?? '')).join('')
  }
  const events = text
    .split('\n')
    .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as unknown] : []))
  return events
    .map((event) => (isObject(event) && isObject(event['delta']) ? String(event['delta'][field] ?? '') : ''))
    .join('')
}
