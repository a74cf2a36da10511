import type { IncomingMessage } from 'node:http'

/** A body that is longer than it may be. */
export class BodyTooLarge extends Error {
  readonly limit: number

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`)
    this.limit = limit
  }
}

type Done = (error: Error | null, body?: Buffer) => void

/** Reads a body that may have come without its length; nothing above the limit is kept. */
export function readBody(payload: IncomingMessage, limit: number, done: Done): void {
  const chunks: Buffer[] = []
  let bytes = 0
  const settle = (error: Error | null): void => {
    payload.off('data', take).off('end', end).off('error', settle)
    if (error) done(Object.assign(error, { statusCode: 400 }))
    else done(null, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes))
  }
  const end = (): void => settle(null)
  const take = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > limit) settle(new BodyTooLarge(limit))
    else chunks.push(chunk)
  }
  payload.on('data', take).on('end', end).on('error', settle)
}
