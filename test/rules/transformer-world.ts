import {
  definePlugin,
  messageOfEvents,
  type CanonicalEvent,
  type CanonicalMessage,
  type CanonicalRequest,
} from '@ccr/sdk'
import type { JsonObject, Plugin, Target } from '@ccr/sdk'
import { createTestKernel, json, sse } from '@ccr/sdk/testing'
import type { TestAnswer, TestEntry, TestKernel, TestReply, TestUpstream } from '@ccr/sdk/testing'
import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { completion, message } from './upstream.ts'

/** The wire protocols that providers speak. */
export const DIALECTS = ['anthropic', 'openai', 'openai-responses', 'gemini'] as const
export type DialectName = (typeof DIALECTS)[number]

/** A transformer, or one with its options, as it stands in a list. */
export type Used = Plugin | readonly [Plugin, object]

/** How a request is sent. */
export interface Sending {
  readonly dialect: DialectName
  /** `transformer.use` of the provider. */
  readonly use?: readonly Used[]
  /** `transformer.model.use`. */
  readonly modelUse?: readonly Used[]
  /** Fields beside those of a short question in the Messages protocol, or its text as it stands. */
  readonly request?: object | string
  /** Path of the endpoint that is asked; `/v1/messages` unless given. */
  readonly path?: string
  /** A whole answer that says little unless given. */
  readonly upstream?: TestUpstream
}

/** What came of it. */
export interface Sent {
  /** Every body that went out, in order. */
  readonly bodies: readonly JsonObject[]
  /** The last one. */
  readonly body: JsonObject
  /** The same as it stood on the wire. */
  readonly text: string
  readonly reply: TestReply
}

