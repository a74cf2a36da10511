import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { behaviourOf, FAULTS, type FaultTurn } from './fault-behaviours.ts'
import type { Shape } from './fault-transcripts.ts'

/*
 * An upstream on raw TCP, so that every byte, FIN and RST is ours. The path says what happens:
 * `/f/<fault>/v1/chat/completions` in the OpenAI shape, `/f/<fault>/v1/messages` in the Anthropic shape. Options stand
 * in the query. Each connection carries one request.
 *
 * ok, ok-anthropic       a healthy answer, as a stream or as JSON, as the request asked
 * status-<code>          an error body; ?retry-after=<value>, ?leak puts the key into its message, ?stack a stack
 * html-200, html-502     a web page
 * empty-200, empty-sse   nothing where an answer should be
 * error-200              an error body under 200
 * eof-clean, trunc-json  ends in order before its terminal event, at an event's end or inside one
 * err-first              the first event is an error          err-in-stream   one comes after some text
 * err-bare               one without the form of an event comes after some text
 * reset-before, fin-before, reset-mid, fin-mid                the connection breaks
 * hang-headers, hang-body, hang-mid                           silence from there on
 * hang-close             complete, but the connection stays open
 * reset-unmarked, fin-unmarked, hang-unmarked                 the same, when only the terminal event is missing
 * half-unmarked          the connection breaks inside the terminal event
 * junk, bighdr           no status line; a header of 2 MB
 * redirect               307 to ?to=<url>, or to redirect-target, which answers like ok
 * json-for-stream, sse-for-json, json-bom                     the other kind of answer; JSON behind a byte order mark
 * slow                   ?ms= before each event, ?repeat= the text
 * infinite               text for ever
 * only-pings, pings-mid  nothing but pings (?ms= apart) for ever, from the start or after some text
 * bytewise               one byte at a time
 * crlf, cr-only, nospace, bom, comments, multiline            the same events, spelled in another way
 * after-stop             events after the terminal one
 * clmismatch             shorter than its content-length says
 * gzbomb                 ?mb=100 of blanks, compressed        hugeline        one line of ?mb=64
 * badjson-mid, bad-utf8  one broken event, one broken byte, in the middle
 */

/** How a connection ended: the router closed it in order, reset it, or this upstream ended it. */
export type FaultEnd = 'fin' | 'reset' | 'upstream'

/** One connection that carried a request. */
export interface FaultConnection {
  readonly fault: string
  /** Request line and headers. */
  readonly head: string
  /** The body as it stood on the wire. */
  readonly body: Buffer
  readonly bytesReceived: number
  /** Bytes that the operating system took from us. */
  readonly bytesSent: number
  /** Milliseconds since the epoch. */
  readonly openedAt: number
  readonly closedAt: number | undefined
  readonly closedBy: FaultEnd | undefined
}

/** A running fault upstream. */
export interface FaultUpstream {
  readonly port: number
  /** Connections that carried a request, in the order of their requests. */
  readonly connections: readonly FaultConnection[]
  /** The full URL of an endpoint with this fault; the query holds options. */
  url(
    fault: string,
    options?: { readonly shape?: Shape; readonly query?: Readonly<Record<string, string | number>> },
  ): string
  /** The first connection for which this holds, or becomes true within the time. */
  waitFor(predicate: (one: FaultConnection) => boolean, timeoutMs?: number): Promise<FaultConnection>
  /** Cuts every connection and stops listening. */
  close(): Promise<void>
}

type Entry = { -readonly [Field in keyof FaultConnection]: FaultConnection[Field] }

