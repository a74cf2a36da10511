import { deepFreeze, messageOf, messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest, Outbound } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createAdaptation } from '../src/adapt.ts'
import { createTarget } from '../src/target.ts'
import type { ChatBody, ChatEvent } from '../src/wire.ts'

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const DONE = { done: true } as const

/** An attempt whose identifiers are counted, so that equal answers give equal events. */
export function fakeAttempt(request: Partial<CanonicalRequest> = {}, provider = 'local'): Attempt {
  let count = 0
  const exchange = {
    request: { model: 'asked', messages: [], ...request },
    newId: (prefix: string) => `${prefix}${++count}`,
  }
  return {
    exchange,
    target: { provider, model: 'real' },
    provider: { name: provider, dialect: 'openai', models: [], local: false },
  } as unknown as Attempt
}

export const target = createTarget(createAdaptation())

/** The body that goes out for a request, as the provider would parse it. */
export function encode(request: Partial<CanonicalRequest>, { stream = true, provider = 'local' } = {}): ChatBody {
  return encodeWith(target, request, fakeAttempt(request, provider), stream)
}

export function encodeWith(
  with_: typeof target,
  request: Partial<CanonicalRequest>,
  attempt: Attempt,
  stream = true,
): ChatBody {
  const minimal = { model: 'asked', messages: [{ role: 'user', content: 'hi' }] }
  const whole = deepFreeze({ ...minimal, ...request }) as CanonicalRequest
  const outbound = {
    dialect: 'canonical',
    baseUrl: 'http://127.0.0.1:1',
    model: 'real',
    stream,
    body: whole,
    headers: {},
  } as Outbound
  return JSON.parse(JSON.stringify(with_.strip!(with_.encode(whole, outbound, attempt)))) as ChatBody
}

/** The messages that go out. */
export function encodedMessages(...messages: CanonicalRequest['messages']): ChatBody['messages'] {
  return encode({ messages }).messages
}

/** Decodes wire events; what was emitted before a fault is kept beside it. */
export function run(
  events: readonly ChatEvent[],
  attempt = fakeAttempt(),
): { events: CanonicalEvent[]; fault: unknown } {
  const out: CanonicalEvent[] = []
  const emit = (event: CanonicalEvent): void => void out.push(deepFreeze(event))
  const decoder = target.decoder(attempt)
  try {
    for (const event of events) void decoder.chunk(event, emit)
    void decoder.flush?.(emit)
    return { events: out, fault: undefined }
  } catch (fault) {
    return { events: out, fault }
  }
}

export function decode(events: readonly ChatEvent[], attempt?: Attempt): CanonicalEvent[] {
  const { events: out, fault } = run(events, attempt)
  if (fault !== undefined) throw fault
  return out
}

/** One chunk of choice 0. */
export function chunk(delta: object, finish_reason: string | null = null, rest: object = {}): ChatEvent {
  return { choices: [{ index: 0, delta, finish_reason }], ...rest } as ChatEvent
}

/** The whole message of a stream of deltas that ends with this finish reason. */
export function answer(deltas: readonly object[], finish = 'stop', rest: object = {}): CanonicalMessage {
  return messageOfEvents(decode([...deltas.map((delta) => chunk(delta)), chunk({}, finish, rest), DONE]))
}

/** The whole message of an answer that was not streamed. */
export function wholeAnswer(message: object, finish = 'stop', rest: object = {}): CanonicalMessage {
  return messageOfEvents(
    decode(target.explode({ choices: [{ index: 0, message, finish_reason: finish }], ...rest }, fakeAttempt())),
  )
}

/** Bytes, cut as given, through reader and decoder. */
export function readStream(
  pieces: readonly Uint8Array[],
  attempt = fakeAttempt(),
): { events: CanonicalEvent[]; fault: unknown } {
  const wire: ChatEvent[] = []
  const emit = (event: ChatEvent): void => void wire.push(event)
  const reader = target.reader('text/event-stream; charset=utf-8', attempt)!
  let readFault: unknown
  try {
    for (const piece of pieces) reader.push(piece, emit)
    reader.end(emit)
  } catch (fault) {
    readFault = fault
  }
  if (readFault === undefined) return run(wire, attempt)
  const out: CanonicalEvent[] = []
  const decoder = target.decoder(attempt)
  for (const event of wire) void decoder.chunk(event, (one) => void out.push(deepFreeze(one)))
  return { events: out, fault: readFault }
}

/** The rows of a table with their names in front, which stand whole in the names of tests then. */
export function byRule<Row extends { readonly rule: string }>(rows: readonly Row[]): (readonly [string, Row])[] {
  return rows.map((row) => [row.rule, row])
}

/** Runs of a property test; the fuzzer raises it. */
export const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

/** Longest time of a property test: it grows with the runs. */
export const FUZZ_MS = Math.max(30_000, RUNS * 30)

/**
 * Breaks of the rules of a stream: those that the kernel enforces, and those that only a test can see (reliability I13,
 * I16, I19, I23, I24; not where the token limit cut the answer). Empty when a stream is well-formed so far.
 */
export function faultsOf(events: readonly CanonicalEvent[], complete = true): string[] {
  const validator = new Validator()
  try {
    for (const event of events) validator.check(event)
  } catch (thrown) {
    return [messageOf(thrown)]
  }
  const faults = events.filter(({ type }) => !KNOWN.has(type)).map(({ type }) => `I19: '${type}' is unknown`)
  const last = events.at(-1)?.type
  if (!complete) return last === 'message_stop' ? [...faults, 'I20: it ended in success'] : faults
  if (last !== 'message_stop') return [...faults, 'I20: it did not end']
  const { content, stop_reason, usage } = messageOfEvents(events)
  for (const [name, count] of Object.entries(usage))
    if (typeof count === 'number' && !(Number.isInteger(count) && count >= 0)) faults.push(`I16: ${name} is ${count}`)
  if (stop_reason === 'max_tokens' || stop_reason === 'refusal') return faults
  const called = content.some(({ type }) => type === 'tool_use')
  if (called !== (stop_reason === 'tool_use')) faults.push(`I23, I24: ${stop_reason}, calls: ${called}`)
  const begun = events.filter((event) => event.type === 'content_block_start').length
  if (begun !== content.length) faults.push('I13: the arguments of a call are no object')
  return faults
}

const KNOWN = new Set<string>([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
])
