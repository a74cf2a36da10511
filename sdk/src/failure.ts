import type { JsonObject } from './canonical.ts'

/** The error types of the canonical dialect; every client dialect maps them to its own words. */
export type FailureType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error'
  | 'overloaded_error'

/** A failure as the client will be told. The message holds no secret, no path and no stack. */
export interface FailureReply {
  /** HTTP status, used while no byte of the answer has left. */
  readonly status: number
  readonly type: FailureType
  readonly message: string
  /** Value of the `retry-after` header, as the upstream gave it (seconds or HTTP date). */
  readonly retryAfter?: string | undefined
  /** Sets `x-should-retry`, which overrides the client's own judgement. */
  readonly shouldRetry?: boolean | undefined
  /** Further headers, such as `allow`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * What a program is told beside the message, such as `error_code`; a dialect without a place for it leaves it out.
   * Holds JSON values only, and no secret.
   */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** Sent as it is in the place of the dialect's own form: what an upstream said to a client's own credentials. */
  readonly body?: Uint8Array | undefined
}

/** How an attempt ended: `cooldown` = alive but asked to be left alone; `neutral` = says nothing about the target. */
export type AttemptOutcome = 'ok' | 'failure' | 'cooldown' | 'neutral'

/** What went wrong in one attempt. */
export interface AttemptFailure {
  /**
   * `status`: the upstream answered with an error status · `network`: refused, reset, DNS, TLS, no access ·
   * `timeout`: a timer of the router · `protocol`: the answer is not what the dialect defines, or ended early ·
   * `reported`: an error inside a 200 answer · `plugin`: a handler failed.
   */
  readonly kind: 'status' | 'network' | 'timeout' | 'protocol' | 'reported' | 'plugin'
  /** The upstream's HTTP status, where there was one. */
  readonly status?: number | undefined
  /** The upstream's own message, at most 500 characters, redacted. */
  readonly message: string
  /** The upstream's `retry-after` in milliseconds, where it was valid. */
  readonly retryAfterMs?: number | undefined
  /** It says nothing about the target, as when that refuses a client's own credentials. */
  readonly neutral?: boolean | undefined
  /** What the client is told when nobody decides otherwise. */
  readonly reply: FailureReply
  readonly cause?: unknown
}

/** Status and type of what a client is told. */
export interface Verdict {
  readonly status: number
  readonly type: FailureType
  readonly shouldRetry?: boolean | undefined
}

const BAD_GATEWAY: Verdict = { status: 502, type: 'api_error' }
const OUR_CREDENTIALS: Verdict = { status: 502, type: 'api_error', shouldRetry: false }

const BY_STATUS: ReadonlyMap<number, Verdict> = new Map([
  [400, { status: 400, type: 'invalid_request_error' }],
  [401, OUR_CREDENTIALS],
  [402, OUR_CREDENTIALS],
  [403, OUR_CREDENTIALS],
  [404, { status: 404, type: 'not_found_error' }],
  [408, { status: 504, type: 'timeout_error' }],
  [413, { status: 413, type: 'invalid_request_error' }],
  [415, { status: 415, type: 'invalid_request_error' }],
  [422, { status: 422, type: 'invalid_request_error' }],
  [429, { status: 429, type: 'rate_limit_error' }],
  [504, { status: 504, type: 'timeout_error' }],
  [529, { status: 529, type: 'overloaded_error' }],
])

const BY_TYPE: Readonly<Record<FailureType, Verdict>> = {
  invalid_request_error: { status: 400, type: 'invalid_request_error' },
  authentication_error: OUR_CREDENTIALS,
  permission_error: OUR_CREDENTIALS,
  not_found_error: { status: 404, type: 'not_found_error' },
  request_too_large: { status: 413, type: 'request_too_large' },
  rate_limit_error: { status: 429, type: 'rate_limit_error' },
  api_error: BAD_GATEWAY,
  timeout_error: { status: 504, type: 'timeout_error' },
  overloaded_error: { status: 529, type: 'overloaded_error' },
}

/** What an upstream's HTTP status means to a client; the table stands in docs/reference/errors.md. */
export function verdictOfStatus(status: number): Verdict {
  return BY_STATUS.get(status) ?? BAD_GATEWAY
}

const TYPE_OF_STATUS: ReadonlyMap<number, FailureType> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'permission_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [422, 'invalid_request_error'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])

/** The type of an error that was reported inside a good answer, by the HTTP status that it names, if it does. */
export function typeOfStatus(status: unknown): FailureType | undefined {
  return TYPE_OF_STATUS.get(Number(status))
}

/** Words that mean one thing wherever they stand. */
const PLAIN_WORDS: readonly (readonly [FailureType, RegExp])[] = [
  ['rate_limit_error', /\b429\b|rate_?limit|too_?many_?requests/],
  ['overloaded_error', /\b529\b|overload|slow_down/],
  ['request_too_large', /\b413\b|request_too_large/],
  [
    'invalid_request_error',
    /\b4(?:00|22)\b|invalid_(?:request|prompt|image|base64)|image_(?:too|parse|file)|bad_?request/,
  ],
]

/** Those that say less than the HTTP status beside which they stand, if there is one. */
const WORDS_OF_REPORTS: readonly (readonly [FailureType, RegExp])[] = [
  ['authentication_error', /api_?key|authenticat|unauthorized/],
  ['permission_error', /permission|forbidden|access_?denied|insufficient_?(?:quota|balance|credit|fund)|billing/],
  ['not_found_error', /\b(?:model|deployment|resource)?_?not_?found/],
  ['timeout_error', /time_?out|timed_?out/],
  ...PLAIN_WORDS,
]

/** The type of an error by what its `type`, `code` and `status` mean everywhere; the rest is left to the HTTP one. */
export function typeOfWords(error: JsonObject): FailureType | undefined {
  return typeIn(error, PLAIN_WORDS)
}

/**
 * The type of an error that was reported inside a good answer, by its `code`, `status` and `type`: they mean what the
 * HTTP status would have meant. Servers call a wrong key or model an invalid request too, so that says least.
 */
export function typeOfReport(error: JsonObject): FailureType | undefined {
  return typeOfStatus(error['code']) ?? typeOfStatus(error['status']) ?? typeIn(error, WORDS_OF_REPORTS)
}

function typeIn({ type, code, status }: JsonObject, types: typeof PLAIN_WORDS): FailureType | undefined {
  const said = [type, code, status].filter((word) => typeof word === 'string' || typeof word === 'number')
  const words = said.join(' ').toLowerCase()
  return types.find(([, pattern]) => pattern.test(words))?.[0]
}

/** What an upstream's own error type means to a client. */
export function verdictOfType(type: FailureType): Verdict {
  // What an upstream reports may be a word of its own.
  return Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : BAD_GATEWAY
}

/** What a failure says about the target. */
export function outcomeOf(failure: AttemptFailure): AttemptOutcome {
  if (failure.kind === 'plugin' || failure.neutral) return 'neutral'
  // A server that is overloaded, and says for how long.
  if (failure.status === 503 && failure.retryAfterMs !== undefined) return 'cooldown'
  // What it means, which an error inside a good answer says by its type, and some refusals of a key by their words.
  const { status } = failure.reply
  if (status === 400 || status === 413 || status === 415 || status === 422) return 'neutral'
  return status === 429 || status === 529 ? 'cooldown' : 'failure'
}

/** Milliseconds that a `retry-after` value asks for: seconds or an HTTP date; nothing when it is neither. */
export function retryAfterMsOf(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,10}(?:\.\d{1,9})?$/.test(value)) return Number(value) * 1000
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, [\w :-]{10,40}$/.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
