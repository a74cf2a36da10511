import type { Socket } from 'node:net'
import type { buildConnector as Connecting, Dispatcher } from 'undici'
import type { Lookups } from './lookup.ts'
import { proxyLogin } from './proxy-login.ts'
import { buildConnector, Client, createProxyAgent } from './undici.ts'

const IDLE_MS = 30_000
const HEAD_BYTES = 64 * 1024

/** Opens sockets for one origin; its TLS sessions are shared by the connections of that origin. */
export type Connector = (options: Connecting.Options, callback: Connecting.Callback) => Socket

/** A connector whose only deadline is the caller's. */
export function createConnector({ lookup }: Lookups): Connector {
  // undici's connector gives its socket back and takes all options of sockets, which its types do not say.
  const options = { timeout: 0, autoSelectFamilyAttemptTimeout: 1_000, lookup }
  return buildConnector(options) as unknown as Connector
}

/** Where a connection leads. */
export interface ConnectionOptions {
  readonly origin: string
  /** The proxy in between, with its credentials. */
  readonly proxyUrl: string | undefined
  readonly connector: Connector
  /** Finds the upstream, or the proxy before it. */
  readonly lookups: Lookups
  /** The socket is gone. */
  onClosed(connection: Connection): void
}

/**
 * One connection to an upstream, used by one request at a time. A request owns its connection, so that leaving it
 * closes the socket in every phase, the handshake included, which a shared pool does not offer.
 */
export class Connection {
  readonly bornAt: number
  readonly #dispatcher: Dispatcher
  #socket: Socket | undefined
  #destroyed = false
  #open = false
  #closed = false
  #reached = false

  constructor(options: ConnectionOptions, bornAt: number) {
    this.bornAt = bornAt
    const track =
      (connect: Connector): Connector =>
      (connectOptions, callback) => {
        const connected: Connecting.Callback = (...result) => {
          this.#reached = result[0] === null
          callback(...result)
        }
        const socket = options.lookups.connect(() => connect(connectOptions, connected))
        this.#socket = socket
        socket.once('close', () => {
          if (this.#socket !== socket) return
          this.#closed = true
          options.onClosed(this)
        })
        return socket
      }
    // The exchange has its own timers for head and body; foreign ones would fire with foreign errors.
    const common = {
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: HEAD_BYTES,
      pipelining: 1,
    }
    const proxyTls = { timeout: 0, lookup: options.lookups.lookup }
    this.#dispatcher =
      options.proxyUrl === undefined
        ? new Client(options.origin, { ...common, connect: track(options.connector) })
        : createProxyAgent({
            ...common,
            uri: options.proxyUrl,
            ...proxyLogin(options.proxyUrl),
            connections: 1,
            proxyTls,
            requestTls: { timeout: 0 },
            clientFactory: (proxy, proxyOptions) =>
              new Client(proxy, {
                headersTimeout: 0,
                connect: track((proxyOptions as { connect: Connector }).connect),
              }),
          })
  }

  /** The connection is made: a request goes out without further waiting. */
  get open(): boolean {
    return this.#open && !this.closed
  }

  /** There is a socket to the upstream, or to the proxy before it. */
  get reached(): boolean {
    return this.#reached
  }

  /** The connection cannot carry another request. */
  get closed(): boolean {
    return this.#closed || this.#destroyed
  }

  /** Bytes of a request have not left yet: an upstream may answer before it has taken them, and never take them. */
  get sending(): boolean {
    return (this.#socket?.writableLength ?? 0) > 0
  }

  /** A request went out on it. */
  used(): void {
    this.#open = true
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#dispatcher.dispatch(options, handler)
  }

  /** Closes the socket at once, also while it connects. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    const reason = new Error('the request was given up')
    this.#dispatcher.destroy(reason).catch(() => undefined)
    if (this.#socket && !this.#socket.destroyed) this.#socket.destroy(reason)
  }
}
