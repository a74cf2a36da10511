import { isCcrError, type CcrError } from '../errors.ts'
import type { UpstreamError } from '../dialect.ts'
import type { Target } from '../exchange.ts'
import { factOf } from './place.ts'
import { toHeaderValue } from './header-value.ts'
import { isShortage, networkFault } from './network-fault.ts'
import { isOverflow } from '../overflow.ts'
import { retryAfterMsOf, verdictOfStatus, verdictOfType } from '../failure.ts'
import type { AttemptFailure, FailureReply, Verdict } from '../failure.ts'

/** Codes of Node and undici, and those of OpenSSL about certificates. */
const NETWORK = /^(?:E[A-Z0-9]{2,}$|EAI_|UND_ERR_(?!INVALID_ARG)|HPE_|ERR_(?:SOCKET|STREAM|TLS|SSL))/
const CERTIFICATE = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_)/
/** Headers that say how much a client may still ask for, and how many of them go on: clients take 8 KiB. */
const LIMIT = /(?:^|-)ratelimit-/
const MAX_LIMITS = 32
const TEXT_LIMIT = 500
const SPENT = /\bcredit balance is too low\b|\binsufficient (?:account )?(?:balance|credits?|funds|quota)\b/i
/** Most fields, and most texts of a list, that are passed on of what an upstream says for programs. */
const MAX_DETAILS = 20
/** A client does what `retry-after` says, however long; beyond this it is told not to wait for it. */
const PATIENCE_MS = 60_000

type Redact = (text: string) => string
type Headers = Readonly<Record<string, string>>

/**
 * The failure of an attempt whose upstream answered with an error status; `unread` describes a body that its dialect
 * found nothing in.
 */
export function statusFailure(
  target: Target,
  status: number,
  headers: Headers,
  said: UpstreamError | undefined,
  redact: Redact,
  unread?: string,
): AttemptFailure {
  // Some providers refuse our key with a status that would blame the request.
  const refused = said?.type === 'authentication_error' || said?.type === 'permission_error'
  const message = quotable(said?.message, redact)
  const ours = refused || isSpent(status, message)
  // Servers give it one of several statuses; clients recover from this one only.
  const overflow = isOverflow(message)
  const type = ours ? 'permission_error' : overflow ? 'invalid_request_error' : undefined
  const verdict = type ? verdictOfType(type) : verdictOfStatus(status)
  const redirected = status >= 300 && status < 400
  const words = unread === undefined || overflow ? after(message) : ` ${unread}`
  const fact = redirected ? `redirected (${status}); redirects are not followed` : `answered ${status}${words}`
  const given = headers['retry-after'] ?? said?.retryAfter
  const stated = retryAfterMsOf(given)
  const retryAfterMs = millisecondsOf(headers['retry-after-ms']) ?? stated
  const impatient = retryAfterMs !== undefined && retryAfterMs > PATIENCE_MS
  const reply: FailureReply = {
    ...verdict,
    message: `${subjectOf(target)} ${fact}`,
    // What no client could read is not passed on.
    retryAfter: retryAfterMs === undefined ? undefined : stated === undefined ? secondsOf(retryAfterMs) : given,
    shouldRetry: impatient ? false : verdict.shouldRetry,
    headers: limitsOf(headers, redact),
    details: detailsOf(said?.details, redact),
  }
  return { kind: 'status', status, message: message || fact, retryAfterMs, neutral: overflow || undefined, reply }
}

/**
 * The failure of an attempt whose upstream refused the client's own credentials. The client gets status, headers and,
 * where it speaks the upstream's dialect, the body as they are; nothing of them stands in the message that is logged.
 */
export function credentialFailure(
  target: Target,
  status: 401 | 403,
  said: UpstreamError | undefined,
  answer: Pick<FailureReply, 'headers' | 'body'>,
  redact: Redact,
): AttemptFailure {
  const type = status === 401 ? 'authentication_error' : 'permission_error'
  const fact = `answered ${status} to the credentials of the client`
  const message = `${subjectOf(target)} ${fact}${after(quotable(said?.message, redact))}`
  return { kind: 'status', status, message: fact, neutral: true, reply: { ...answer, status, type, message } }
}

