import type { ServerResponse } from 'node:http'
import type { EndpointReply } from '@ccr/sdk'
import { endResponse } from './last-piece.ts'

/**
 * Answers a request to an endpoint that runs no exchange.
 *
 * @param stallMs how long the client may take nothing of it, in milliseconds
 */
export function answerEndpoint(
  response: ServerResponse,
  { status, headers, body }: EndpointReply,
  id: string,
  stallMs: number,
): void {
  if (response.destroyed) return
  const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = isPlain ? (body ?? '') : JSON.stringify(body)
  response.writeHead(status, {
    ...(!isPlain && { 'content-type': 'application/json' }),
    'request-id': id,
    'content-length': String(Buffer.byteLength(bytes)),
    ...headers,
  })
  endResponse(response, bytes, stallMs)
}
