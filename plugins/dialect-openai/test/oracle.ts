import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions'
import type { Recording } from './recordings.ts'
import { closeServer, listen } from './world.ts'

/** What the vendor's own SDK makes of the bytes of an answer. */
export interface OracleAnswer {
  /** As the SDK accumulates it. */
  readonly completion: ChatCompletion
  /** The deltas of a stream, or the message of a whole answer, for fields that the SDK has no type for. */
  readonly deltas: readonly Readonly<Record<string, unknown>>[]
}

/** A server that answers each request with the bytes it is given next, and the official client in front of it. */
export interface Oracle {
  ask(recording: Recording): Promise<OracleAnswer>
  close(): Promise<void>
}

export async function createOracle(): Promise<Oracle> {
  let recorded: Recording | undefined
  const server = await listen((request, response) => {
    const { bytes, stream, status } = recorded!
    request.resume()
    response.writeHead(status, { 'content-type': stream ? 'text/event-stream' : 'application/json' }).end(bytes)
  })
  const { port } = server.address() as AddressInfo
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'k', maxRetries: 0 })
  const params = { model: 'm', messages: [{ role: 'user' as const, content: 'q' }] }
  return {
    async ask(recording) {
      recorded = recording
      if (recording.stream) return askStream(client.chat.completions.stream(params))
      const completion = await client.chat.completions.create(params)
      return { completion, deltas: completion.choices.map(({ message }) => ({ ...message })) }
    },
    close: () => closeServer(server),
  }
}

async function askStream(stream: ReturnType<OpenAI['chat']['completions']['stream']>): Promise<OracleAnswer> {
  const deltas: Readonly<Record<string, unknown>>[] = []
  stream.on('chunk', (chunk: ChatCompletionChunk) => {
    for (const { index, delta } of chunk.choices) if (index === 0 && delta) deltas.push({ ...delta })
  })
  return { completion: await stream.finalChatCompletion(), deltas }
}