/** Whether a refusal means an account without money, which some servers tell as a fault of the request. */
export function isSpent(status: number, message: string | undefined): boolean {
  return status === 400 && message !== undefined && SPENT.test(message)
}

/** The failure of an attempt that ended in an exception. */
export function thrownFailure(target: Target, thrown: unknown, redact: Redact): AttemptFailure {
  if (isCcrError(thrown)) return codedFailure(target, thrown, redact)
  const code = codeOf(thrown)
  if (code === undefined) {
    const message = `the attempt at ${subjectOf(target)} failed: ${quotable(factOf(thrown), redact)}`
    return failed('plugin', message, { status: 500, type: 'api_error' }, message, thrown)
  }
  const subject = subjectOf(target)
  if (isShortage(code)) return shortage(subject, code, thrown)
  const fault = networkFault(code)
  const type = fault?.type ?? 'api_error'
  const where = redact(originIn(thrown))
  const message = fault
    ? `${subject} ${fault.fact} (${code})${where}; ${fault.remedy}`
    : `the connection to ${subject} failed: ${code}${where}`
  return failed(type === 'timeout_error' ? 'timeout' : 'network', code, verdictOfType(type), message, thrown)
}

/** The router has no room for a connection: nothing is said about the target. */
function shortage(subject: string, code: string, cause: unknown): AttemptFailure {
  const message =
    `the router could open no connection to ${subject} (${code}); ` +
    'try again, and allow it more open files (ulimit -n) if it happens often'
  const failure = failed('network', code, verdictOfType('overloaded_error'), message, cause)
  return { ...failure, neutral: true, reply: { ...failure.reply, retryAfter: '1' } }
}

function codedFailure(target: Target, error: CcrError, redact: Redact): AttemptFailure {
  const subject = subjectOf(target)
  const said = quotable(error.message, redact)
  const wrong = verdictOfType('api_error')
  switch (error.code) {
    case 'CCR_UPSTREAM_TIMEOUT':
      return failed('timeout', said, verdictOfType('timeout_error'), said, error)
    case 'CCR_UPSTREAM_NETWORK':
      return failed('network', said, wrong, `${subject}: ${said}`, error)
    case 'CCR_UPSTREAM_ACCESS':
      return failed('network', said, verdictOfType('authentication_error'), `${subject}: ${said}`, error)
    case 'CCR_STREAM_ENDED':
    case 'CCR_STREAM_INVALID':
    case 'CCR_STREAM_LIMIT':
    case 'CCR_STREAM_ORDER':
      return failed('protocol', said, wrong, `${subject}: ${said}`, error)
    case 'CCR_STREAM_ERROR': {
      const { type = 'api_error', message, details } = (error.cause ?? {}) as UpstreamError
      const text = quotable(message, redact)
      const verdict = verdictOfType(type)
      const told = `${subject} reported an error${after(text)}`
      const failure = failed('reported', text, verdict, told, error, detailsOf(details, redact))
      return { ...failure, status: verdict.status }
    }
    case 'CCR_EXCHANGE_FAILED':
      return innerFailure(error, said)
    case 'CCR_REQUEST_INVALID':
      return failed('plugin', said, verdictOfType('invalid_request_error'), said, error)
    case 'CCR_REQUEST_THREAD':
      return failed('plugin', said, verdictOfType('not_found_error'), said, error, error.details)
    default:
      return failed('plugin', said, { status: 500, type: 'api_error' }, said, error)
  }
}

/** An inner exchange failed that the answer needed; its own attempts have told what they know of their targets. */
function innerFailure(error: CcrError, said: string): AttemptFailure {
  const reply = error.cause as FailureReply | undefined
  if (!reply) return failed('plugin', said, { status: 500, type: 'api_error' }, said, error)
  return { kind: 'reported', status: reply.status, message: said, neutral: true, reply, cause: error }
}

