import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientDialect, FailureReply } from '@ccr/sdk'
import { failureHeaders } from '@ccr/sdk/kernel'

const DRAIN_BYTES = 1024 * 1024
const DRAIN_MS = 2_000

/** A refusal of the host itself. */
export interface Refusal extends FailureReply {
  /** The connection ends with the answer. */
  readonly close?: boolean | undefined
}

/** The error body of the canonical dialect, for requests that belong to no other. */
export function toEnvelope(reply: FailureReply, requestId: string): object {
  return { type: 'error', error: { type: reply.type, message: reply.message }, request_id: requestId }
}

/**
 * Answers a request that is not served. Where much of its body may still come, at most 1 MiB of that is read, and the
 * connection is cut a little later: a client whose sending fails would lose the answer that has already reached it.
 */
export function answerFailure(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Refusal,
  requestId: string,
  client?: ClientDialect,
): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const text = JSON.stringify(client ? client.failure(reply, requestId) : toEnvelope(reply, requestId))
  const headers = { ...failureHeaders(reply, requestId, client), 'content-length': String(Buffer.byteLength(text)) }
  if (reply.close !== true && (request.complete || isShort(request))) {
    response.writeHead(reply.status, headers).end(text)
    return
  }
  response.writeHead(reply.status, { ...headers, connection: 'close' })
  if (request.complete) return void response.end(text)
  response.write(text)
  linger(request, response)
}

/** Whoever asks first whether the body may come need not send it when it may not. */
function isShort({ headers }: IncomingMessage): boolean {
  if (headers.expect !== undefined) return false
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= DRAIN_BYTES
}

function linger(request: IncomingMessage, response: ServerResponse): void {
  let read = 0
  const cut = (): void => {
    clearTimeout(timer)
    response.end(() => request.socket.destroy())
  }
  const timer = setTimeout(cut, DRAIN_MS)
  request.on('data', (chunk: Buffer) => {
    read += chunk.length
    // Whoever still sends now waits, and finds the answer.
    if (read > DRAIN_BYTES) request.pause()
  })
  request.once('end', cut)
  response.once('close', () => clearTimeout(timer))
  request.resume()
}
