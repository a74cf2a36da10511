import { deepFreeze, isCcrError, messageOfEvents } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalMessage, CanonicalRequest, Exchange, Outbound } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createAdaptation, type Adaptation } from '../src/adapt.ts'
import { createTarget } from '../src/target.ts'
import type { Fields, InputItem, ResponsesBody, ResponsesEvent } from '../src/wire.ts'

export { messageOfEvents as messageOf } from '@ccr/sdk'

export const target = createTarget(createAdaptation())

/** How many cases a property test tries. */
export const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

/** How long a property test may take on a machine that does other things too, in milliseconds. */
export const FUZZ_TIMEOUT = 30_000 + RUNS * 60

/** An exchange whose identifiers are counted, so that equal answers give equal events. */
export function fakeExchange(request: Partial<CanonicalRequest> = {}): Exchange {
  let count = 0
  return {
    request: { model: 'asked', messages: [], ...request },
    client: { app: 'test' },
    startedAt: 1_700_000_000_000,
    newId: (prefix: string) => `${prefix}${++count}`,
  } as unknown as Exchange
}

export function fakeAttempt(request: Partial<CanonicalRequest> = {}, provider = 'local'): Attempt {
  return {
    exchange: fakeExchange(request),
    target: { provider, model: 'real' },
    provider: { name: provider, dialect: 'openai-responses', models: [], local: false },
  } as unknown as Attempt
}

/** The body that goes out for a request, as the provider would parse it. */
export function encode(
  request: Partial<CanonicalRequest>,
  options: { stream?: boolean; provider?: string; adaptation?: Adaptation } = {},
): ResponsesBody {
  const { stream = true, provider = 'local', adaptation } = options
  const dialect = adaptation ? createTarget(adaptation) : target
  const body = deepFreeze({
    model: 'asked',
    messages: [{ role: 'user', content: 'hi' }],
    ...request,
  }) as CanonicalRequest
  const outbound = { dialect: 'canonical', baseUrl: 'http://127.0.0.1:1', model: 'real', stream, body, headers: {} }
  const encoded = dialect.encode(body, outbound as Outbound, fakeAttempt(body, provider))
  return JSON.parse(JSON.stringify(dialect.strip!(encoded))) as ResponsesBody
}

/** The items that go out for these messages. */
export function encodedItems(...messages: CanonicalRequest['messages']): readonly InputItem[] {
  return encode({ messages }).input
}

export interface Outcome {
  readonly events: readonly CanonicalEvent[]
  readonly fault: unknown
}

/** Decodes wire events; what was emitted before a fault is kept beside it. */
export function run(events: readonly ResponsesEvent[], attempt = fakeAttempt()): Outcome {
  const out: CanonicalEvent[] = []
  const emit = (event: CanonicalEvent): void => void out.push(event)
  const decoder = target.decoder(attempt)
  try {
    for (const event of events) void decoder.chunk(event, emit)
    void decoder.flush?.(emit)
    return { events: out, fault: undefined }
  } catch (fault) {
    return { events: out, fault }
  }
}

export function decode(events: readonly ResponsesEvent[], attempt?: Attempt): readonly CanonicalEvent[] {
  const { events: out, fault } = run(events, attempt)
  if (fault !== undefined) throw fault
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

/** Bytes, cut as given, through reader and decoder. */
export function readStream(pieces: readonly Uint8Array[], attempt = fakeAttempt()): Outcome {
  const wire: ResponsesEvent[] = []
  const emit = (event: ResponsesEvent): void => void wire.push(event)
  const reader = target.reader('text/event-stream; charset=utf-8', attempt)!
  try {
    for (const piece of pieces) reader.push(piece, emit)
    reader.end(emit)
  } catch (fault) {
    const { events, fault: earlier } = run(wire, attempt)
    return { events, fault: codeOf(earlier) === 'CCR_STREAM_ENDED' ? fault : (earlier ?? fault) }
  }
  return run(wire, attempt)
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

export function cutAt(bytes: Uint8Array, offsets: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...[...offsets].sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index]!, end))
}
