import { request, type Agent, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON, or nothing where it is not. */
  readonly json: unknown
  /** The connection broke before the answer was complete. */
  readonly broken: string | undefined
}

/** A request under way. */
export interface Call {
  /** Status and headers, once they are there. */
  readonly head: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>
  readonly answer: Promise<Answer>
  /** Resolves once the body holds this text. */
  until(text: string): Promise<void>
  /** Takes nothing more of the answer. */
  pause(): void
  resume(): void
  /** Closes the connection at once. */
  leave(): void
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A string or bytes go out as they are. */
  readonly body?: object | string | Buffer
  /** Keeps connections; otherwise each request has its own. */
  readonly agent?: Agent
}

/** A Messages request with one word in it. */
export function messagesBody(model: string, stream: boolean, fields: object = {}): object {
  return { model, max_tokens: 64, stream, messages: [{ role: 'user', content: 'hello' }], ...fields }
}

/**
 * Sends a request, on a connection of its own unless told. A broken answer is told, not thrown; one that never begins
 * is thrown.
 */
export function open(url: string, { method = 'POST', headers = {}, body, agent }: CallOptions = {}): Call {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : body && JSON.stringify(body)
  const entity =
    bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }
  const call = request(url, { method, agent: agent ?? false, headers: { ...entity, ...headers } })
  const parts: Buffer[] = []
  const watchers = new Set<() => void>()
  const answered = once(call, 'response').then(([response]) => response as import('node:http').IncomingMessage)
  const head = answered.then(({ statusCode = 0, headers }) => ({ status: statusCode, headers }))
  const answer = answered.then(async (response): Promise<Answer> => {
    let broken: string | undefined
    response.on('data', (part: Buffer) => {
      parts.push(part)
      for (const watcher of watchers) watcher()
    })
    response.on('error', (fault: NodeJS.ErrnoException) => (broken = fault.code ?? fault.message))
    await new Promise<void>((resolve) => void response.once('close', () => resolve()))
    for (const watcher of watchers) watcher()
    const text = Buffer.concat(parts).toString('utf8')
    return { status: response.statusCode ?? 0, headers: response.headers, text, json: parseJson(text), broken }
  })
  // A caller who leaves does not look at these any more.
  head.catch(() => undefined)
  answer.catch(() => undefined)
  call.on('error', () => undefined)
  call.end(bytes)
  return {
    head,
    answer,
    async until(text) {
      const ended = answer.then(() => true)
      for (;;) {
        if (Buffer.concat(parts).includes(text)) return
        const more = new Promise<false>((resolve) => {
          const watcher = (): void => {
            watchers.delete(watcher)
            resolve(false)
          }
          watchers.add(watcher)
        })
        if ((await Promise.race([more, ended])) && !Buffer.concat(parts).includes(text)) {
          throw new Error(`the answer ended without '${text}': ${Buffer.concat(parts).toString('utf8')}`)
        }
      }
    },
    pause: () => void answered.then((response) => response.pause()),
    resume: () => void answered.then((response) => response.resume()),
    leave: () => void call.destroy(),
  }
}

/** Sends a request and waits for its whole answer. */
export function ask(url: string, options?: CallOptions): Promise<Answer> {
  return open(url, options).answer
}

/** Sends bytes as they are and collects what comes back until the other side closes. */
export async function sendRaw(url: string, bytes: string | Iterable<string | Buffer>): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  // A peer that has answered may reset what we still send.
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  for (const part of typeof bytes === 'string' ? [bytes] : bytes) {
    if (socket.destroyed) break
    if (!socket.write(part)) await Promise.race([once(socket, 'drain').catch(() => undefined), closed])
  }
  await closed
  return Buffer.concat(parts).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
