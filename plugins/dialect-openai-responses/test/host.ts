import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { definePlugin, Type, type CanonicalEvent, type CanonicalRequest } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestAnswer, type TestKernel } from '@ccr/sdk/testing'
import OpenAI from 'openai'
import plugin from '../src/index.ts'
import type { Fields, ResponsesBody, ResponsesEvent } from '../src/wire.ts'
import { sseOf } from './harness.ts'

export type Events = AsyncIterable<readonly CanonicalEvent[]>

export interface HostOptions {
  /** Answers what goes out to a provider of this dialect: whole, as events, or as given. */
  readonly upstream?: (sent: ResponsesBody) => Fields | readonly ResponsesEvent[] | TestAnswer
  /** Answers in the process, in canonical form, as every other provider would. */
  readonly local?: (request: CanonicalRequest) => readonly CanonicalEvent[] | Events
}

/** A real kernel with this dialect behind a real HTTP server, and the official SDK as its client. */
export interface Host {
  readonly sdk: OpenAI
  readonly test: TestKernel
  /** What went out. */
  readonly sent: readonly ResponsesBody[]
  readonly asked: readonly CanonicalRequest[]
  close(): Promise<void>
}

export async function createHost({ upstream, local }: HostOptions): Promise<Host> {
  const sent: ResponsesBody[] = []
  const asked: CanonicalRequest[] = []
  const test = await createTestKernel({
    leaks: 'ignore',
    plugins: [plugin, routeTo(local ? 'inside' : 'test', local, asked)],
    providers: [{ dialect: 'openai-responses' }],
    upstream: ({ body }) => {
      const request = JSON.parse(String(body)) as ResponsesBody
      sent.push(request)
      const answer = upstream!(request)
      if (Array.isArray(answer)) return sse(sseOf(answer as readonly ResponsesEvent[]))
      return 'body' in answer ? (answer as TestAnswer) : json(answer)
    },
  })
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const headers = request.headers as Record<string, string>
      const reply = await test.request({ path: request.url!, headers, body: Buffer.concat(chunks) })
      response.writeHead(reply.status, reply.headers)
      response.end(reply.text)
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    sdk: new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'test', maxRetries: 0, timeout: 10_000 }),
    test,
    sent,
    asked,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await test.dispose()
    },
  }
}

/** Sends everything to one target, which may be inside the process. */
function routeTo(provider: string, local: HostOptions['local'], asked: CanonicalRequest[]) {
  return definePlugin({
    name: 'one-target',
    apiVersion: 1,
    description: 'Sends everything to one target.',
    options: Type.Object({}, { additionalProperties: false }),
    ...(local && { contributes: ['providers'] as const }),
    activate(ctx) {
      const target = { provider, model: 'model' }
      ctx.on('selectRoute', (plan) => ({ ...plan, targets: [target], primary: target, decidedBy: 'one-target' }))
      if (!local) return
      ctx.contribute('providers', {
        name: provider,
        models: ['model'],
        async *local(request) {
          asked.push(request)
          const events = local(request)
          if (Symbol.asyncIterator in events) yield* events
          else yield events
        },
      })
    },
  })
}