/** What a client is told when no attempt is to blame. */
export function replyTo(thrown: unknown, redact: Redact): FailureReply {
  if (!isCcrError(thrown)) return { status: 500, type: 'api_error', message: 'the router failed; its log says why' }
  const message = quotable(thrown.message, redact)
  switch (thrown.code) {
    case 'CCR_REQUEST_INVALID':
      return { ...verdictOfType('invalid_request_error'), message }
    case 'CCR_ROUTE_NONE':
      return { ...verdictOfType('not_found_error'), message }
    case 'CCR_EXCHANGE_SHUTDOWN':
      return { ...verdictOfType('overloaded_error'), message, retryAfter: '1' }
    default:
      return { status: 500, type: 'api_error', message }
  }
}

function failed(
  kind: AttemptFailure['kind'],
  said: string,
  verdict: Verdict,
  message: string,
  cause: unknown,
  details?: FailureReply['details'],
) {
  return { kind, message: said, reply: { ...verdict, message, details }, cause } satisfies AttemptFailure
}

/** What an upstream says for programs, without secrets; nothing where it is no object or says too much. */
function detailsOf(details: FailureReply['details'], redact: Redact): FailureReply['details'] {
  const kept =
    details &&
    Object.entries(details)
      .slice(0, MAX_DETAILS)
      .flatMap(([name, value]) => {
        const plain = plainOf(value, redact)
        return plain === undefined ? [] : [[quotable(name, redact), plain] as const]
      })
  return kept && kept.length > 0 ? Object.fromEntries(kept) : undefined
}

/** What an upstream says of its limits, and of the wait to the millisecond where a client can read it. */
function limitsOf(headers: Headers, redact: Redact): Headers | undefined {
  const isKept = ([name, value]: [string, string]): boolean =>
    (LIMIT.test(name) && name.length <= 64) || (name === 'retry-after-ms' && millisecondsOf(value) !== undefined)
  const kept = Object.entries(headers).filter(isKept).slice(0, MAX_LIMITS)
  if (kept.length === 0) return undefined
  return Object.fromEntries(kept.map(([name, value]) => [name, toHeaderValue(redact(value), 100)]))
}

/** Milliseconds, as some servers state them beside the seconds. */
function millisecondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}(?:\.\d+)?$/.test(text) ? Number(text) || undefined : undefined
}

function secondsOf(milliseconds: number): string {
  return String(Math.ceil(milliseconds / 1000))
}

/** A scalar, or a list of texts, such as the names of what is not supported. */
function plainOf(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return quotable(value, redact)
  if (Array.isArray(value) && value.length <= MAX_DETAILS && value.every((item) => typeof item === 'string'))
    return value.map((item: string) => quotable(item, redact))
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

/** The first line of a text, which holds no stack, without secrets; they go first, so that none is cut in two. */
function quotable(text: string | undefined, redact: Redact): string {
  return redact(text ?? '')
    .split(/[\r\n]/, 1)[0]!
    .slice(0, TEXT_LIMIT)
}

function after(message: string): string {
  return message === '' ? '' : `: ${message}`
}

function subjectOf(target: Target): string {
  return `provider '${target.provider}' (model '${target.model}')`
}

/** The origin that no connection was made to, as a transport adds it to its error; never a path. */
function originIn(thrown: unknown): string {
  const { origin } = thrown as { readonly origin?: unknown }
  return typeof origin === 'string' ? ` at ${origin}` : ''
}

/** The code of an error of the network; any other exception is not the upstream's doing. */
function codeOf(thrown: unknown): string | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && (NETWORK.test(code) || CERTIFICATE.test(code))) return code
    // undici's parser leaves its codes out, also that of an answer which broke off inside of its chunks.
    if (error.name === 'HTTPParserError') return `HPE_INVALID${/EOF state/.test(error.message) ? '_EOF_STATE' : ''}`
  }
  return undefined
}
