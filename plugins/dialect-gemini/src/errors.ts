import { typeOfStatus, type ErrorTraits, type FailureReply, type FailureType } from '@ccr/sdk'
import { isFields, type Fields } from './wire.ts'

/** What this API says of an error, `{code, message, status, details}`. Source: https://google.aip.dev/193 */
export function traitsOfError(error: Fields, message: string): ReturnType<ErrorTraits> {
  return { type: typeOf(error, message), retryAfter: delayOf(error) }
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
