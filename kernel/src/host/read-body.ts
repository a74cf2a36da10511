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
  const reading: ReadingPayload = Object.assign(payload, { [READING]: new Reading(limit, done) })
  reading.on('data', take).on('end', end).on('error', fail)
}

const READING = Symbol('what is read of a body')

interface ReadingPayload extends IncomingMessage {
  [READING]: Reading | undefined
}

/** What is known of a body; its listeners find it at the request, so that a request costs no closures. */
class Reading {
  readonly limit: number
  readonly done: Done
  readonly chunks: Buffer[] = []
  bytes = 0

  constructor(limit: number, done: Done) {
    this.limit = limit
    this.done = done
  }
}

function take(this: ReadingPayload, chunk: Buffer): void {
  const reading = this[READING]!
  reading.bytes += chunk.length
  if (reading.bytes > reading.limit) fail.call(this, new BodyTooLarge(reading.limit))
  else reading.chunks.push(chunk)
}

function end(this: ReadingPayload): void {
  const { done, chunks, bytes } = leave(this)
  // A copy, because the pieces are views into the buffer that the socket reads into.
  done(null, Buffer.concat(chunks, bytes))
}

function fail(this: ReadingPayload, error: Error): void {
  leave(this).done(Object.assign(error, { statusCode: 400 }))
}

/** The request lives on until it was answered; the pieces do not. */
function leave(payload: ReadingPayload): Reading {
  payload.off('data', take).off('end', end).off('error', fail)
  const reading = payload[READING]!
  payload[READING] = undefined
  return reading
}
