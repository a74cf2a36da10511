import type { CanonicalEvent, CanonicalMessage, CanonicalRequest, JsonObject } from '@ccr/sdk'
import { messageOfEvents } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestAnswer, type TestEntry, type TestKernel } from '@ccr/sdk/testing'
import anthropic from '../../dialect-anthropic/src/index.ts'
import dialect from '../src/index.ts'
import { routeTo } from './world.ts'

/** What a provider is asked: its body, and the headers beside it. */
export interface Asked {
  readonly body: JsonObject
  readonly headers: Readonly<Record<string, string>>
}

/** What a client got: the whole message, or the events of a stream. */
export interface Answered {
  readonly status: number
  readonly text: string
  readonly message: CanonicalMessage
  readonly events: readonly CanonicalEvent[]
}

/** A client of the Messages API and a provider of this dialect, with patches between them. */
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
  const { model = 'model', provider = 'test', answer = plainAnswer } = options
  const asked: Asked[] = []
  const test = await createTestKernel({
    plugins: [anthropic, dialect, routeTo(provider, model), ...patches],
    providers: [{ name: provider, models: [model] }],
    upstream: ({ body: sent, headers }) => {
      const body = JSON.parse(String(sent)) as JsonObject
      asked.push({ body, headers })
      return answer(body, headers)
    },
  })
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
