import { CcrError, messageOfEvents, writeJson } from '@ccr/sdk'
import type { ClientDialect, ClientEncoder, FailureReply, Target } from '@ccr/sdk'
import { failureHeaders, forwardable, requestIdHeaders, routeHeaders, settle, toHeaderValue } from '@ccr/sdk/kernel'
import type { Piece, Watchdog } from '@ccr/sdk/kernel'
import type { ClientSink, Runtime } from './ports.ts'
import type { ExchangeState, Incoming } from './state.ts'

/**
 * held: nothing was sent · alive: a waiting client got 200 and pings, other targets are still possible · committed:
 * content was sent, no way back · ended: nothing can be sent any more.
 */
type State = 'held' | 'alive' | 'committed' | 'ended'

/** Longest `x-ccr-plugins`; clients take 8 KiB of headers. */
const CHAIN_LENGTH = 2_000

type Headers = Readonly<Record<string, string>>

/** Writes one exchange's answer to its client, and knows how far that has gone. */
export class Delivery {
  readonly #exchange: ExchangeState
  readonly #sink: ClientSink
  readonly #client: ClientDialect
  readonly #runtime: Runtime
  readonly #encoder: ClientEncoder | undefined
  #state: State = 'held'
  #status = 0
  #pulse: NodeJS.Timeout | undefined
  #lastWrite = performance.now()
  #stalled = false

  constructor(exchange: ExchangeState, incoming: Incoming, runtime: Runtime) {
    this.#exchange = exchange
    this.#sink = incoming.sink
    this.#client = incoming.client
    this.#runtime = runtime
    if (!exchange.stream) return
    this.#encoder = incoming.client.encoder(exchange)
    this.#pulse = setTimeout(this.#beat, runtime.settings.timeouts.keepAlive)
  }

  /** Content was sent: no other target may be tried. */
  get committed(): boolean {
    return this.#state === 'committed' || this.#state === 'ended'
  }

  /** The HTTP status the client saw, 0 before any. */
  get status(): number {
    return this.#status
  }

  /** The client took nothing for longer than it may. */
  get stalled(): boolean {
    return this.#stalled
  }

  /** The first content of a stream is about to be sent. `upstream` are the headers of an answer that is passed on. */
  commit(target: Target, upstream: Headers | undefined): void {
    if (!this.#encoder || this.committed) return
    if (this.#state === 'held') this.#head(this.#headers(this.#streamHeaders(), target, upstream))
    this.#state = 'committed'
  }

  /** Sends a piece of a stream; a promise when the client does not take more for now, while `watchdog` stands still. */
  write(events: Piece['events'], bytes: Piece['bytes'], watchdog: Watchdog): Promise<void> | undefined {
    const chunk = bytes ?? this.#encoder!.events(events)
    if (chunk.length === 0) return undefined
    this.#lastWrite = performance.now()
    return this.#sink.write(chunk) ? undefined : this.#drained(watchdog)
  }

  /** Prepares the last pieces of a stream; what it gives sends them and ends the answer, and cannot fail. */
  last(pieces: readonly Piece[]): () => void {
    const chunks = pieces.map(({ events, bytes }) => bytes ?? this.#encoder!.events(events))
    return () => {
      this.#stop()
      for (const chunk of chunks.slice(0, -1)) this.#sink.write(chunk)
      this.#sink.end(chunks.at(-1))
    }
  }

  /** Prepares a whole answer; what it gives sends it, and cannot fail. */
  whole(pieces: readonly Piece[], target: Target, upstream: Headers | undefined): () => void {
    const passed = pieces.length === 1 ? pieces[0]!.bytes : undefined
    const events = pieces.length === 1 ? pieces[0]!.events : pieces.flatMap((piece) => piece.events)
    const body = passed ?? writeJson(this.#client.message(messageOfEvents(events), this.#exchange))
    const own = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
    const headers = this.#headers(own, target, passed && upstream)
    return () => {
      this.#stop()
      this.#head(headers)
      this.#sink.end(body)
    }
  }

  /**
   * Tells the client of a failure: as an HTTP status while nothing was sent, as the stream's last event afterwards.
   *
   * @param target the one that was tried last, if any was
   */
  fail(reply: FailureReply, target?: Target): void {
    if (this.#state === 'ended') return
    if (this.#state === 'held') {
      sendFailure(this.#sink, this.#client, reply, this.#exchange.id, this.#routed(target))
      this.#status = reply.status
    } else this.#sink.end(this.#encoder!.failure(reply))
    this.#stop()
  }

  /** Nobody is told any more, whatever happened: an answer never stays open. */
  close(): void {
    if (this.#state === 'ended') return
    this.#stop()
    this.#sink.destroy()
  }

  /** The client has left: nothing is sent any more. */
  leave(): void {
    this.#stop()
    if (this.#status === 0) this.#status = 499
    this.#sink.destroy()
  }

  #stop(): void {
    clearTimeout(this.#pulse)
    this.#state = 'ended'
  }

  readonly #beat = (): void => {
    const { keepAlive, ping } = this.#runtime.settings.timeouts
    const interval = this.#state === 'held' ? keepAlive : ping
    const left = this.#lastWrite + interval - performance.now()
    if (left <= 0) {
      if (this.#state === 'held') {
        this.#head(this.#headers(this.#streamHeaders(), undefined, undefined))
        this.#state = 'alive'
      }
      this.#lastWrite = performance.now()
      this.#sink.write(this.#encoder!.ping())
    }
    this.#pulse = setTimeout(this.#beat, left > 0 ? Math.ceil(left) : ping)
  }

  async #drained(watchdog: Watchdog): Promise<void> {
    clearTimeout(this.#pulse)
    watchdog.pause()
    const { clientStall, ping } = this.#runtime.settings.timeouts
    await settle(this.#sink.drained(), clientStall, this.#exchange.cancellation, () => {
      this.#stalled = true
      return new CcrError('CCR_CLIENT_CLOSED', 'the client took nothing of its answer for too long')
    })
    watchdog.resume()
    this.#lastWrite = performance.now()
    if (this.#state !== 'ended') this.#pulse = setTimeout(this.#beat, ping)
  }

  #streamHeaders(): Record<string, string> {
    return { 'content-type': this.#encoder!.contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }
  }

  #headers(own: Headers, target: Target | undefined, upstream: Headers | undefined): Headers {
    const headers = requestIdHeaders(this.#exchange.id, this.#client)
    if (upstream) for (const [name, value] of forwardable(upstream)) headers[name] = this.#runtime.redact(value)
    for (const name in own) headers[name] = own[name]!
    return target ? Object.assign(headers, this.#routed(target)) : headers
  }

  #routed(target: Target | undefined): Headers {
    const { plan, headers: asked, world } = this.#exchange
    const headers = this.#runtime.hidesRoute ? {} : routeHeaders(plan, target, (text) => this.#runtime.redact(text))
    if (target && asked['x-ccr-debug'] !== undefined)
      headers['x-ccr-plugins'] = toHeaderValue(world.chain(target), CHAIN_LENGTH)
    return headers
  }

  #head(headers: Headers): void {
    this.#status = 200
    this.#sink.head(200, headers)
  }
}

/** Sends a failure to a client that has got nothing yet. */
export function sendFailure(sink: ClientSink, client: ClientDialect, reply: FailureReply, id: string, more?: Headers) {
  const body = reply.body ?? JSON.stringify(client.failure(reply, id))
  const length = String(Buffer.byteLength(body))
  sink.head(reply.status, { ...failureHeaders(reply, id, client), ...more, 'content-length': length })
  sink.end(body)
}
