import type { IncomingHttpHeaders } from 'node:http'
import { CcrError } from '@ccr/sdk'
import { isShortage, type BodySource } from '@ccr/sdk/kernel'
import type { Dispatcher } from 'undici'
import type { TransportRequest, TransportResponse } from '../../exchange/ports.ts'
import { codeOf } from '../../load/code-of.ts'
import type { Connection } from './connection.ts'
import { decompressorFor, isDecodable } from './decompress.ts'
import { ResponseBody } from './response-body.ts'
import { sniff } from './sniff.ts'
import { errors } from './undici.ts'
import type { Upstream } from './upstream.ts'

/** How a call is settled. */
export interface Settle {
  resolve(response: TransportResponse): void
  reject(reason: unknown): void
}

/**
 * One request on one connection, from dispatch to the last byte. It is its own undici handler and abort listener, so
 * that a request costs no closures.
 */
export class UpstreamCall implements Dispatcher.DispatchHandler {
  readonly #upstream: Upstream
  readonly #options: Dispatcher.DispatchOptions
  readonly #request: TransportRequest
  readonly #settle: Settle
  #connection: Connection | undefined
  #reused = false
  #sent = false
  #over = false
  #body: ResponseBody | undefined
  #closing = false
  #timer: NodeJS.Timeout | undefined

  constructor(upstream: Upstream, path: string, request: TransportRequest, settle: Settle) {
    this.#upstream = upstream
    this.#request = request
    this.#settle = settle
    // Streams are read as they come, so a coding would only delay them.
    const headers = ['accept-encoding', request.stream ? 'identity' : 'gzip, br']
    for (const name in request.headers) if (!OWN.has(name)) headers.push(name, request.headers[name]!)
    // undici takes pieces as an iterable, whose length it does not know; its types know only streams of them.
    const body = request.body as string | Uint8Array
    if (Array.isArray(body)) headers.push('content-length', String(lengthOf(body)))
    this.#options = { origin: upstream.origin, path, method: 'POST', headers, body }
  }

  start(): void {
    this.#request.signal.addEventListener('abort', this)
    const idle = this.#upstream.reuse()
    this.#reused = idle !== undefined
    this.#dispatch(idle ?? this.#upstream.create())
  }