/** Starts a fault upstream on a free port of loopback. */
export async function startFaultUpstream(): Promise<FaultUpstream> {
  const connections: FaultConnection[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveOne(socket, url, connections)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  function url(fault: string, options: Parameters<FaultUpstream['url']>[1] = {}): string {
    const shape = options.shape ?? (fault === 'ok-anthropic' ? 'anthropic' : 'openai')
    const tail = shape === 'openai' ? 'chat/completions' : 'messages'
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(options.query ?? {})) query.set(key, String(value))
    return `http://127.0.0.1:${port}/f/${fault}/v1/${tail}${query.size > 0 ? `?${query}` : ''}`
  }

  return {
    port,
    connections,
    url,
    async waitFor(predicate, timeoutMs = 5000) {
      for (const deadline = Date.now() + timeoutMs; ; await delay(10)) {
        const found = connections.find(predicate)
        if (found) return found
        if (Date.now() > deadline) {
          const seen = connections.map(({ fault, closedBy }) => `${fault}:${closedBy ?? 'open'}`).join(', ')
          throw new Error(`no connection became what was waited for in ${timeoutMs} ms; seen: ${seen || 'none'}`)
        }
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

function serveOne(
  socket: Socket,
  url: (fault: string, options: { shape: Shape }) => string,
  log: FaultConnection[],
): void {
  const received: Buffer[] = []
  let entry: Entry | undefined
  let ended: FaultEnd | undefined
  socket.on('data', (bytes) => {
    received.push(bytes)
    if (entry) return
    const request = readRequest(Buffer.concat(received))
    if (!request) return
    entry = createEntry(socket, request)
    log.push(entry)
    const turn = createTurn(socket, request, url, (end) => (ended ??= end))
    const behaviour = behaviourOf(request.fault)
    if (!behaviour) {
      socket.destroy()
      throw new Error(
        `there is no fault '${request.fault}'; there are status-<code>, ${Object.keys(FAULTS).join(', ')}`,
      )
    }
    void Promise.resolve(behaviour(turn))
  })
  // Whoever leaves while we write would otherwise only be noticed when its buffers are full.
  socket.on('end', () => {
    ended ??= 'fin'
    socket.destroy()
  })
  socket.on('error', () => (ended ??= 'reset'))
  socket.on('close', () => {
    if (!entry) return
    entry.closedAt = Date.now()
    entry.closedBy = ended ?? 'upstream'
  })
}

interface ReadRequest {
  readonly fault: string
  readonly shape: Shape
  readonly query: URLSearchParams
  readonly head: string
  readonly body: Buffer
  readonly length: number
}

/** The request, once all of it is there. */
function readRequest(bytes: Buffer): ReadRequest | undefined {
  const split = bytes.indexOf('\r\n\r\n')
  if (split < 0) return undefined
  const head = bytes.toString('latin1', 0, split)
  const body = bytes.subarray(split + 4)
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  const chunked = /^transfer-encoding: *chunked/im.test(head)
  if (chunked ? body.indexOf('0\r\n\r\n') < 0 : body.length < length) return undefined
  const target = new URL(head.split(' ')[1] ?? '/', 'http://127.0.0.1')
  const [, , fault = ''] = target.pathname.split('/')
  const anthropic = target.pathname.endsWith('/messages') || fault === 'ok-anthropic'
  const shape = anthropic ? 'anthropic' : 'openai'
  return { fault, shape, query: target.searchParams, head, body, length: bytes.length }
}

function createEntry(socket: Socket, { fault, head, body, length }: ReadRequest): Entry {
  return {
    fault,
    head,
    body,
    bytesReceived: length,
    get bytesSent() {
      return socket.bytesWritten - socket.writableLength
    },
    openedAt: Date.now(),
    closedAt: undefined,
    closedBy: undefined,
  }
}

function createTurn(
  socket: Socket,
  { shape, query, head, body }: ReadRequest,
  url: (fault: string, options: { shape: Shape }) => string,
  end: (by: FaultEnd) => void,
): FaultTurn {
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  return {
    shape,
    stream: /"stream":\s*true/.test(body.toString('utf8')),
    query,
    key: /^(?:authorization: *bearer|x-api-key:) *(\S+)/im.exec(head)?.[1] ?? '',
    url: (fault) => url(fault, { shape }),
    async send(bytes) {
      if (socket.destroyed || socket.writableEnded || socket.write(bytes)) return
      await Promise.race([new Promise<void>((resolve) => void socket.once('drain', resolve)), closed])
    },
    fin() {
      end('upstream')
      socket.end()
    },
    reset() {
      end('upstream')
      socket.resetAndDestroy()
    },
    get gone() {
      return socket.destroyed
    },
    // Long waits must not outlive the connection.
    async wait(ms) {
      if (ms === 0) return void (await new Promise((resolve) => setImmediate(resolve)))
      const timer = new AbortController()
      void closed.then(() => timer.abort())
      await delay(ms, undefined, { signal: timer.signal }).catch(() => undefined)
    },
  }
}
