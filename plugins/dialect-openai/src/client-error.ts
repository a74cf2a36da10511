import { isOverflow, type FailureReply, type FailureType } from '@ccr/sdk'

/** Type and code of an error in this protocol's words. Source: https://platform.openai.com/docs/guides/error-codes */
const WORDS: Readonly<Record<FailureType, { readonly type: string; readonly code: string | null }>> = {
  invalid_request_error: { type: 'invalid_request_error', code: null },
  authentication_error: { type: 'invalid_request_error', code: 'invalid_api_key' },
  permission_error: { type: 'invalid_request_error', code: 'permission_denied' },
  not_found_error: { type: 'invalid_request_error', code: 'model_not_found' },
  request_too_large: { type: 'invalid_request_error', code: 'request_too_large' },
  rate_limit_error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  api_error: { type: 'server_error', code: null },
  timeout_error: { type: 'server_error', code: 'timeout' },
  overloaded_error: { type: 'server_error', code: 'server_overloaded' },
}

/** A failure as the body of an error answer, or as the last chunk of a stream. */
export function toChatError({ type, message }: FailureReply, requestId?: string): object {
  const words = Object.hasOwn(WORDS, type) ? WORDS[type] : { type, code: null }
  const overflow = type === 'invalid_request_error' && isOverflow(message)
  const code = overflow ? 'context_length_exceeded' : words.code
  // The place of a fault, where the message begins with one.
  const pointer = /: (\/[\w/]+) must be /.exec(message)?.[1]
  const param = pointer === undefined ? null : pointer.slice(1).replaceAll('/', '.')
  const error = { message, type: words.type, param, code }
  return requestId === undefined ? { error } : { error, request_id: requestId }
}
