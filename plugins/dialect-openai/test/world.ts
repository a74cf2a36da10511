import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { definePlugin, Type, type Plugin } from '@ccr/sdk'
import { createTestKernel, type TestKernel, type TestKernelOptions, type TestUpstream } from '@ccr/sdk/testing'
import OpenAI from 'openai'
import plugin from '../src/index.ts'

/** Sends every request to one target. */
export function routeTo(provider: string, model = 'model'): Plugin {
  return definePlugin({
    name: 'route-to',
    apiVersion: 1,
    description: 'Sends everything to one target.',
    options: Type.Object({}, { additionalProperties: false }),
    activate(ctx) {
      const target = { provider, model }
      ctx.on('selectRoute', (plan) => ({ ...plan, targets: [target], primary: target, decidedBy: 'route-to' }))
    },
  })
}

/** The kernel with this dialect on both sides, behind HTTP, and the official client in front of it. */
export interface World {
  readonly test: TestKernel
  readonly openai: OpenAI
  close(): Promise<void>
}

/** `upstream` answers what a provider of this dialect is asked; `more` plugins may take its place. */
export async function createWorld(
  upstream: TestUpstream,
  more: Partial<TestKernelOptions> & { readonly provider?: string } = {},
): Promise<World> {
  const { provider = 'test', plugins = [], ...options } = more
  const test = await createTestKernel({
    leaks: 'ignore',
    providers: [{}],
    upstream,
    ...options,
    plugins: [plugin, routeTo(provider), ...plugins],
  })
  const server = await listen((request, response) => void bridge(test, request, response))
  const { port } = server.address() as AddressInfo
  return {
    test,
    openai: new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'client-key', maxRetries: 0 }),
    close: async () => {
      await closeServer(server)
      await test.dispose()
    },
  }
}

async function bridge(test: TestKernel, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request)
  const headers = { 'user-agent': request.headers['user-agent'] ?? '' }
  const reply = await test.request({ path: request.url ?? '/', body, headers })
  response.writeHead(reply.status, reply.headers).end(reply.text)
}

/** The whole body of a request. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

/** An HTTP server on a free port of loopback. */
export async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Ends every connection, then the server. */
export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
