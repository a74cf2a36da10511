import type { ServerResponse } from 'node:http'
import { CcrError } from '@ccr/sdk'
import { Cancellation } from '@ccr/sdk/kernel'
import type { ClientSink } from '../../exchange/ports.ts'
import { endResponse } from './last-piece.ts'

// How often, and how many times, a client that sent a FIN is asked whether it still listens.
const PROBE_MS = 200
const PROBES = 4

/** Source: https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
const LAST_CHUNK = '0\r\n\r\n'

/**
 * The answer of one exchange on its way to the client, and the cancellation that comes with the end of its connection.
 */
export class ResponseSink implements ClientSink {
  /** Aborted when the client leaves before its answer was complete, or by {@link abort}. */
  readonly cancellation = new Cancellation()
  readonly #response: ServerResponse
  readonly #stallMs: number
  #status = 0
  #headers: Readonly<Record<string, string>> | undefined
  #began = false
  /** The chunks of the transfer coding are written here: Node makes four writes of each, which cost twice as much. */
  #chunked = false
  #headSent = false
  #ended = false
  #closed = false
  #waiting: { promise: Promise<void>; resolve(): void; reject(reason: unknown): void } | undefined
  #probe: NodeJS.Timeout | undefined

  /** @param stallMs how long a client may take nothing of what is left when the answer has ended, in milliseconds */
  constructor(response: ServerResponse, stallMs: number) {
    this.#response = response
    this.#stallMs = stallMs
    response.once('close', () => this.#close())
    if (response.destroyed) this.#close()
  }

  /** Bytes of the answer have been handed on. */
  get began(): boolean {
    return this.#began
  }

  /** Makes the exchange end. */
  abort(reason: CcrError): void {
    this.cancellation.abort(reason)
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    // Kept until the first byte, so that an answer of one piece gets its length instead of chunks.
    this.#status = status
    this.#headers = headers
  }

  write(chunk: string | Uint8Array): boolean {
    if (!this.#open()) return true
    this.#begin()
    return this.#send(chunk)
  }

  drained(): Promise<void> {
    if (this.#closed) return Promise.reject(gone())
    if (!this.#response.writableNeedDrain) return Promise.resolve()
    if (!this.#waiting) {
      this.#response.once('drain', () => {
        this.#waiting?.resolve()
        this.#waiting = undefined
      })
      let settle: { resolve(): void; reject(reason: unknown): void }
      const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }))
      this.#waiting = { promise, ...settle! }
    }
    return this.#waiting.promise
  }

  end(chunk?: string | Uint8Array): void {
    if (!this.#open()) return
    // It is written later, where nobody would hear of it.
    if (chunk !== undefined && typeof chunk !== 'string' && !(chunk instanceof Uint8Array))
      throw new TypeError('the end of an answer is neither text nor bytes')
    if (!this.#began && chunk !== undefined && this.#headers?.['content-length'] === undefined)
      this.#headers = { ...this.#headers, 'content-length': String(Buffer.byteLength(chunk)) }
    this.#begin()
    this.#ended = true
    clearTimeout(this.#probe)
    // Answers that end in one turn of the event loop are written together, behind everything else that came in with it.
    // Each write may wake its reader; written one by one they wake theirs for each, who then ask again one by one. Of
    // many small requests at once each cost a sixth more.
    if (!this.#chunked) return void setImmediate(endResponse, this.#response, chunk, this.#stallMs)
    if (chunk !== undefined) this.#send(chunk)
    endResponse(this.#response, LAST_CHUNK, this.#stallMs)
  }

  /** Cuts an answer that has not ended. */
  destroy(): void {
    if (!this.#ended) this.#response.destroy()
  }

  /**
   * The client sent a FIN: it has closed its connection, or only its own half of it, which looks the same. A few bytes
   * that every client skips tell: a closed connection refuses them. They are an interim answer before the head and a
   * comment inside an event stream, which stands between two frames after each write. An answer behind that of an
   * earlier request asks when its turn comes: until then nothing of it reaches the connection.
   */
  finished(): void {
    if (this.#response.socket) this.#ask(PROBES)
    else this.#response.once('socket', () => this.#ask(PROBES))
  }

  /** The connection is gone; an answer that waits behind another one is not told so by Node. */
  left(): void {
    this.#close()
  }

  #ask(left: number): void {
    if (left === 0 || !this.#open() || !this.#canProbe()) return
    if (this.#began) this.#send(': \n\n')
    else this.#response.writeProcessing()
    this.#probe = setTimeout(() => this.#ask(left - 1), PROBE_MS)
  }

  #canProbe(): boolean {
    if (this.#began) return this.#headers?.['content-type']?.startsWith('text/event-stream') === true
    return this.#response.req.httpVersionMinor > 0
  }

  #begin(): void {
    if (this.#began) return
    this.#began = true
    this.#response.writeHead(this.#status, this.#headers)
    this.#chunked = this.#response.chunkedEncoding
    this.#response.chunkedEncoding = false
  }

  #send(chunk: string | Uint8Array): boolean {
    // An empty chunk would be the last one.
    if (!this.#chunked || chunk.length === 0) return this.#response.write(chunk)
    const size = `${Buffer.byteLength(chunk).toString(16)}\r\n`
    if (this.#headSent && typeof chunk === 'string') return this.#response.write(`${size}${chunk}\r\n`)
    // Node writes the head with what comes first, and in its encoding; that of a head is latin1.
    this.#headSent = true
    this.#response.write(size, 'latin1')
    this.#response.write(chunk)
    return this.#response.write('\r\n')
  }

  #open(): boolean {
    return !this.#closed && !this.#ended && !this.#response.destroyed
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#probe)
    this.#waiting?.reject(gone())
    this.#waiting = undefined
    if (!this.#ended) this.cancellation.abort(gone())
  }
}

function gone(): CcrError {
  return new CcrError('CCR_CLIENT_CLOSED', 'the client left before its answer was complete')
}
