import {
  CcrError,
  isOverflow,
  MAX_ERROR_TEXT,
  overflowMessage,
  typeOfReport,
  type FailureReply,
  type FailureType,
  type UpstreamError,
} from '@ccr/sdk'
import { fieldsOf, type Fields } from './wire.ts'

/**
 * Reads an error as servers write it: `{error: {message, type, code}}`, `{error: "…"}`, `{message, code}`,
 * `{code, msg}`, `{errors: [{message}]}`, `{detail}`, or plain text.
 */
export function readError(body: unknown): UpstreamError | undefined {
  return read(body, typeIn)
}

/** The error that ends an answer in which the upstream reported one. */
export function reportedError(error: unknown): CcrError {
  const { message, type = 'api_error' } = read({ error }, reportedTypeIn) ?? {}
  const cause: UpstreamError = { message, type }
  return new CcrError('CCR_STREAM_ERROR', message ?? 'the upstream reported an error without a message', { cause })
}

/** The error that stands where an answer should: an object without output that says something. */
export function errorInPlaceOf(answer: Fields): CcrError | undefined {
  const { message, success, code } = answer
  // Other protocols answer in a `message`, and envelopes say that all is well.
  if (fieldsOf(message)['role'] !== undefined || success === true || code === 0 || code === 200) return undefined
  return readError(answer)?.message === undefined ? undefined : reportedError(errorIn(answer))
}

function read(body: unknown, typeOf: (error: Fields) => FailureType | undefined): UpstreamError | undefined {
  if (typeof body === 'string')
    return /^\s*</.test(body) || body.trim() === '' ? undefined : read({ message: body.trim() }, typeOf)
  if (Array.isArray(body)) return read(body[0], typeOf)
  const error = errorIn(fieldsOf(body))
  const message = messageIn(error)
  const overflow = overflowMessage(message ?? '', error)
  if (overflow !== undefined) return { message: overflow.slice(0, MAX_ERROR_TEXT), type: 'invalid_request_error' }
  const type = typeOf(error)
  if (message === undefined && type === undefined) return undefined
  return { message: message?.slice(0, MAX_ERROR_TEXT), type }
}

/** The fields that say what went wrong: those of the body, its `error`, or the first of its `errors`. */
function errorIn(body: Fields): Fields {
  const error = body['error'] ?? body
  const inner = typeof error === 'string' ? { ...body, message: error } : fieldsOf(error)
  const first: unknown = Array.isArray(inner['errors']) ? inner['errors'][0] : undefined
  if (messageIn(inner) !== undefined || first === undefined) return inner
  return { ...inner, ...(typeof first === 'string' ? { message: first } : fieldsOf(first)) }
}

function messageIn(error: Fields): string | undefined {
  const said = error['message'] ?? error['msg'] ?? error['detail'] ?? undefined
  return said === undefined || typeof said === 'string' ? said : JSON.stringify(said)
}

const TYPES: readonly (readonly [FailureType, RegExp])[] = [
  ['rate_limit_error', /\b429\b|rate_?limit|too_?many_?requests/],
  ['overloaded_error', /\b529\b|overload|slow_down/],
  ['request_too_large', /\b413\b|request_too_large/],
  [
    'invalid_request_error',
    /\b4(?:00|22)\b|invalid_(?:request|prompt|image|base64)|image_(?:too|parse|file)|bad_?request/,
  ],
]

/** The words that mean one thing everywhere; the rest is left to the status. */
function typeIn(error: Fields): FailureType | undefined {
  // A wrong key is called an invalid request too; its status says more.
  return error['code'] === 'invalid_api_key' ? undefined : typeOfWords(error)
}

/** The type of an error without a status that says more. Servers call a wrong key or model an invalid request too. */
function reportedTypeIn(error: Fields): FailureType | undefined {
  return typeOfReport(error) ?? typeOfWords(error)
}

function typeOfWords(error: Fields): FailureType | undefined {
  const words = [error['type'], error['code'], error['status']]
    .filter((word) => typeof word === 'string' || typeof word === 'number')
    .join(' ')
    .toLowerCase()
  for (const [type, pattern] of TYPES) if (pattern.test(words)) return type
  return undefined
}

/** Type and code under which clients of this dialect know a failure. */
const WORDS: Readonly<Record<FailureType, { readonly type: string; readonly code: string | null }>> = {
  invalid_request_error: { type: 'invalid_request_error', code: null },
  authentication_error: { type: 'invalid_request_error', code: 'invalid_api_key' },
  permission_error: { type: 'permission_error', code: null },
  not_found_error: { type: 'invalid_request_error', code: 'model_not_found' },
  request_too_large: { type: 'invalid_request_error', code: 'request_too_large' },
  rate_limit_error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  api_error: { type: 'server_error', code: 'server_error' },
  timeout_error: { type: 'server_error', code: 'timeout' },
  overloaded_error: { type: 'server_error', code: 'server_is_overloaded' },
}

/** A failure as the `error` object of an answer; a full context has the code by which clients know to compact. */
export function toErrorObject({ type, message }: FailureReply): Fields {
  const words = WORDS[type] ?? WORDS.api_error
  const code = type === 'invalid_request_error' && isOverflow(message) ? 'context_length_exceeded' : words.code
  return { message, type: words.type, param: null, code }
}
