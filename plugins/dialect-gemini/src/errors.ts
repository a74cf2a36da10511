import {
  CcrError,
  MAX_ERROR_TEXT,
  overflowMessage,
  typeOfStatus,
  type FailureReply,
  type FailureType,
  type UpstreamError,
} from '@ccr/sdk'
import { isFields, type Fields } from './wire.ts'

/**
 * Reads an error of this API: `{error: {code, message, status, details}}`, or a list with one. Gateways before it write
 * `{error: "…"}`, `{code, msg}`, `{errors: [{message}]}` or `{detail}`. Source: https://google.aip.dev/193
 */
export function readError(body: unknown): UpstreamError | undefined {
  if (typeof body === 'string') {
    const text = body.trim()
    return text === '' || text.startsWith('<') ? undefined : readError({ message: text })
  }
  if (Array.isArray(body)) return readError(body[0])
  if (!isFields(body)) return undefined
  const error = errorIn(body)
  const said = messageIn(error)?.slice(0, MAX_ERROR_TEXT)
  const overflow = overflowMessage(said ?? '', error)
  if (overflow !== undefined) return { message: overflow, type: 'invalid_request_error' }
  const type = typeOf(error, said ?? '')
  return said === undefined && type === undefined ? undefined : { message: said, type, retryAfter: delayOf(error) }
}

/** The error that stands where an answer should: an object without candidates that says something. */
export function errorInPlaceOf(answer: Fields): CcrError | undefined {
  const { success, code } = answer
  // Envelopes say that all is well.
  if (success === true || code === 0 || code === 200) return undefined
  return readError(answer)?.message === undefined ? undefined : reportedError(errorIn(answer))
}

/** The fields that say what went wrong: those of the body, its `error`, or the first of its `errors`. */
function errorIn(body: Fields): Fields {
  const error = body['error'] ?? body
  const inner = isFields(error) ? error : { ...body, message: error }
  const first: unknown = Array.isArray(inner['errors']) ? inner['errors'][0] : undefined
  if (messageIn(inner) !== undefined) return inner
  return isFields(first) ? { ...inner, ...first } : first === undefined ? inner : { ...inner, message: first }
}

function messageIn({ message, msg, detail }: Fields): string | undefined {
  const said = [message, msg, detail].find((text) => typeof text === 'string')
  return said as string | undefined
}

/** Source: google.rpc.RetryInfo; a duration is written as seconds and `s`. */
function delayOf({ details }: Fields): string | undefined {
  for (const detail of Array.isArray(details) ? (details as readonly unknown[]) : []) {
    const delay = isFields(detail) ? detail['retryDelay'] : undefined
    const seconds = typeof delay === 'string' ? /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(delay)?.[1] : undefined
    if (seconds !== undefined) return String(Math.ceil(Number(seconds)))
  }
  return undefined
}

/** The error that ends an answer whose upstream reported one. */
export function reportedError(error: unknown): CcrError {
  const read = readError({ error }) ?? {}
  const message = read.message ?? 'the upstream reported an error without a message'
  const cause: UpstreamError = { message, type: read.type ?? 'api_error' }
  return new CcrError('CCR_STREAM_ERROR', message, { cause })
}

const BY_STATUS: Readonly<Record<string, FailureType>> = {
  INVALID_ARGUMENT: 'invalid_request_error',
  FAILED_PRECONDITION: 'invalid_request_error',
  OUT_OF_RANGE: 'invalid_request_error',
  UNAUTHENTICATED: 'authentication_error',
  PERMISSION_DENIED: 'permission_error',
  NOT_FOUND: 'not_found_error',
  RESOURCE_EXHAUSTED: 'rate_limit_error',
  DEADLINE_EXCEEDED: 'timeout_error',
  INTERNAL: 'api_error',
}

function typeOf(error: Fields, message: string): FailureType | undefined {
  const { status, code, details } = error
  // A wrong key is a 400 here, and nobody's fault but the router's.
  const reasons = Array.isArray(details)
    ? (details as readonly unknown[]).map((one) => isFields(one) && one['reason'])
    : []
  if (reasons.includes('API_KEY_INVALID')) return 'authentication_error'
  if (/overloaded/i.test(message)) return 'overloaded_error'
  if (typeof status === 'string' && Object.hasOwn(BY_STATUS, status)) return BY_STATUS[status]
  return typeof code === 'number' ? typeOfStatus(code) : undefined
}

const STATUS_WORDS: Readonly<Record<FailureType, string>> = {
  invalid_request_error: 'INVALID_ARGUMENT',
  authentication_error: 'UNAUTHENTICATED',
  permission_error: 'PERMISSION_DENIED',
  not_found_error: 'NOT_FOUND',
  request_too_large: 'INVALID_ARGUMENT',
  rate_limit_error: 'RESOURCE_EXHAUSTED',
  api_error: 'INTERNAL',
  timeout_error: 'DEADLINE_EXCEEDED',
  overloaded_error: 'UNAVAILABLE',
}

/** A failure as a client of this API reads it. */
export function toGoogleError({ status, type, message }: FailureReply): object {
  return {
    error: { code: status, message, status: Object.hasOwn(STATUS_WORDS, type) ? STATUS_WORDS[type] : 'UNKNOWN' },
  }
}
