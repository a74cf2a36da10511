import {
  isOverflow,
  readErrorBody,
  typeOfWords,
  type FailureReply,
  type FailureType,
  type UpstreamError,
} from '@ccr/sdk'
import type { Fields } from './wire.ts'

/** Reads the body of an error answer. A wrong key is called an invalid request too; its status says more. */
export function readError(body: unknown): UpstreamError | undefined {
  return readErrorBody(body, (error) => ({
    type: error['code'] === 'invalid_api_key' ? undefined : typeOfWords(error),
  }))
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
