import { deepFreeze, messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest, ContentBlock, Outbound } from '@ccr/sdk'
import { client } from '../src/client.ts'
import { createTarget } from '../src/target.ts'
import { TrailingSignatures } from '../src/trailing-signatures.ts'
import type { Content, GeminiBody, GeminiEvent, Part } from '../src/wire.ts'

/** An attempt whose identifiers are counted, so that equal answers give equal events. */
export function fakeAttempt(request: Partial<CanonicalRequest> = {}, provider = 'google'): Attempt {
  let count = 0
  const exchange = {
    request: { model: 'asked', messages: [], ...request },
    newId: (prefix: string) => `${prefix}${++count}`,
  }
  return {
    exchange,
    target: { provider, model: 'real' },
    provider: { name: provider, dialect: 'gemini', models: [], local: false },
  } as unknown as Attempt
}

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const target = createTarget(new TrailingSignatures())

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
  const { model = 'gemini-2.5-flash', stream = true, provider = 'google', with: by = target } = sending
  const whole = deepFreeze({
    model: 'asked',
    messages: [{ role: 'user', content: 'hi' }],
    ...request,
  }) as CanonicalRequest
  const attempt = sending.attempt ?? fakeAttempt(whole, provider)
  const outbound: Outbound = {
    dialect: 'canonical',
    baseUrl: 'http://127.0.0.1:1',
    model,
    stream,
    body: whole,
    headers: {},
  }
  return JSON.parse(JSON.stringify(by.strip!(by.encode(whole, outbound, attempt)))) as GeminiBody
}

/** The contents that go out for a history. */
export function contentsOf(messages: CanonicalRequest['messages'], sending?: Sending): readonly Content[] {
  return encode({ messages }, sending).contents
}

/** Decodes wire events; what was emitted before a fault is kept beside it. */
export function run(
  events: readonly GeminiEvent[],
  attempt = fakeAttempt(),
  by = target,
): { events: CanonicalEvent[]; fault: unknown } {
  const out: CanonicalEvent[] = []
  const emit = (event: CanonicalEvent): void => void out.push(structuredClone(event))
  const decoder = by.decoder(attempt)
  try {
    for (const event of events) void decoder.chunk(event, emit)
    void decoder.flush?.(emit)
    return { events: out, fault: undefined }
  } catch (fault) {
    return { events: out, fault }
  }
}

export function decode(events: readonly GeminiEvent[], attempt?: Attempt, by?: typeof target): CanonicalEvent[] {
  const { events: out, fault } = run(events, attempt, by)
  if (fault !== undefined) throw fault
  return out
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

/** Bytes, cut as given, through reader and decoder. */
export function readStream(
  pieces: readonly Uint8Array[],
  attempt = fakeAttempt(),
): { events: CanonicalEvent[]; fault: unknown } {
  const wire: GeminiEvent[] = []
  const emit = (event: GeminiEvent): void => void wire.push(event)
  const reader = target.reader('text/event-stream; charset=utf-8', attempt)!
  try {
    for (const piece of pieces) reader.push(piece, emit)
    reader.end(emit)
  } catch (readFault) {
    const out: CanonicalEvent[] = []
    const decoder = target.decoder(attempt)
    for (const event of wire) void decoder.chunk(event, (one) => void out.push(structuredClone(one)))
    return { events: out, fault: readFault }
  }
  return run(wire, attempt)
}

/** The answer in the form in which a client replays it: thinking keeps its signature. */
export function replayed(message: CanonicalMessage): { readonly role: 'assistant'; content: readonly ContentBlock[] } {
  return { role: 'assistant', content: message.content }
}

/** The request that a client of this API made, in canonical form. */
export function decodeRequest(body: object, url = '/v1beta/models/asked:generateContent'): CanonicalRequest {
  return client.decode({ body: Buffer.from(JSON.stringify(body)), headers: {}, url, params: {} }).request
}

/** Cuts bytes at the given offsets. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...[...offsets].sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end))
}

/** Server-sent events, as this API writes them. */
export function sseOf(events: readonly object[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
}

export type { Part }
