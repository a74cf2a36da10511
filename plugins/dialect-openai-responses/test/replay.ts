import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import type { Response } from 'openai/resources/responses/responses'

/** A server that answers every request with the same bytes, and the official SDK as its client. */
export interface Replay {
  serve(type: string, body: string | Uint8Array): void
  /** What the SDK accumulates from a stream. */
  streamed(): Promise<Response>
  whole(): Promise<Response>
  close(): Promise<void>
}

export async function createReplay(): Promise<Replay> {
  let served: { readonly type: string; readonly body: string | Uint8Array } = { type: 'text/plain', body: '' }
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': served.type })
      response.end(served.body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sdk = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'test', maxRetries: 0, timeout: 10_000 })
  const params = { model: 'm', input: 'hi' }
  return {
    serve: (type, body) => void (served = { type, body }),
    async streamed() {
      try {
        return await sdk.responses.stream(params).finalResponse()
      } catch {
        // The SDK's accumulator wants every event numbered; what a server says at the end it takes from any.
        let last: Response | undefined
        for await (const event of await sdk.responses.create({ ...params, stream: true }))
          if (event.type === 'response.completed' || event.type === 'response.incomplete') last = event.response
        if (!last) throw new Error('the SDK saw no end of the stream')
        return last
      }
    },
    whole: () => sdk.responses.create(params),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
