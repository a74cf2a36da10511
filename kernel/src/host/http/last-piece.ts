import type { ServerResponse } from 'node:http'

/**
 * Ends an answer. A client that takes nothing of what is left of it for `stallMs` milliseconds is cut: nobody waits for
 * that any more, and it would keep the rest in memory for as long as it likes.
 */
export function endResponse(response: ServerResponse, chunk: string | Uint8Array | undefined, stallMs: number): void {
  response.end(chunk)
  mind(response, stallMs)
}

function mind(response: ServerResponse, stallMs: number): void {
  const { socket } = response
  // It waits behind the answer to an earlier request.
  if (!socket && !response.destroyed)
    return void response.once('socket', () => setImmediate(() => mind(response, stallMs)))
  if (!socket || socket.writableLength === 0) return
  // Node ends a connection on which nothing moves in this time; it also looks how far a write is that is not done.
  socket.setTimeout(stallMs)
  // Before Node's own listener, by which the connection waits for its next request.
  response.prependOnceListener('finish', () => socket.setTimeout(0))
}
