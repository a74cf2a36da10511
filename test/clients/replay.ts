import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The model names of the replay server; each answers with one recording. */
export const REPLAY_MODELS = ['tiny-chat', 'tiny-think-chat', 'tiny-tool-chat'] as const

export type ReplayModel = (typeof REPLAY_MODELS)[number]

/** A chat completion request as it arrived. */
export interface ReplayedRequest {
  readonly model: string
  readonly stream?: boolean
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
}

export interface ReplayServer {
  /** The URL for `api_base_url`. */
  readonly url: string
  readonly requests: readonly ReplayedRequest[]
  close(): Promise<void>
}

/** The call that takes the place of the recorded one. */
export interface ReplayedCall {
  readonly tool: string
  readonly property: string
  readonly value: string
}

/**
 * A chat completions server that answers with recordings of a real llama.cpp server, streamed or whole, chosen by the
 * model's name. The recorded tool call is replaced by `call`; a request that already holds a tool's answer gets text.
 */
export async function startReplay(call?: ReplayedCall): Promise<ReplayServer> {
  const requests: ReplayedRequest[] = []
  const server = createServer((request, response) => {
    answer(request, response, requests, call).catch((error: unknown) => response.destroy(error as Error))
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  requests: ReplayedRequest[],
  call: ReplayedCall | undefined,
): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') return void response.writeHead(404).end()
  const asked = JSON.parse(Buffer.concat(parts).toString('utf8')) as ReplayedRequest
  requests.push(asked)
  const answered = asked.messages.some((message) => message.role === 'tool')
  const model = answered ? 'tiny-chat' : REPLAY_MODELS.find((name) => name === asked.model)
  if (!model) {
    const error = { error: { code: 404, message: `model '${asked.model}' not found`, type: 'not_found_error' } }
    return void response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(error))
  }
  if (asked.stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(recording(`${model}.response.json`, call))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of recording(`${model}-stream.response.sse`, call).split(/(?<=\n\n)/)) response.write(event)
  response.end()
}

/** A recording, with `get_weather({"city": "Paris"})` replaced by the call, whole or in fragments. */
function recording(name: string, call: ReplayedCall | undefined): string {
  const text = readFileSync(new URL(`recordings/${name}`, import.meta.url), 'utf8')
  if (!call) return text
  return text.replaceAll('get_weather', call.tool).replaceAll('city', call.property).replaceAll('Paris', call.value)
}
