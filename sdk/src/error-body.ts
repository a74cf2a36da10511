import type { JsonObject } from './canonical.ts'
import { MAX_ERROR_TEXT, type UpstreamError } from './dialect.ts'
import { CcrError } from './errors.ts'
import { typeOfReport } from './failure.ts'
import { isObject } from './is-object.ts'
import { overflowMessage } from './overflow.ts'

/** What a protocol says of an error beside its message, in the fields that say what went wrong. */
export type ErrorTraits = (error: JsonObject, message: string) => Omit<UpstreamError, 'message'>

/**
 * Reads an error as servers and the gateways before them write it: `{error: {message}}`, `{error: "…"}`, `{message}`,
 * `{code, msg}`, `{errors: [{message}]}`, `{detail}`, a list with one of these, or plain text. Nothing for a
 * page, and for what says nothing.
 */
export function readErrorBody(body: unknown, traits: ErrorTraits): UpstreamError | undefined {
  if (typeof body === 'string') {
    const message = body.trim()
    return message === '' || message.startsWith('<') ? undefined : readErrorBody({ message }, traits)
  }
  if (Array.isArray(body)) return readErrorBody(body[0], traits)
  if (!isObject(body)) return undefined
  const error = errorIn(body)
  const message = messageIn(error)
  const overflow = overflowMessage(message ?? '', error)
  if (overflow !== undefined) return { message: overflow, type: 'invalid_request_error' }
  const more = traits(error, message ?? '')
  return message === undefined && more.type === undefined ? undefined : { message, ...more }
}

/** The error that ends an answer whose upstream reported one, by the body or the event that holds it. */
export function reportedError(body: unknown, traits: ErrorTraits = traitsOfReport): CcrError {
  const { message, type = 'api_error' } = readErrorBody(body, traits) ?? {}
  const cause: UpstreamError = { message, type }
  return new CcrError('CCR_STREAM_ERROR', message ?? 'the upstream reported an error without a message', { cause })
}

/** The error that stands where an answer, or a piece of one, should: an object that holds none and says something. */
export function errorInPlaceOf(answer: JsonObject, traits: ErrorTraits = traitsOfReport): CcrError | undefined {
  const { message, success, code } = answer
  // Other protocols answer in a `message`, and envelopes say that all is well.
  const answers = isObject(message) && message['role'] !== undefined
  if (answers || success === true || code === 0 || code === 200) return undefined
  return readErrorBody(answer, traits)?.message === undefined ? undefined : reportedError(answer, traits)
}

function traitsOfReport(error: JsonObject): Omit<UpstreamError, 'message'> {
  return { type: typeOfReport(error) }
}

/** The fields that say what went wrong: those of the body, its `error`, or the first of its `errors`. */
function errorIn(body: JsonObject): JsonObject {
  const { error = null } = body
  const inner = isObject(error) ? error : error === null || error === true ? body : { ...body, message: error }
  const first: unknown = Array.isArray(inner['errors']) ? inner['errors'][0] : undefined
  if (messageIn(inner) !== undefined || first === undefined) return inner
  return { ...inner, ...(isObject(first) ? first : { message: first }) }
}

function messageIn(error: JsonObject): string | undefined {
  const said = error['message'] ?? error['msg'] ?? error['detail'] ?? error['error_description'] ?? undefined
  const message = said === undefined || typeof said === 'string' ? said : JSON.stringify(said)
  // Gateways keep the words of the provider behind them here.
  const raw = (error['metadata'] as { raw?: unknown } | null | undefined)?.raw
  const whole =
    typeof raw === 'string' && raw !== '' ? `${message ?? 'the provider reported an error'}: ${raw}` : message
  return whole?.slice(0, MAX_ERROR_TEXT)
}