  /** The signal of the request was aborted. */
  handleEvent(): void {
    this.#finish()
    this.#close()
    const reason: unknown = this.#request.signal.reason
    if (this.#body) this.#body.fail(reason, true)
    else this.#settle.reject(reason)
  }

  onRequestStart(): void {
    this.#sent = true
    this.#connection?.used()
    if (this.#timer !== undefined) clearTimeout(this.#timer)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim answers say nothing about the final one.
    if (status < 200 || this.#over) return
    const body = new ResponseBody(controller, () => this.#abandon())
    this.#body = body
    try {
      const flat = flatten(headers)
      this.#closing = /(?:^|,)\s*close\s*(?:,|$)/i.test(flat['connection'] ?? '')
      const coding = flat['content-encoding']
      // Why something failed may be unreadable; that it did, and how, is not.
      if (status !== 200 && !isDecodable(coding)) {
        this.#abandon()
        return this.#settle.resolve({ status, headers: flat, body: NOTHING })
      }
      const plain = decompressorFor(coding)?.(body) ?? body
      if (!this.#request.stream || status !== 200 || isEventStream(flat[TYPE]))
        return this.#settle.resolve({ status, headers: flat, body: plain })
      // Some servers name their streams otherwise, or not at all, and a whole answer would be waited for to its end.
      void sniff(plain).then((sniffed) => {
        const actual = sniffed.isEvents ? { ...flat, [TYPE]: EVENT_STREAM } : flat
        this.#settle.resolve({ status, headers: actual, body: sniffed.body })
      })
    } catch (thrown) {
      this.#abandon()
      this.#settle.reject(thrown)
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#over) return
    this.#finish()
    const connection = this.#connection
    if (connection) {
      if (this.#closing || connection.sending) this.#upstream.drop(connection)
      else this.#upstream.release(connection)
    }
    this.#body?.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return
    if (this.#isStale(error)) return this.#again()
    const failure = this.#sent ? named(error) : this.#describe(error)
    this.#finish()
    this.#close()
    if (this.#body) this.#body.fail(failure)
    else this.#settle.reject(failure)
  }

  #dispatch(connection: Connection): void {
    this.#connection = connection
    this.#sent = false
    connection.dispatch(this.#options, this)
    if (!connection.open && !this.#over && this.#timer === undefined) {
      const { connectTimeoutMs } = this.#request
      this.#timer = setTimeout(
        () =>
          this.onResponseError(
            undefined as never,
            new errors.ConnectTimeoutError(`no connection within ${connectTimeoutMs} ms`),
          ),
        connectTimeoutMs,
      )
    }
  }

  /** The upstream closed an idle connection just when it was used again: nothing was answered, so a new one may ask. */
  #isStale(error: Error): boolean {
    return this.#reused && !this.#body && STALE.has(codeOf(error) ?? '') && !UNREADABLE[error.message]
  }

  #again(): void {
    this.#close()
    this.#reused = false
    this.#dispatch(this.#upstream.create())
  }

  /** The reader left before the end. */
  #abandon(): void {
    this.#finish()
    this.#close()
  }

  #finish(): void {
    this.#over = true
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#request.signal.removeEventListener('abort', this)
  }

  #close(): void {
    if (this.#connection) this.#upstream.drop(this.#connection)
    this.#connection = undefined
  }

  /** No connection: it says to where. On the way to a proxy that is the proxy, without its credentials. */
  #describe(error: Error): Error {
    const { proxyUrl, origin } = this.#upstream
    const code = codeOf(error) ?? ''
    // Behind a proxy that was reached, TLS is between here and the upstream.
    const atUpstream = TLS_FAILURE.test(code) && this.#connection?.reached === true
    if (proxyUrl === undefined || atUpstream || isShortage(code)) return Object.assign(error, { origin })
    const proxy = `the proxy ${new URL(proxyUrl).host}`
    if (code === 'UND_ERR_CONNECT_TIMEOUT')
      return new CcrError('CCR_UPSTREAM_TIMEOUT', `${proxy} gave ${error.message}`, { cause: error })
    const fact = code === 'UND_ERR_ABORTED' || code === '' ? error.message : code
    return new CcrError('CCR_UPSTREAM_NETWORK', `${proxy} gave no connection: ${fact}`, { cause: error })
  }
}

const TYPE = 'content-type'
const EVENT_STREAM = 'text/event-stream'

function isEventStream(type = ''): boolean {
  return type.toLowerCase().startsWith(EVENT_STREAM)
}

const NOTHING: BodySource = { readTo: (reader) => reader.end(), leave: () => undefined }

/** What undici asserts of an answer, or does not read, is no fault of ours. */
function named(error: Error): Error {
  const fact = codeOf(error) === 'ERR_ASSERTION' ? 'its answer is not valid HTTP' : UNREADABLE[error.message]
  return fact === undefined ? error : new CcrError('CCR_UPSTREAM_NETWORK', fact, { cause: error })
}

/** What undici's parser says of answers that it ends the connection for. */
const UNREADABLE: Readonly<Record<string, string | undefined>> = {
  'bad response': 'it began its answer with 100 Continue, which nobody asked for and which cannot be read',
  'bad upgrade': 'it switched to another protocol (101), which nobody asked for; check its api_base_url',
}

/** What only the connection knows. */
const OWN = new Set(['accept-encoding', 'content-length'])

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((bytes, piece) => bytes + piece.byteLength, 0)
}

const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
const TLS_FAILURE = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/

function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return flat
}
