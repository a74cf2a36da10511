import { messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest, ContentBlock } from '@ccr/sdk'
import { createTargetTrial, type TrialAnswer } from '@ccr/sdk/testing'
import { client } from '../src/client.ts'
import { createTarget } from '../src/target.ts'
import { TrailingSignatures } from '../src/trailing-signatures.ts'
import type { Content, GeminiBody, GeminiEvent, Part } from '../src/wire.ts'

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const target = createTarget(new TrailingSignatures())

const trialOf = (by: typeof target) => createTargetTrial('gemini', by, 'google')

export const { attempt: fakeAttempt, read: readStream } = trialOf(target)

/** What a request is sent to. */
export interface Sending {
  readonly model?: string
  readonly stream?: boolean
  readonly provider?: string
  readonly with?: typeof target
  readonly attempt?: Attempt
}

/** The body that goes out for a request, as the provider would parse it. */
export function encode(request: Partial<CanonicalRequest>, sending: Sending = {}): GeminiBody {
  const { model = 'gemini-2.5-flash', stream, provider, with: by = target } = sending
  const attempt = sending.attempt ?? fakeAttempt(request, provider)
  return trialOf(by).encode(request, { model, stream, attempt })
}

/** The contents that go out for a history. */
export function contentsOf(messages: CanonicalRequest['messages'], sending?: Sending): readonly Content[] {
  return encode({ messages }, sending).contents
}

/** Decodes wire events; what was emitted before a fault is kept beside it. */
export function run(events: readonly GeminiEvent[], attempt?: Attempt, by = target): TrialAnswer {
  return trialOf(by).run(events, attempt)
}

export function decode(events: readonly GeminiEvent[], attempt?: Attempt, by = target): CanonicalEvent[] {
  return trialOf(by).decode(events, attempt)
}

/** One event of a stream. */
export function chunk(parts: readonly object[], finishReason?: string, rest: object = {}): GeminiEvent {
  const candidate = { content: { role: 'model', parts }, ...(finishReason && { finishReason }), index: 0 }
  return { candidates: [candidate], ...rest } as GeminiEvent
}

/** The whole message of a stream with one part an event. */
export function answer(parts: readonly object[], finish = 'STOP', rest: object = {}): CanonicalMessage {
  return messageOfEvents(decode([...parts.map((part) => chunk([part])), chunk([], finish, rest)]))
}

/** The whole message of an answer that was not streamed. */
export function wholeAnswer(parts: readonly object[], finish = 'STOP', rest: object = {}): CanonicalMessage {
  return messageOfEvents(decode(target.explode(chunk(parts, finish, rest), fakeAttempt())))
}

/** The answer in the form in which a client replays it: thinking keeps its signature. */
export function replayed(message: CanonicalMessage): { readonly role: 'assistant'; content: readonly ContentBlock[] } {
  return { role: 'assistant', content: message.content }
}

/** The request that a client of this API made, in canonical form. */
export function decodeRequest(body: object, url = '/v1beta/models/asked:generateContent'): CanonicalRequest {
  return client.decode({ body: Buffer.from(JSON.stringify(body)), headers: {}, url, params: {} }).request
}

/** Server-sent events, as this API writes them. */
export function sseOf(events: readonly object[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
}

export type { Part }
