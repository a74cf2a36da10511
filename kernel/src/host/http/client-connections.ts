import type { Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { ResponseSink } from './sink.ts'

/** Its answers, oldest first: requests may be sent before earlier ones are answered. */
const SINKS = Symbol('sinks')
type ClientSocket = Socket & { [SINKS]?: ResponseSink[] }

/** Time in which a client must take something of what it is still sent, in milliseconds: systems buffer megabytes. */
const STALL_MS = 5_000
/** How long all others are waited for, and who is in the way of a stop that is urgent. */
const FLUSH_MS = 1_000
/** How often it is looked which connections have become idle. */
const LOOK_MS = 20

/** The connections of the clients of a server, and how they end when it stops. */
export class ClientConnections {
  readonly #server: Server
  readonly #open = new Set<ClientSocket>()
  #stopped: Promise<void> | undefined
  #look: NodeJS.Timeout | undefined
  #cut: NodeJS.Timeout | undefined
  #hurried = false

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
    if (this.#stopped) return
    this.#stopped = new Promise((resolve) => {
      // That of an HTTP server would at once close those whose last answer is still on its way.
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    // Within this turn an answer may have ended behind which others wait.
    const look = (): void => void setImmediate(() => this.#closeIdle())
    look()
    this.#look = setInterval(look, LOOK_MS)
  }

  /**
   * Nothing runs any more, behind {@link stop}: who is still sent something gets the time for it, within the limit, as
   * long as some of it is taken; all others are cut.
   */
  async end(limitMs: number): Promise<void> {
    this.#cut = setTimeout(() => this.#cutAll(), this.#hurried ? FLUSH_MS : Math.max(FLUSH_MS, limitMs))
    const unsent = setTimeout(() => this.#cutAll((socket) => socket.writableLength === 0), FLUSH_MS)
    // Node ends those on which nothing moves; it also looks how far a write is that is not done. This comes behind the
    // answers that end in this turn, whose clients get a longer time at first.
    setImmediate(() => this.#open.forEach((socket) => socket.setTimeout(STALL_MS)))
    await this.#stopped
    clearTimeout(this.#cut)
    this.#cut = undefined
    clearTimeout(unsent)
    clearInterval(this.#look)
    // Closed it is; this ends the timer by which Node looks for slow requests.
    this.#server.close()
  }

  /** Whatever is not sent soon is not waited for. */
  hurry(): void {
    if (this.#hurried) return
    this.#hurried = true
    if (!this.#cut) return
    clearTimeout(this.#cut)
    this.#cut = setTimeout(() => this.#cutAll(), FLUSH_MS)
  }

  /** To Node a connection is idle as soon as its last answer was given to it, however much of that has left. */
  #closeIdle(): void {
    if (![...this.#open].some((socket) => socket.writableLength > 0)) this.#server.closeIdleConnections()
  }

  #cutAll(concerned: (socket: Socket) => boolean = () => true): void {
    for (const socket of this.#open) if (concerned(socket)) socket.destroy()
  }
}
