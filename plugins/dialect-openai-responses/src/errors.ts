import {
  CcrError,
  isOverflow,
  MAX_ERROR_TEXT,
  overflowMessage,
  type FailureReply,
  type FailureType,
  type UpstreamError,
} from '@ccr/sdk'
import { fieldsOf, type Fields } from './wire.ts'

/**
 * Reads an error as servers write it: `{error: {message, type, code}}`, `{error: "…"}`, `{message, code}`,
 * `{detail}`, or plain text.
 */
export function readError(body: unknown): UpstreamError | undefined {
  if (typeof body === 'string')
    return /^\s*</.test(body) || body.trim() === '' ? undefined : readError({ message: body.trim() })
  if (Array.isArray(body)) return readError(body[0])
  const outer = fieldsOf(body)
  const error = outer['error'] ?? outer
  const inner = typeof error === 'string' ? { ...outer, message: error } : fieldsOf(error)
  const said = inner['message'] ?? inner['detail']
  const message =
    said === undefined || said === null ? undefined : typeof said === 'string' ? said : JSON.stringify(said)
  const overflow = overflowMessage(message ?? '', inner)
  if (overflow !== undefined) return { message: overflow.slice(0, MAX_ERROR_TEXT), type: 'invalid_request_error' }
  const type = typeIn(inner)
  if (message === undefined && type === undefined) return undefined
  return { message: message?.slice(0, MAX_ERROR_TEXT), type }
}

/** The error that ends an answer in which the upstream reported one. */
export function reportedError(error: unknown): CcrError {
  const read = readError({ error }) ?? {}
  const cause: UpstreamError = { message: read.message, type: read.type ?? 'api_error' }
  return new CcrError('CCR_STREAM_ERROR', read.message ?? 'the upstream reported an error without a message', { cause })
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
  if (error['code'] === 'invalid_api_key') return undefined
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
