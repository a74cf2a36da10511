import {
  isCcrError, messageOf, retryAfterMsOf, verdictOfStatus, verdictOfType, type AttemptFailure, type CcrError,
  type FailureReply, type UpstreamError, type Verdict,
} from '@ccr/sdk'
import type { AttemptState } from './attempt.ts'

const TLS = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_)/
const TEXT_LIMIT = 500
/** A client does what `retry-after` says, however long; beyond this it is told not to wait for it. */
const PATIENCE_MS = 60_000

/** The failure of an attempt whose upstream answered with an error status. */
export function statusFailure(
  attempt: AttemptState,
  status: number,
  headers: Readonly<Record<string, string>>,
  said: UpstreamError | undefined,
  redact: (text: string) => string,
): AttemptFailure {
  const verdict = verdictOfStatus(status)
  const message = redact((said?.message ?? '').slice(0, TEXT_LIMIT))
  const fact =
    status >= 300 && status < 400
      ? `redirected (${status}); redirects are not followed`
      : `answered ${status}${message === '' ? '' : `: ${message}`}`
  const retryAfter = headers['retry-after']
  const retryAfterMs =
    headers['retry-after-ms'] === undefined
      ? retryAfterMsOf(retryAfter)
      : Number(headers['retry-after-ms']) || undefined
  const reply: FailureReply = {
    status: verdict.status,
    type: verdict.type,
    message: `${subjectOf(attempt)} ${fact}`,
    retryAfter: retryAfterMs === undefined ? undefined : (retryAfter ?? String(Math.ceil(retryAfterMs / 1000))),
    shouldRetry: retryAfterMs !== undefined && retryAfterMs > PATIENCE_MS ? false : verdict.shouldRetry,
  }
  return { kind: 'status', status, message: message || fact, retryAfterMs, reply }
}

/** The failure of an attempt that ended in an exception. */
export function thrownFailure(
  attempt: AttemptState,
  thrown: unknown,
  redact: (text: string) => string,
): AttemptFailure {
  if (isCcrError(thrown)) return codedFailure(attempt, thrown, redact)
  const code = codeOf(thrown)
  const timedOut = code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT'
  const verdict: Verdict = timedOut
    ? verdictOfType('timeout_error')
    : TLS.test(code)
      ? verdictOfType('authentication_error')
      : verdictOfType('api_error')
  const message = `${subjectOf(attempt)} could not be reached: ${code}`
  return { kind: timedOut ? 'timeout' : 'network', message: code, reply: { ...verdict, message }, cause: thrown }
}

function codedFailure(attempt: AttemptState, error: CcrError, redact: (text: string) => string): AttemptFailure {
  const subject = subjectOf(attempt)
  const said = redact(error.message).slice(0, TEXT_LIMIT)
  switch (error.code) {
    case 'CCR_UPSTREAM_TIMEOUT':
      return {
        kind: 'timeout',
        message: said,
        reply: { ...verdictOfType('timeout_error'), message: said },
        cause: error,
      }
    case 'CCR_STREAM_ERROR': {
      const { type, message } = (error.cause ?? {}) as UpstreamError
      const text = redact((message ?? '').slice(0, TEXT_LIMIT))
      const reply = {
        ...verdictOfType(type ?? 'api_error'),
        message: `${subject} reported an error${text === '' ? '' : `: ${text}`}`,
      }
      return { kind: 'reported', status: reply.status, message: text, reply, cause: error }
    }
    case 'CCR_STREAM_ENDED':
    case 'CCR_STREAM_INVALID':
    case 'CCR_STREAM_LIMIT':
    case 'CCR_STREAM_ORDER':
    case 'CCR_UPSTREAM_NETWORK':
      return {
        kind: error.code === 'CCR_UPSTREAM_NETWORK' ? 'network' : 'protocol',
        message: said,
        reply: { ...verdictOfType('api_error'), message: `${subject}: ${said}` },
        cause: error,
      }
    case 'CCR_REQUEST_INVALID':
      return {
        kind: 'plugin',
        message: said,
        reply: { ...verdictOfType('invalid_request_error'), message: said },
        cause: error,
      }
    default:
      return { kind: 'plugin', message: said, reply: { status: 500, type: 'api_error', message: said }, cause: error }
  }
}

/** What a client is told when no attempt is to blame. */
export function replyTo(thrown: unknown, redact: (text: string) => string): FailureReply {
  if (!isCcrError(thrown)) return { status: 500, type: 'api_error', message: 'the router failed; its log says why' }
  const message = redact(thrown.message).slice(0, TEXT_LIMIT)
  switch (thrown.code) {
    case 'CCR_REQUEST_INVALID':
      return { status: 400, type: 'invalid_request_error', message }
    case 'CCR_ROUTE_NONE':
      return { status: 404, type: 'not_found_error', message }
    case 'CCR_EXCHANGE_SHUTDOWN':
      return { status: 529, type: 'overloaded_error', message, retryAfter: '1' }
    default:
      return { status: 500, type: 'api_error', message }
  }
}

function subjectOf({ target }: AttemptState): string {
  return `provider '${target.provider}' (model '${target.model}')`
}

function codeOf(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code)) return code
  }
  return `a network error (${messageOf(thrown).split('\n')[0]!.slice(0, 60)})`
}
