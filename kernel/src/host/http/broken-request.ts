import type { Socket } from 'node:net'
import { failureHeaders } from '@ccr/sdk/kernel'
import { codeOf } from '../../load/code-of.ts'
import { toEnvelope, type Refusal } from './failure-answer.ts'
import type { ResponseSink } from './sink.ts'

/** Answers what is no request, too large a head, or one that came too slowly, and ends the connection. */
export function refuseBrokenRequest(
  error: Error,
  socket: Socket,
  requestId: string,
  running: ResponseSink | undefined,
): void {
  // An answer that has begun cannot be followed by another one.
  if (!socket.writable || codeOf(error) === 'ECONNRESET' || running?.began === true) return void socket.destroy()
  const refusal = REFUSALS[codeOf(error) ?? ''] ?? MALFORMED
  const body = JSON.stringify(toEnvelope(refusal, requestId))
  const headers = {
    ...failureHeaders(refusal, requestId),
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${refusal.status} ${REASONS[refusal.status]}\r\n${head.join('')}\r\n${body}`, () =>
    socket.destroy(),
  )
}

const MALFORMED: Refusal = { status: 400, type: 'invalid_request_error', message: 'the request is not valid HTTP' }
const REFUSALS: Readonly<Record<string, Refusal | undefined>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, type: 'invalid_request_error', message: 'the request came too slowly' },
  HPE_HEADER_OVERFLOW: { status: 431, type: 'invalid_request_error', message: 'the head of the request is too large' },
}
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
