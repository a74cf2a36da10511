import { appOf, readJson, type ClientDialect } from '@ccr/sdk'
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
