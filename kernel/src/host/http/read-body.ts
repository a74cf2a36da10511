import type { IncomingMessage } from 'node:http'

/** A body that is longer than it may be. */
export class BodyTooLarge extends Error {
  readonly limit: number

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`)
    this.limit = limit
  }
}

/** Too many bytes of other bodies are on their way. */
export class NoRoomForBody extends Error {
  constructor() {
    super('too many bytes of other requests are on their way')
  }
}

/** What bodies may hold before they are complete, in bytes. */
export interface BodyLimits {
  /** Each of them. */
  readonly one: number
  /** All of them together; one alone may have more. */
  readonly all: number
}

/**
 * So many pieces become one: a client may send a body in chunks of one byte, each of which is an object of its own that
 * keeps all of what was read with it.
 */
const PIECES = 1_024

type Done = (error: Error | null, body?: Buffer) => void

/** Reads bodies that may have come without their length; nothing above the limits is kept. */
export class BodyReading {
  #arriving = 0

  /** Calls `done` once. */
  read(payload: IncomingMessage, limits: BodyLimits, done: Done): void {
    const chunks: Buffer[] = []
    let bytes = 0
    let joined = 0
    const settle = (error: Error | null): void => {
      payload.off('data', take).off('end', end).off('error', settle).off('close', broken)
      this.#arriving -= bytes
      if (error) done(Object.assign(error, { statusCode: 400 }))
      else done(null, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes))
    }
    const end = (): void => settle(null)
    const broken = (): void => settle(new Error('the request broke off'))
    const take = (chunk: Buffer): void => {
      bytes += chunk.length
      this.#arriving += chunk.length
      if (bytes > limits.one) settle(new BodyTooLarge(limits.one))
      else if (this.#arriving > limits.all && this.#arriving > bytes) settle(new NoRoomForBody())
      else if (chunks.push(chunk) - joined === PIECES) chunks.push(Buffer.concat(chunks.splice(joined++)))
    }
    payload.on('data', take).on('end', end).on('error', settle).on('close', broken)
  }
}
