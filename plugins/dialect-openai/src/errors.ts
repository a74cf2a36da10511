import { CcrError, MAX_ERROR_TEXT, overflowMessage, type FailureType, type UpstreamError } from '@ccr/sdk'

/**
 * Reads an error as compatible servers write it: `{error: {message, type, code}}`, `{error: "…"}`, `{message}`,
 * `{detail}` (FastAPI), a list with one of these, or plain text.
 */
export function readError(body: unknown): UpstreamError | undefined {
  if (typeof body === 'string')
    return /^\s*</.test(body) || body.trim() === '' ? undefined : readError({ message: body.trim() })
  if (typeof body !== 'object' || body === null) return undefined
  if (Array.isArray(body)) return readError(body[0])
  const fields = body as Record<string, unknown>
  const error = fields['error'] ?? fields
  const inner =
    typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : { ...fields, message: error }
  const message = messageIn(inner)
  const overflow = overflowMessage(message ?? '', inner)
  if (overflow !== undefined) return { message: overflow, type: 'invalid_request_error' }
  const type = typeIn(inner)
  return message === undefined && type === undefined ? undefined : { message, type }
}

/** The error that ends a stream whose upstream reported one. */
export function reportedError(error: unknown): CcrError {
  const read = readError({ error }) ?? {}
  const cause: UpstreamError = { message: read.message, type: read.type ?? 'api_error' }
  return new CcrError('CCR_STREAM_ERROR', read.message ?? 'the upstream reported an error without a message', { cause })
}

function messageIn(error: Record<string, unknown>): string | undefined {
  const said = error['message'] ?? error['detail'] ?? error['error_description']
  const message =
    typeof said === 'string' ? said : said === undefined || said === null ? undefined : JSON.stringify(said)
  // OpenRouter keeps the words of the provider behind it here.
  const raw = (error['metadata'] as { raw?: unknown } | null | undefined)?.raw
  const whole =
    typeof raw === 'string' && raw !== '' ? `${message ?? 'the provider reported an error'}: ${raw}` : message
  return whole?.slice(0, MAX_ERROR_TEXT)
}

const TYPES: readonly (readonly [FailureType, RegExp])[] = [
  ['rate_limit_error', /\b429\b|rate_?limit|too_?many_?requests/],
  ['overloaded_error', /\b529\b|overload/],
  ['request_too_large', /\b413\b|request_too_large/],
  ['invalid_request_error', /\b4(?:00|22)\b|invalid_request|bad_?request/],
]

/** The words that mean one thing everywhere; the rest is left to the status. */
function typeIn(error: Record<string, unknown>): FailureType | undefined {
  const words = [error['type'], error['code'], error['status']]
    .filter((word) => word !== undefined && word !== null)
    .join(' ')
    .toLowerCase()
  for (const [type, pattern] of TYPES) if (pattern.test(words)) return type
  return undefined
}
