import { isCcrError, messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest, Exchange } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createTargetTrial } from '@ccr/sdk/testing'
import { createAdaptation, type Adaptation } from '../src/adapt.ts'
import { createTarget } from '../src/target.ts'
import type { Fields, InputItem, ResponsesBody, ResponsesEvent } from '../src/wire.ts'

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const target = createTarget(createAdaptation())

/** How many cases a property test tries. */
export const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

/** How long a property test may take on a machine that does other things too, in milliseconds. */
export const FUZZ_TIMEOUT = 30_000 + RUNS * 60

const trial = createTargetTrial('openai-responses', target)

export const { attempt: fakeAttempt, run, read: readStream } = trial

export function fakeExchange(request?: Partial<CanonicalRequest>): Exchange {
  return fakeAttempt(request).exchange
}

/** The body that goes out for a request, as the provider would parse it. */
export function encode(
  request: Partial<CanonicalRequest>,
  options: { stream?: boolean; provider?: string; adaptation?: Adaptation } = {},
): ResponsesBody {
  const { stream, provider, adaptation } = options
  const by = adaptation ? createTargetTrial('openai-responses', createTarget(adaptation)) : trial
  return by.encode(request, { stream, attempt: fakeAttempt(request, provider) })
}

/** The items that go out for these messages. */
export function encodedItems(...messages: CanonicalRequest['messages']): readonly InputItem[] {
  return encode({ messages }).input
}

export function decode(events: readonly ResponsesEvent[], attempt?: Attempt): readonly CanonicalEvent[] {
  const out = trial.decode(events, attempt)
  expectValid(out)
  return out
}

/** The message that a stream comes to, and the same of a whole answer that says the same. */
export function answer(events: readonly ResponsesEvent[], attempt?: Attempt): CanonicalMessage {
  return messageOfEvents(decode(events, attempt))
}

export function wholeAnswer(response: Fields, attempt = fakeAttempt()): CanonicalMessage {
  return messageOfEvents(decode(target.explode(response, attempt), attempt))
}

export function codeOf(fault: unknown): string | undefined {
  if (fault !== undefined && !isCcrError(fault)) throw fault
  return fault?.code
}

/** The kernel's own validator accepts these events; complete ones end. */
export function expectValid(events: readonly CanonicalEvent[], complete = true): void {
  const validator = new Validator()
  for (const event of events) validator.check(event)
  if (complete && !validator.ended) throw new Error('the events lack their end')
  if (!complete && validator.ended) throw new Error('the events end although they should not')
}

/** Server-sent events as OpenAI writes them. */
export function sseOf(events: readonly ResponsesEvent[]): string {
  return events.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}
