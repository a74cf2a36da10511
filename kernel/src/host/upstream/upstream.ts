import { Connection, createConnector, type Connector } from './connection.ts'
import type { Lookups } from './lookup.ts'

const IDLE_CONNECTIONS = 256
// An upstream that moved to another address is found again within this time.
const REUSE_MS = 60_000

/** The connections to one origin, through one proxy or none. The one used last is used first. */
export class Upstream {
  readonly origin: string
  readonly proxyUrl: string | undefined
  readonly #lookups: Lookups
  readonly #connector: Connector
  readonly #open = new Set<Connection>()
  readonly #idle: Connection[] = []
  #retired = false

  constructor(origin: string, proxyUrl: string | undefined, lookups: Lookups) {
    this.origin = origin
    this.proxyUrl = proxyUrl
    this.#lookups = lookups
    this.#connector = createConnector(lookups)
  }

  /** An idle connection, if there is one. */
  reuse(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (!connection.closed && performance.now() - connection.bornAt < REUSE_MS) return connection
      this.drop(connection)
    }
    return undefined
  }

  create(): Connection {
    const { origin, proxyUrl } = this
    const onClosed = (closed: Connection): void => this.#closed(closed)
    const connection = new Connection(
      { origin, proxyUrl, connector: this.#connector, lookups: this.#lookups, onClosed },
      performance.now(),
    )
    this.#open.add(connection)
    return connection
  }

  /** Gives a connection back after a complete answer. */
  release(connection: Connection): void {
    if (connection.closed || this.#retired || this.#idle.length >= IDLE_CONNECTIONS) this.drop(connection)
    else this.#idle.push(connection)
  }

  drop(connection: Connection): void {
    this.#open.delete(connection)
    connection.destroy()
  }

  /** No connection is used again; those that carry a request finish it. */
  retire(): void {
    this.#retired = true
    for (const connection of this.#idle.splice(0)) this.drop(connection)
  }

  /** Closes every connection at once. */
  destroy(): void {
    this.retire()
    for (const connection of [...this.#open]) this.drop(connection)
  }

  #closed(connection: Connection): void {
    const at = this.#idle.indexOf(connection)
    if (at < 0) return
    this.#idle.splice(at, 1)
    this.drop(connection)
  }
}
