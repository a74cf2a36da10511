import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as an upstream of Chat Completions got it. */
export interface ChatRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

/** An upstream of Chat Completions on loopback, which says `first`, waits until it may go on, and says `last`. */
export interface ChatServer {
  readonly url: string
  readonly requests: readonly ChatRequest[]
  /** Until the returned function is called, answers stop behind their first word. */
  hold(): () => void
  close(): Promise<void>
}

export async function startChatServer(): Promise<ChatServer> {
  const requests: ChatRequest[] = []
  let free = Promise.resolve()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as ChatRequest['body']
      requests.push({ path: request.url ?? '', headers: request.headers, body })
      const say = (delta: object, end: string | null = null): string =>
        `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: end }] })}\n\n`
      if (body['stream'] !== true) {
        response.setHeader('content-type', 'application/json')
        const message = { role: 'assistant', content: 'first last' }
        response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] }))
        return
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(say({ content: 'first ' }))
      void free.then(() => response.end(`${say({ content: 'last' })}${say({}, 'stop')}data: [DONE]\n\n`))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    hold() {
      let release: () => void = () => undefined
      free = new Promise((resolve) => (release = resolve))
      return () => release()
    },
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  }
}
