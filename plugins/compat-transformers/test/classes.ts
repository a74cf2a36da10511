import type { JsonObject } from '@ccr/sdk'

interface Context {
  readonly req: Readonly<Record<string, unknown>>
}

/** Rewrites the chunks of a stream one by one, and a whole answer by its JSON, as transformers do. */
export function rewriting(name: string, change: (choice: { delta?: Said; message?: Said }) => void) {
  return class {
    name = name
    async transformResponseOut(response: Response, _context: Context): Promise<Response> {
      if (response.headers.get('Content-Type')?.includes('application/json')) {
        const answer = (await response.json()) as { choices: { message: Said }[] }
        answer.choices.forEach(change)
        const { status, statusText, headers } = response
        return new Response(JSON.stringify(answer), { status, statusText, headers })
      }
      if (!response.body) return response
      let rest = ''
      const lines = new TransformStream<string, string>({
        transform(text, controller) {
          const all = (rest + text).split('\n')
          rest = all.pop()!
          for (const line of all) {
            if (!line.startsWith('data: ') || line.includes('[DONE]')) controller.enqueue(`${line}\n`)
            else {
              const chunk = JSON.parse(line.slice(6)) as { choices?: object[] }
              chunk.choices?.forEach(change)
              controller.enqueue(`data: ${JSON.stringify(chunk)}\n`)
            }
          }
        },
        flush: (controller) => controller.enqueue(rest),
      })
      const body = response.body
        .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
        .pipeThrough(lines)
        .pipeThrough(new TextEncoderStream())
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
    }
  }
}

export interface Said {
  content?: string | null
  thinking?: object
  reasoning_content?: string
  [field: string]: unknown
}

export const shout = rewriting('shout', ({ delta, message }) => {
  const said = delta ?? message
  if (typeof said?.content === 'string') said.content = said.content.toUpperCase()
})

export const adding = (word: string) =>
  rewriting(`adding-${word}`, ({ delta, message }) => {
    const said = delta ?? message
    if (said?.content) said.content += word
  })

/** Reads a stream from its `start`, without waiting for whoever reads what it gives, as the oldest ones do. */
export class Eager {
  name = 'eager'
  transformResponseOut(response: Response): Response {
    const reader = response.body!.getReader()
    const body = new ReadableStream({
      async start(controller) {
        try {
          for (;;) {
            const { done, value } = await reader.read()
            if (done) break
            controller.enqueue(value)
          }
        } catch {
          // What breaks is not told, as it often is not.
        }
        controller.close()
      },
    })
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
  }
}

/** What an upstream of another protocol sends: its answer in an envelope. */
export interface Enveloped {
  readonly response: {
    readonly candidates: readonly [
      { content: { parts: readonly { text?: string; thought?: boolean }[] }; end?: string },
    ]
  }
}

/** Speaks another protocol with the upstream, both ways. */
export class Enveloping {
  static TransformerName = 'Enveloping'
  readonly #project: string
  constructor(options: { project: string }) {
    this.#project = options.project
  }

  transformRequestIn(
    body: JsonObject & { messages: { content: string }[] },
    provider: { apiKey: string; baseUrl: string },
  ) {
    const { model, stream, messages } = body
    const action = stream ? 'stream?alt=sse' : 'whole'
    const contents = messages.map(({ content }) => ({ parts: [{ text: content }] }))
    return {
      body: { request: { contents }, model, project: this.#project },
      config: {
        url: new URL(`${provider.baseUrl}:${action}`),
        headers: { Authorization: `Bearer ${provider.apiKey}`, 'User-Agent': 'legacy/1' },
      },
    }
  }

  async transformResponseOut(response: Response, context: Context): Promise<Response> {
    if (typeof context.req['id'] !== 'string') throw new Error('no request')
    if (response.headers.get('Content-Type')?.includes('application/json')) {
      const { response: answer } = (await response.json()) as Enveloped
      const content = answer.candidates[0].content.parts.map(({ text }) => text).join('')
      return new Response(
        JSON.stringify({ id: 'x', choices: [{ index: 0, message: { content }, finish_reason: 'stop' }] }),
        {
          status: response.status,
          headers: { 'Content-Type': 'application/json' },
        },
      )
    }
    const decoder = new TextDecoder()
    const encoder = new TextEncoder()
    const reader = response.body!.getReader()
    let buffer = ''
    const body = new ReadableStream({
      async start(controller) {
        const send = (delta: Said, end?: string): void =>
          controller.enqueue(
            encoder.encode(
              `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: end ?? null }] })}\n\n`,
            ),
          )
        try {
          for (;;) {
            const { done, value } = await reader.read()
            if (done) break
            buffer += decoder.decode(value, { stream: true })
            const lines = buffer.split('\n')
            buffer = lines.pop()!
            for (const line of lines.filter((one) => one.startsWith('data: '))) {
              const [{ content, end }] = (JSON.parse(line.slice(6)) as Enveloped).response.candidates
              for (const { text, thought } of content.parts) {
                send(thought ? { thinking: { content: text } } : { content: text! })
                if (thought) send({ thinking: { signature: 'sig-of-vendor' } })
              }
              if (end) send({}, end === 'STOP' ? 'stop' : 'length')
            }
          }
          controller.close()
        } catch (error) {
          controller.error(error)
        }
      },
    })
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
  }
}
