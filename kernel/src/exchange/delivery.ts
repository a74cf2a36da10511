import {
  CcrError, createAccumulator, settle, type CanonicalEvent, type ClientDialect, type ClientEncoder, type FailureReply,
  type Target,
} from '@ccr/sdk'
import type { ClientSink, Incoming, Runtime } from './ports.ts'
import type { ExchangeState } from './state.ts'
import type { Piece } from './answer.ts'
import type { Watchdog } from './watchdog.ts'

/**
 * held: nothing was sent · alive: a waiting client got 200 and pings, other targets are still possible · committed:
 * content was sent, no way back · ended: nothing can be sent any more.
 */
type State = 'held' | 'alive' | 'committed' | 'ended'

/** Headers of an upstream's answer that are its connection's own, or the router's business. */
const NOT_FORWARDED = new RegExp(
  '^(?:connection|keep-alive|transfer-encoding|content-(?:length|encoding)|set-cookie|trailer|upgrade|date|server|' +
    'proxy-.*|access-control-.*|strict-transport-security|alt-svc)$',
)

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

  get ended(): boolean {
    return this.#state === 'ended'
  }

  /** The HTTP status the client saw, 0 before any. */
  get status(): number {
    return this.#status
  }

  /** The client took nothing for longer than it may. */
  get stalled(): boolean {
    return this.#stalled
  }

  /** The first content is about to be sent. `upstream` are the headers of an answer that is passed on. */
  commit(target: Target, upstream: Readonly<Record<string, string>> | undefined): void {
    if (this.#encoder && this.#state === 'held') this.#head(200, this.#streamHeaders(), target, upstream)
    this.#state = 'committed'
  }

  /** Sends a piece of a stream; a promise when the client does not take more for now, while `watchdog` stands still. */
  write({ events, bytes }: Piece, watchdog?: Watchdog): Promise<void> | undefined {
    const chunk = bytes ?? this.#encoder!.events(events)
    if (chunk.length === 0) return undefined
    this.#lastWrite = performance.now()
    return this.#sink.write(chunk) ? undefined : this.#drained(watchdog)
  }

  /** Sends the last piece of a stream and ends the answer. */
  end({ events, bytes }: Piece): void {
    this.#stop()
    this.#sink.end(bytes ?? this.#encoder!.events(events))
  }

  /** Sends a whole answer. */
  whole(
    pieces: readonly Piece[],
    target: Target | undefined,
    upstream: Readonly<Record<string, string>> | undefined,
  ): void {
    const passed = pieces.length === 1 ? pieces[0]!.bytes : undefined
    const body = passed ?? JSON.stringify(this.#client.message(accumulated(pieces), this.#exchange))
    this.#stop()
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
    this.#head(
      200,
      { 'content-type': 'application/json', 'content-length': String(length) },
      target,
      passed && upstream,
    )
    this.#sink.end(body)
  }

  /** Tells the client of a failure: as an HTTP status while nothing was sent, as the stream's last event afterwards. */
  fail(reply: FailureReply): void {
    if (this.#state === 'ended') return
    const held = this.#state === 'held'
    this.#stop()
    if (!held) {
      this.#sink.end(this.#encoder!.failure(reply))
      return
    }
    this.#status = reply.status
    sendFailure(this.#sink, this.#client, reply, this.#exchange.id)
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
        this.#head(200, this.#streamHeaders(), undefined, undefined)
        this.#state = 'alive'
      }
      this.#lastWrite = performance.now()
      this.#sink.write(this.#encoder!.ping())
    }
    this.#pulse = setTimeout(this.#beat, left > 0 ? Math.ceil(left) : ping)
  }

  async #drained(watchdog: Watchdog | undefined): Promise<void> {
    clearTimeout(this.#pulse)
    watchdog?.pause()
    await settle(this.#sink.drained(), this.#runtime.settings.timeouts.clientStall, undefined, () => {
      this.#stalled = true
      return new CcrError('CCR_CLIENT_CLOSED', 'the client took nothing of its answer for too long')
    })
    watchdog?.resume()
    this.#lastWrite = performance.now()
    if (this.#state !== 'ended') this.#pulse = setTimeout(this.#beat, this.#runtime.settings.timeouts.ping)
  }

  #streamHeaders(): Record<string, string> {
    return { 'content-type': this.#encoder!.contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }
  }

  #head(
    status: number,
    own: Readonly<Record<string, string>>,
    target: Target | undefined,
    upstream: Readonly<Record<string, string>> | undefined,
  ): void {
    const headers: Record<string, string> = { 'request-id': this.#exchange.id }
    for (const name in upstream) if (!NOT_FORWARDED.test(name)) headers[name] = upstream[name]!
    Object.assign(headers, own)
    if (target) {
      headers['x-ccr-provider'] = printable(target.provider)
      headers['x-ccr-model'] = printable(target.model)
      headers['x-ccr-route'] = printable(this.#exchange.plan?.scenario ?? this.#exchange.plan?.source ?? '')
    }
    this.#status = status
    this.#sink.head(status, headers)
  }
}

/** Sends a failure to a client that has got nothing yet. */
export function sendFailure(sink: ClientSink, client: ClientDialect, reply: FailureReply, requestId: string): void {
  const body = JSON.stringify(client.failure(reply, requestId))
  const headers: Record<string, string> = {
    ...reply.headers,
    'request-id': requestId,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  }
  if (reply.retryAfter !== undefined) headers['retry-after'] = printable(reply.retryAfter)
  if (reply.shouldRetry !== undefined) headers['x-should-retry'] = String(reply.shouldRetry)
  sink.head(reply.status, headers)
  sink.end(body)
}

function accumulated(pieces: readonly Piece[]) {
  const accumulator = createAccumulator()
  for (const { events } of pieces) for (const event of events as readonly CanonicalEvent[]) accumulator.push(event)
  const message = accumulator.message()
  if (!message) throw new CcrError('CCR_STREAM_ENDED', 'the answer has no beginning')
  return message
}

/** A header value must be one line of Latin-1; what is not is percent-encoded. */
function printable(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value)
}
