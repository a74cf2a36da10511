import type { Attempt, Exchange } from '@ccr/sdk'
import type { LegacyLog } from './legacy-log.ts'

/** What belongs to one attempt: nothing of it is shared with another. */
export interface Call {
  /** What every hook of the class is given as its context. */
  readonly context: { readonly req: Readonly<Record<string, unknown>> }
  /** The answer is asked for as a stream. */
  stream: boolean
  /** More than one choice is asked for. */
  many: boolean
  /** Where and how the class wants the request sent. */
  config: Readonly<Record<string, unknown>> | undefined
  /** The key of the provider, where the class has read it. */
  key: string | undefined
  /** Aborted when the attempt is given up. */
  readonly signal: AbortSignal
}

/** The calls of one instance, by attempt. */
export class Calls {
  readonly #log: LegacyLog
  readonly #calls = new WeakMap<Attempt, Call>()

  constructor(log: LegacyLog) {
    this.#log = log
  }

  of(attempt: Attempt): Call {
    const known = this.#calls.get(attempt)
    if (known) return known
    const { exchange, target, signal } = attempt
    const context = { req: legacyRequest(exchange, target.provider, this.#log) }
    const call: Call = { context, stream: false, many: false, config: undefined, key: undefined, signal }
    this.#calls.set(attempt, call)
    return call
  }
}

/** The client's request, as transformers know it from the server that called them. */
function legacyRequest(exchange: Exchange, provider: string, log: LegacyLog): Readonly<Record<string, unknown>> {
  const { id, headers, profile, client } = exchange
  let body: unknown
  return {
    id,
    method: 'POST',
    url: profile === 'default' ? '/v1/messages' : `/preset/${profile}/v1/messages`,
    query: {},
    params: {},
    headers: { ...headers },
    log,
    provider,
    sessionId: client.sessionId,
    // A copy of a whole conversation is made for those who read it.
    get body() {
      return (body ??= structuredClone({ ...exchange.request }))
    },
  }
}
