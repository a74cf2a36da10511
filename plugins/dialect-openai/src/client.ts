import { readJson, type ClientDialect, type HeaderBag } from '@ccr/sdk'
import { toCompletion } from './client-answer.ts'
import { toChatError } from './client-error.ts'
import { readRequest } from './client-request.ts'
import { createChatEncoder } from './client-stream.ts'

/**
 * The client side of Chat Completions. A request is always converted: what a target of the same protocol accepts
 * differs from server to server, so none is passed on as it came.
 */
export const client: ClientDialect = {
  requestIdHeader: 'x-request-id',
  decode: ({ body, headers }) => ({ request: readRequest(readJson(body)), client: { app: appOf(headers) } }),
  encoder: createChatEncoder,
  message: toCompletion,
  failure: toChatError,
}

/** The product that asks, by the first token of its user agent. */
function appOf(headers: HeaderBag): string {
  const agent = headers['user-agent']
  return /^[\w!#$%&'*+.^`|~-]{1,64}/.exec(typeof agent === 'string' ? agent : '')?.[0] ?? 'unknown'
}
