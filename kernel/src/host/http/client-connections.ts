import type { Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { ResponseSink } from './sink.ts'

/** Its answers, oldest first: requests may be sent before earlier ones are answered. */
const SINKS = Symbol('sinks')
type ClientSocket = Socket & { [SINKS]?: ResponseSink[] }

/** Time for a client to take what was sent to it, in milliseconds. */
const FLUSH_MS = 1_000
/** How often it is looked whether it did. */
const LOOK_MS = 20

/** The connections of the clients of a server, and how they end when it stops. */
export class ClientConnections {
  readonly #server: Server
  readonly #open = new Set<ClientSocket>()
  #stopped: Promise<void> | undefined
  #look: NodeJS.Timeout | undefined

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: ClientSocket) => {
      const sinks: ResponseSink[] = (socket[SINKS] = [])
      this.#open.add(socket)
      socket.on('end', () => sinks.forEach((sink) => sink.finished()))
      socket.on('close', () => {
        this.#open.delete(socket)
        sinks.forEach((sink) => sink.left())
      })
    })
  }

  /** The answers that run on a connection. */
  answersOn(socket: ClientSocket): ResponseSink[] {
    return (socket[SINKS] ??= [])
  }

  /** Takes no more connections, and closes those on which nothing happens, now and from then on. */
  stop(): void {
    this.#stopped ??= new Promise((resolve) => {
      // That of an HTTP server would at once close those whose last answer is still on its way.
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    this.#closeIdle()
  }

  /** An answer has ended. */
  answered(): void {
    if (this.#stopped !== undefined) setImmediate(() => this.#closeIdle())
  }

  /** Nothing runs any more, behind {@link stop}: who does not take what was sent to it is cut a little later. */
  async end(): Promise<void> {
    const cut = setTimeout(() => this.#server.closeAllConnections(), FLUSH_MS)
    this.#closeIdle()
    await this.#stopped
    clearTimeout(cut)
    clearTimeout(this.#look)
    // Closed it is; this ends the timer by which Node looks for slow requests.
    this.#server.close()
  }

  /** To Node a connection is idle as soon as its last answer was given to it, however much of that has left. */
  #closeIdle(): void {
    clearTimeout(this.#look)
    const sends = [...this.#open].some((socket) => socket.writableLength > 0)
    if (sends) this.#look = setTimeout(() => this.#closeIdle(), LOOK_MS)
    else this.#server.closeIdleConnections()
  }
}
