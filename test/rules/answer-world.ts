import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { messageOfEvents, type CanonicalEvent, type CanonicalMessage, type ContentBlock } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createTestKernel, cut, json, sse, type TestEntry } from '@ccr/sdk/testing'
import { streamedAnswer, TARGETS, wholeAnswer, type Said, type TargetName } from '../dialects/answers.ts'
import { routeByHeader } from '../dialects/route-by-header.ts'

export { TARGETS, type TargetName } from '../dialects/answers.ts'

/** Every target, streamed and whole. */
export const FORMS = TARGETS.flatMap((target) => [true, false].map((stream) => [target, stream] as const))

export interface Question {
  readonly target?: TargetName
  readonly stream?: boolean
  /** Fields of the request beside the least that one needs. */
  readonly body?: object
  /** What the upstream says, in the words of its protocol. */
  readonly said?: Said
  /** Changes the bytes of that. */
  readonly edit?: (answer: string) => string
  /** Or chunks of Chat Completions as it sends them, `[DONE]` behind them; of a whole answer the only one. */
  readonly chunks?: readonly object[]
  /** Where the bytes of its answer are cut. */
  readonly cuts?: readonly number[]
}

export interface Answered {
  readonly status: number
  /** The whole answer; nothing where there is none. */
  readonly message: CanonicalMessage | undefined
  readonly content: readonly ContentBlock[] | undefined
  readonly events: readonly CanonicalEvent[]
  /** What the client was told of a failure. */
  readonly error: unknown
  /** The body that the upstream was sent. */
  readonly sent: Sent
}

/** Fields of bodies that tests look at. */
export interface Sent {
  readonly [field: string]: unknown
  readonly messages: readonly { readonly role: string; readonly content: unknown; readonly [field: string]: unknown }[]
}

export interface TransformerWorld {
  /** Asks as a client of the Messages protocol. */
  ask(question: Question): Promise<Answered>
  dispose(): Promise<void>
}

/** A kernel with the four protocols and these transformers, and an upstream that speaks all of them. */
export async function createTransformerWorld(...transformers: readonly TestEntry[]): Promise<TransformerWorld> {
  let asked: Question = {}
  let sent: Sent = { messages: [] }
  const kernel = await createTestKernel({
    plugins: [anthropic, openai, responses, gemini, routeByHeader, ...transformers],
    providers: TARGETS.map((dialect) => ({ name: dialect, dialect })),
    upstream: ({ url, body }) => {
      sent = JSON.parse(String(body)) as Sent
      const streamed = url.includes('streamGenerateContent') || sent['stream'] === true
      const { target = 'openai', said = { text: 'hello' }, edit = (answer) => answer, chunks, cuts = [] } = asked
      if (!streamed) return json(chunks?.[0] ?? wholeAnswer(target, said))
      const text = chunks ? framesOf(chunks) : edit(streamedAnswer(target, said))
      return cuts.length > 0 ? sse(cut(text, ...cuts)) : sse(text)
    },
  })
  return {
    async ask(question) {
      asked = question
      const { target = 'openai', stream = true, body = {} } = question
      const messages = [{ role: 'user', content: 'q' }]
      const reply = await kernel.request({
        body: { model: 'm', max_tokens: 5000, messages, stream, ...body },
        headers: { 'x-target': target },
      })
      if (reply.status !== 200 || !stream) {
        const given = reply.json() as CanonicalMessage & { readonly error?: unknown }
        const message = reply.status === 200 ? given : undefined
        return { status: reply.status, message, content: message?.content, events: [], error: given.error, sent }
      }
      const events = eventsOf(reply.text)
      const validator = new Validator()
      for (const event of events) validator.check(event)
      const last = events.at(-1)!
      const message = last.type === 'message_stop' ? messageOfEvents(events) : undefined
      const error = last.type === 'error' ? last.error : undefined
      return { status: reply.status, message, content: message?.content, events, error, sent }
    },
    dispose: () => kernel.dispose(),
  }
}

/** A chunk of Chat Completions. */
export function chunk(delta: object, finish_reason: string | null = null, rest: object = {}): object {
  return { id: 'x', model: 'm', choices: [{ index: 0, delta, finish_reason }], ...rest }
}

/** A part of a tool call in a chunk. */
export function part(index: number, fields: object, id?: string): object {
  return { index, ...(id !== undefined && { id, type: 'function' }), function: fields }
}

/** A whole answer of Chat Completions. */
export function completion(message: object, finish_reason: string): object {
  return { id: 'x', model: 'm', choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] }
}

function framesOf(chunks: readonly object[]): string {
  return [...chunks.map((one) => JSON.stringify(one)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
}

function eventsOf(text: string): CanonicalEvent[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as CanonicalEvent)
}
