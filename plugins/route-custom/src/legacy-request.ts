import type { CanonicalRequest, Exchange, PluginLog } from '@ccr/sdk'
import { lazyBody } from './lazy-body.ts'

/** What a custom router is given as its first argument: a request of the Messages API, whatever the client speaks. */
export interface LegacyRequest {
  /** That of the exchange, which is also the `request-id` of the answer. */
  readonly id: string
  readonly method: 'POST'
  /** Path of the endpoint, below `/preset/<name>` for a profile. */
  readonly url: string
  readonly query: object
  readonly params: object
  /** The request in the form of the Messages API; it may be changed. */
  readonly body: Record<string, unknown>
  readonly headers: Readonly<Record<string, unknown>>
  readonly log: LegacyLog
  readonly sessionId: string | undefined
  /** The most likely number of tokens of the request. */
  readonly tokenCount: number
}

/** Takes fields and a message, or a message alone. */
export type LegacyLog = Readonly<
  Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', (first: unknown, ...rest: readonly unknown[]) => void>
>

/** A request as custom routers know it, and what they made of its body. */
export function legacyRequest(
  request: CanonicalRequest,
  exchange: Exchange,
  log: PluginLog,
  count: (request: CanonicalRequest) => number,
): { readonly given: LegacyRequest; changed(): CanonicalRequest | undefined } {
  const { body, changed } = lazyBody(request)
  let tokens: number | undefined
  const { id, profile } = exchange
  const given: LegacyRequest = {
    id,
    method: 'POST',
    url: profile === 'default' ? '/v1/messages' : `/preset/${profile}/v1/messages`,
    query: {},
    params: {},
    body,
    headers: { ...exchange.headers },
    log: legacyLog(log),
    sessionId: exchange.client.sessionId,
    // Counting reads the whole conversation, so it is done for those who ask.
    get tokenCount() {
      return (tokens ??= count(request))
    },
  }
  return { given, changed }
}

function legacyLog(log: PluginLog): LegacyLog {
  const at = (level: keyof PluginLog) => (first: unknown, second?: unknown) => {
    const fields = typeof first === 'object' && first !== null ? first : {}
    log[level](fields, String(typeof first === 'string' ? first : (second ?? 'custom router')))
  }
  const [debug, error] = [at('debug'), at('error')]
  return { trace: debug, debug, info: at('info'), warn: at('warn'), error, fatal: error }
}
