import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A chat completion request as it arrived. */
export interface ChatRequest {
  readonly model: string
  readonly stream?: boolean
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
}

/** What the model says: a text, or a call. */
export type ChatAnswer = string | { readonly tool: string; readonly input: object }

export interface ChatUpstream {
  /** The URL for `api_base_url`. */
  readonly url: string
  readonly requests: readonly ChatRequest[]
  close(): Promise<void>
}

/** A chat completions server on loopback whose models answer as `answer` says, always streamed. */
export async function startChatUpstream(answer: (request: ChatRequest) => ChatAnswer): Promise<ChatUpstream> {
  const requests: ChatRequest[] = []
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('end', () => {
      const request = JSON.parse(Buffer.concat(parts).toString()) as ChatRequest
      requests.push(request)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(chunksOf(answer(request), request.model, requests.length).join(''))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1/chat/completions`,
    requests,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function chunksOf(answer: ChatAnswer, model: string, number: number): string[] {
  const chunk = (delta: object, finish_reason: string | null = null): string => {
    const choices = [{ index: 0, delta, finish_reason }]
    return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model, choices })}\n\n`
  }
  const done = 'data: [DONE]\n\n'
  if (typeof answer === 'string') return [chunk({ role: 'assistant', content: answer }), chunk({}, 'stop'), done]
  const call = { name: answer.tool, arguments: JSON.stringify(answer.input) }
  const tool_calls = [{ index: 0, id: `call_${number}`, type: 'function', function: call }]
  return [chunk({ role: 'assistant', tool_calls }), chunk({}, 'tool_calls'), done]
}
