import { CcrError, MAX_ERROR_TEXT, overflowMessage, typeOfReport } from '@ccr/sdk'
import type { FailureType, UpstreamError } from '@ccr/sdk'

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads an error as compatible servers write it: `{error: {message, type, code}}`, `{error: "…"}`, `{message}`,
 * `{code, msg}`, `{errors: [{message}]}`, `{detail}` (FastAPI), a list with one of these, or plain text.
 */
export function readError(body: unknown): UpstreamError | undefined {
  return read(body, typeOfWords)
}

/** The error that ends an answer whose upstream reported one, by the body or the event that holds it. */
export function reportedError(body: Fields): CcrError {
  const { message, type = 'api_error' } = read(body, reportedTypeIn) ?? {}
  const cause: UpstreamError = { message, type }
  return new CcrError('CCR_STREAM_ERROR', message ?? 'the upstream reported an error without a message', { cause })
}

/** The error that stands where an answer, or a chunk of one, should: an object without choices that says something. */
export function errorInPlaceOf(answer: Fields): CcrError | undefined {
  const { message, success, code } = answer
  // Other protocols answer in a `message`, and envelopes say that all is well.
  const answers = isFields(message) && message['role'] !== undefined
  if (answers || success === true || code === 0 || code === 200) return undefined
  return readError(answer)?.message === undefined ? undefined : reportedError(answer)
}

function read(body: unknown, typeOf: (error: Fields) => FailureType | undefined): UpstreamError | undefined {
  if (typeof body === 'string')
    return /^\s*</.test(body) || body.trim() === '' ? undefined : read({ message: body.trim() }, typeOf)
  if (Array.isArray(body)) return read(body[0], typeOf)
  if (!isFields(body)) return undefined
  const error = errorIn(body)
  const message = messageIn(error)
  const overflow = overflowMessage(message ?? '', error)
  if (overflow !== undefined) return { message: overflow, type: 'invalid_request_error' }
  const type = typeOf(error)
  return message === undefined && type === undefined ? undefined : { message, type }
}

/** The fields that say what went wrong: those of the body, its `error`, or the first of its `errors`. */
function errorIn(body: Fields): Fields {
  const { error = null } = body
  const inner = isFields(error) ? error : error === null || error === true ? body : { ...body, message: error }
  const first: unknown = Array.isArray(inner['errors']) ? inner['errors'][0] : undefined
  if (messageIn(inner) !== undefined) return inner
  return isFields(first) ? { ...inner, ...first } : first === undefined ? inner : { ...inner, message: first }
}

function messageIn(error: Fields): string | undefined {
  const said = error['message'] ?? error['msg'] ?? error['detail'] ?? error['error_description']
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

/** The type of an error without a status that says more. Servers call a wrong key or model an invalid request too. */
function reportedTypeIn(error: Fields): FailureType | undefined {
  return typeOfReport(error) ?? typeOfWords(error)
}

/** The words that mean one thing everywhere; the rest is left to the status. */
function typeOfWords(error: Fields): FailureType | undefined {
  const words = [error['type'], error['code'], error['status']]
    .filter((word) => word !== undefined && word !== null)
    .join(' ')
    .toLowerCase()
  for (const [type, pattern] of TYPES) if (pattern.test(words)) return type
  return undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
