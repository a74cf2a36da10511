import { GoogleGenAI } from '@google/genai'
import { definePlugin, Type, type Plugin } from '@ccr/sdk'
import { createTestKernel, type TestKernel, type TestKernelOptions, type TestUpstream } from '@ccr/sdk/testing'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import plugin from '../src/index.ts'

/** The kernel with this dialect on both sides, behind HTTP, and the official client in front of it. */
export interface World {
  readonly test: TestKernel
  readonly google: GoogleGenAI
  readonly url: string
  close(): Promise<void>
}

/** What a world is made of beside this dialect. */
export interface WorldOptions extends Partial<TestKernelOptions> {
  /** The provider that everything is sent to; `test` unless given. */
  readonly provider?: string
  readonly model?: string
}

/** `upstream` answers what a provider of this dialect is asked. */
export async function createWorld(upstream: TestUpstream, options: WorldOptions = {}): Promise<World> {
  const { provider = 'test', model = 'gemini-3-pro-preview', plugins = [], ...rest } = options
  const test = await createTestKernel({
    leaks: 'ignore',
    providers: [{ dialect: 'gemini', baseUrl: 'http://127.0.0.1:9/v1beta/models/' }],
    upstream,
    ...rest,
    plugins: [plugin, routeTo(provider, model), ...plugins],
  })
  const server = createServer((request, response) => void bridge(test, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    test,
    url,
    google: new GoogleGenAI({ apiKey: 'client-key', httpOptions: { baseUrl: url } }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await test.dispose()
    },
  }
}

/** Sends every request to one target. */
export function routeTo(provider: string, model: string): Plugin {
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

async function bridge(test: TestKernel, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const url = request.url ?? '/'
  const path = `/${url.split('/', 3).slice(1).join('/')}/*`
  const reply = await test.request({
    path,
    url,
    body: Buffer.concat(parts),
    headers: { 'user-agent': 'google-genai-sdk/2' },
  })
  response.writeHead(reply.status, { ...reply.headers, connection: 'close' }).end(reply.text)
}