const WHOLE: Readonly<Record<DialectName, object>> = {
  anthropic: message('hello'),
  openai: completion('hello'),
  'openai-responses': {
    status: 'completed',
    output: [
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hello', annotations: [] }] },
    ],
  },
  gemini: { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
}

/** Sends one request to a provider with these lists of transformers; its model is the one that the request names. */
export async function sendThrough(how: Sending): Promise<Sent> {
  const { dialect, use = [], modelUse = [], request = {}, path = '/v1/messages' } = how
  const { upstream = () => json(WHOLE[dialect]) } = how
  // As the config reads the two lists.
  const entries = [
    ...use.map((used, index) => entryOf(used, `${index}`, ({ provider }) => provider === 'test')),
    ...modelUse.map((used, index) => entryOf(used, `m${index}`, ({ model }) => model === 'model')),
  ]
  const { test, asked } = await startWorld(entries, { provider: { name: 'test', dialect }, upstream })
  const question = { model: 'model', max_tokens: 1000, stream: false, messages: [{ role: 'user', content: 'hi' }] }
  const body = typeof request === 'string' ? request : JSON.stringify({ ...question, ...request })
  const reply = await test.request({ path, body })
  await test.dispose()
  const bodies = asked.map(({ body }) => body)
  return { bodies, body: bodies.at(-1) ?? {}, text: asked.at(-1)?.text ?? '', reply }
}

function entryOf(used: Used, place: string, target: (target: Target) => boolean): TestEntry {
  const [plugin, options = {}] = 'name' in used ? [used] : used
  return { plugin, options, id: `${plugin.name}@${place}`, when: { target } }
}

/** What a provider is asked: its body, as it is and as it stood on the wire, and the headers beside it. */
export interface Asked {
  readonly body: JsonObject
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

interface WorldOptions {
  readonly provider: { readonly name: string; readonly dialect: string }
  /** Where all requests go; each to the model that it names unless given. */
  readonly model?: string | undefined
  readonly upstream: TestUpstream
}

/** Clients and a provider of any protocol, with patches between them, and what that is asked. */
async function startWorld(patches: readonly TestEntry[], { provider, model, upstream }: WorldOptions) {
  const asked: Asked[] = []
  const route = definePlugin({
    name: 'route-to',
    apiVersion: 1,
    description: 'Sends each request to one provider.',
    activate(ctx) {
      ctx.on('selectRoute', (plan, { request }) => {
        const target = { provider: provider.name, model: model ?? request.model }
        return { ...plan, targets: [target], primary: target, decidedBy: 'route-to' }
      })
    },
  })
  const test = await createTestKernel({
    plugins: [anthropic, openai, responses, gemini, route, ...patches],
    providers: [{ ...provider, ...(model !== undefined && { models: [model] }) }],
    upstream: (sent) => {
      const text = String(sent.body)
      asked.push({ body: JSON.parse(text) as JsonObject, text, headers: sent.headers })
      return upstream(sent)
    },
  })
  return { test, asked }
}

/** What a client got: the whole message, or the events of a stream. */
export interface Answered {
  readonly status: number
  readonly text: string
  readonly message: CanonicalMessage
  readonly events: readonly CanonicalEvent[]
}

/** Clients of the Messages API and of Chat Completions, and a provider of the latter, with patches between them. */
export interface Patched {
  readonly test: TestKernel
  readonly asked: readonly Asked[]
  /** The body that went out last. */
  readonly last: JsonObject
  /** The messages of that body. */
  readonly messages: readonly JsonObject[]
  ask(request?: Partial<CanonicalRequest>): Promise<Answered>
  /** The same as a client of Chat Completions. */
  complete(request: object): Promise<Answered>
}

export interface PatchedOptions {
  readonly model?: string
  readonly provider?: string
  /** Answers a request; a short text unless given. */
  readonly answer?: (body: JsonObject, headers: Asked['headers']) => TestAnswer
}

/** Starts that world; whoever starts it disposes its kernel. */
export async function startPatched(patches: readonly TestEntry[], options: PatchedOptions = {}): Promise<Patched> {
  const { model = 'model', provider: name = 'test', answer = plainAnswer } = options
  const upstream: TestUpstream = ({ headers }) => answer(asked.at(-1)!.body, headers)
  const { test, asked } = await startWorld(patches, { provider: { name, dialect: 'openai' }, model, upstream })
  const base = { model: 'asked', max_tokens: 9, messages: [{ role: 'user', content: 'q' }] }
  const request = async (path: string, body: object): Promise<Answered> => {
    const { status, text } = await test.request({ path, body })
    return answered(status, text)
  }
  return {
    test,
    asked,
    get last() {
      return asked.at(-1)!.body
    },
    get messages() {
      return asked.at(-1)!.body['messages'] as readonly JsonObject[]
    },
    ask: (given = {}) => request('/v1/messages', { ...base, ...given }),
    complete: (given) => request('/v1/chat/completions', { ...base, ...given }),
  }
}

function answered(status: number, text: string): Answered {
  if (text.startsWith('{')) return { status, text, message: JSON.parse(text) as CanonicalMessage, events: [] }
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('event: '))
  const events = frames.map((frame) => JSON.parse(/^data: (.*)$/m.exec(frame)![1]!) as CanonicalEvent)
  const complete = events.at(-1)?.type === 'message_stop'
  return { status, text, events, message: complete ? messageOfEvents(events) : ({} as CanonicalMessage) }
}

function plainAnswer(body: JsonObject): TestAnswer {
  return answerOf(body, [{ content: 'a' }])
}

/** These deltas and their end as a stream, or as one whole answer, whichever the body asks for. */
export function answerOf(
  body: JsonObject,
  deltas: readonly object[],
  finish = 'stop',
  rest: object = { usage: { prompt_tokens: 1, completion_tokens: 1 } },
): TestAnswer {
  const end = { index: 0, finish_reason: finish }
  if (body['stream'] !== true)
    return json({ choices: [{ ...end, message: Object.assign({ role: 'assistant' }, ...deltas) as object }], ...rest })
  const chunks = deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }))
  return sse(streamOf([...chunks, { choices: [{ ...end, delta: {} }], ...rest }]))
}

/** Chunks as the bytes of a stream. */
export function streamOf(chunks: readonly object[]): string {
  return [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
}

/** A refusal in the words of a server. */
export function refused(message: string, status = 400): TestAnswer {
  return json({ error: { message, type: 'invalid_request_error' } }, status)
}
