import { CcrError, isObject, overflowMessage } from '@ccr/sdk'
import type { FailureType, UpstreamError } from '@ccr/sdk'

const FAILURE_TYPES: ReadonlySet<string> = new Set<FailureType>([
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'rate_limit_error',
  'api_error',
  'timeout_error',
  'overloaded_error',
])

/** Longest part of an upstream's message that stands in an error of ours. */
const QUOTED = 500

/** Reads `{error: {type, message, details}}`, the form of error answers and `error` events; nothing when it is none. */
export function errorOf(body: unknown): UpstreamError | undefined {
  const error = (body as { error?: unknown } | null | undefined)?.error
  if (typeof error === 'string') return errorOf({ error: { message: error } })
  if (typeof error !== 'object' || error === null) return undefined
  const { type, message, details } = error as { type?: unknown; message?: unknown; details?: unknown }
  // Servers that speak this protocol beside another one use the words of that.
  const overflow = overflowMessage(
    typeof message === 'string' ? message : '',
    error as Readonly<Record<string, unknown>>,
  )
  if (overflow !== undefined) return { message: overflow, type: 'invalid_request_error' }
  return {
    message: typeof message === 'string' ? message : undefined,
    type: typeof type === 'string' && FAILURE_TYPES.has(type) ? (type as FailureType) : undefined,
    details: isObject(details) ? details : undefined,
  }
}

/** An error that the upstream reported inside its answer. */
export function reported(error: UpstreamError): CcrError {
  const message = error.message?.slice(0, QUOTED) ?? 'it gave no message'
  return new CcrError('CCR_STREAM_ERROR', `the upstream reported an error: ${message}`, { cause: error })
}
