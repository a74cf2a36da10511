import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as an upstream got it. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Names and values by turns, as they stood on the wire. */
  readonly rawHeaders: readonly string[]
  readonly text: string
  /** The body as JSON, where it is. */
  readonly json: Readonly<Record<string, unknown>>
  /** Which of the connections, counted from 1, it came on. */
  readonly connection: number
}

export type Answer = (request: Received, response: ServerResponse) => void

/** An upstream on loopback that keeps what it was sent, and answers as it is told. */
export interface Upstream {
  readonly url: string
  readonly port: number
  readonly requests: readonly Received[]
  /** The last request. */
  readonly last: Received
  /** Connections that are open. */
  readonly open: number
  answer: Answer
  close(): Promise<void>
}

/** Starts an upstream on a free port. */
export async function startUpstream(answer: Answer): Promise<Upstream> {
  const requests: Received[] = []
  const sockets = new Map<Socket, number>()
  let connections = 0
  const upstream = { answer }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => void parts.push(part))
    request.on('end', () => {
      const text = Buffer.concat(parts).toString()
      const { method = '', url = '', headers, rawHeaders } = request
      const connection = sockets.get(request.socket) ?? 0
      const received = { method, url, headers, rawHeaders, text, json: parsed(text), connection }
      requests.push(received)
      upstream.answer(received, response)
    })
  })
  server.on('connection', (socket) => {
    sockets.set(socket, ++connections)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.defineProperties(upstream, {
    url: { value: `http://127.0.0.1:${port}` },
    port: { value: port },
    requests: { value: requests },
    last: { get: () => requests.at(-1) },
    open: { get: () => sockets.size },
    close: {
      value: async () => {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      },
    },
  }) as unknown as Upstream
}

/** Answers with a value as JSON. */
export function sendJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

/** Answers with a text as an event stream. */
export function sendStream(text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) =>
    void response.writeHead(200, { 'content-type': 'text/event-stream', ...headers }).end(text)
}

/** A whole message that says these words. */
export function message(words: string): object {
  return {
    id: 'msg_upstream',
    type: 'message',
    role: 'assistant',
    model: 'upstream-model',
    content: [{ type: 'text', text: words }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
  }
}

/** The stream of a message that says these words, spelled as no other program does, so that its bytes can be told. */
export function messageStream(words: string): string {
  const opening = { ...message(''), content: [], stop_reason: null }
  return [
    { type: 'message_start', message: opening },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: words } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ]
    .map((event) => `: spelled\nevent: ${event.type}\ndata:  ${JSON.stringify(event).replaceAll('":', '"  :')}\n\n`)
    .join('')
}

/** A whole chat completion that says these words. */
export function completion(words: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'upstream-model',
    choices: [{ index: 0, message: { role: 'assistant', content: words }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  }
}

/** The stream of a chat completion that says these words. */
export function completionStream(words: string): string {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'upstream-model' }
  const chunk = (delta: object, finish_reason: string | null): string =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  return `${chunk({ role: 'assistant', content: words }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
