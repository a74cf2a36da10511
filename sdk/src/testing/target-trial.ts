import { deepFreeze } from '@ccr/sdk'
import type { Attempt, CanonicalEvent, CanonicalRequest, Outbound, TargetDialect } from '@ccr/sdk'
import { CallArguments } from '@ccr/sdk/kernel'

/**
 * What a dialect made of an answer: what came out before a fault stands beside it. That arguments of a call are no JSON
 * object is a fault here too, as it is of the kernel's.
 */
export interface TrialAnswer {
  readonly events: CanonicalEvent[]
  /** `undefined` when there was none. */
  readonly fault: unknown
}

/** How {@link TargetTrial.encode} sends a request. */
export interface TrialSending {
  /** The target's model; `real` unless given. */
  readonly model?: string | undefined
  /** `true` unless given. */
  readonly stream?: boolean | undefined
  /** A new one unless given. */
  readonly attempt?: Attempt | undefined
}

/** The provider side of a dialect by itself. Every value that goes in or comes out is frozen, as in development. */
export interface TargetTrial<Body, Event> {
  /** An attempt for a request, whose identifiers are counted, so that equal answers give equal events. */
  attempt(request?: Partial<CanonicalRequest>, provider?: string): Attempt
  /** The body that goes out for a request, as the provider would parse it. */
  encode(request: Partial<CanonicalRequest>, sending?: TrialSending): Body
  /** Decodes wire events to their end. */
  run(events: readonly Event[], attempt?: Attempt): TrialAnswer
  /** The same where there must be no fault: it is thrown. */
  decode(events: readonly Event[], attempt?: Attempt): CanonicalEvent[]
  /** Reads and decodes the bytes of a stream, cut as given. */
  read(pieces: readonly Uint8Array[], attempt?: Attempt): TrialAnswer
}

/**
 * Tries the provider side of a dialect without a kernel: what it makes of a request, and of an answer.
 *
 * @param dialect its name
 * @param provider the one that attempts are of, unless they say another
 */
export function createTargetTrial<Body, Event>(
  dialect: string,
  target: TargetDialect<Body, Event>,
  provider = 'local',
): TargetTrial<Body, Event> {
  const newAttempt = (request: Partial<CanonicalRequest> = {}, name = provider): Attempt => {
    let count = 0
    const exchange = {
      request: { model: 'asked', messages: [], ...request },
      client: { app: 'test' },
      startedAt: 1_700_000_000_000,
      newId: (prefix: string) => `${prefix}${++count}`,
    }
    // What a dialect reads of an attempt and its exchange; the rest is missing.
    return {
      exchange,
      target: { provider: name, model: 'real' },
      provider: { name, dialect, models: [], local: false },
    } as unknown as Attempt
  }
  const decodeAll = (events: readonly Event[], attempt: Attempt, readFault?: { readonly fault: unknown }) => {
    const out: CanonicalEvent[] = []
    const calls = new CallArguments()
    const emit = (event: CanonicalEvent): void => void out.push(...calls.see([deepFreeze(event)]))
    const decoder = target.decoder(attempt)
    try {
      for (const event of events) void decoder.chunk(event, emit)
      // Nothing is flushed where reading failed.
      if (!readFault) void decoder.flush?.(emit)
      return { events: out, fault: calls.fault ?? readFault?.fault }
    } catch (fault) {
      return { events: out, fault: calls.fault ?? fault }
    }
  }
  return {
    attempt: newAttempt,
    encode(request, { model = 'real', stream = true, attempt } = {}) {
      const minimal = { model: 'asked', messages: [{ role: 'user' as const, content: 'hi' }] }
      const body: CanonicalRequest = deepFreeze({ ...minimal, ...request })
      const baseUrl = 'http://127.0.0.1:1'
      const outbound: Outbound = { dialect: 'canonical', baseUrl, model, stream, body, headers: {} }
      const encoded = target.encode(body, outbound, attempt ?? newAttempt(body))
      return JSON.parse(JSON.stringify(target.strip ? target.strip(encoded) : encoded)) as Body
    },
    run: (events, attempt = newAttempt()) => decodeAll(events, attempt),
    decode(events, attempt = newAttempt()) {
      const { events: out, fault } = decodeAll(events, attempt)
      if (fault !== undefined) throw fault
      return out
    },
    read(pieces, attempt = newAttempt()) {
      const wire: Event[] = []
      const emit = (event: Event): void => void wire.push(event)
      const reader = target.reader('text/event-stream; charset=utf-8', attempt)
      if (!reader) throw new Error(`dialect '${dialect}' reads no server-sent events`)
      try {
        for (const piece of pieces) reader.push(piece, emit)
        reader.end(emit)
      } catch (fault) {
        return decodeAll(wire, attempt, { fault })
      }
      return decodeAll(wire, attempt)
    },
  }
}
