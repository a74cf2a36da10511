import { messageOf, messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createTargetTrial } from '@ccr/sdk/testing'
import { createAdaptation } from '../src/adapt.ts'
import { createTarget } from '../src/target.ts'
import type { ChatBody, ChatEvent } from '../src/wire.ts'

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const DONE = { done: true } as const

export const target = createTarget(createAdaptation())

export const { attempt: fakeAttempt, run, decode, read: readStream } = createTargetTrial('openai', target)

/** The body that goes out for a request, as the provider would parse it. */
export function encode(request: Partial<CanonicalRequest>, { stream = true, provider = 'local' } = {}): ChatBody {
  return encodeWith(target, request, fakeAttempt(request, provider), stream)
}

export function encodeWith(
  by: typeof target,
  request: Partial<CanonicalRequest>,
  attempt: Attempt,
  stream = true,
): ChatBody {
  return createTargetTrial('openai', by).encode(request, { attempt, stream })
}

/** The messages that go out. */
export function encodedMessages(...messages: CanonicalRequest['messages']): ChatBody['messages'] {
  return encode({ messages }).messages
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
