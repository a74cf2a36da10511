import type { Dialect, Endpoint, PluginContext } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import plugin from './index.ts'

function activate(): { dialects: Dialect[]; endpoints: Endpoint[] } {
  const dialects: Dialect[] = []
  const endpoints: Endpoint[] = []
  const ctx = {
    get: () => undefined,
    dialect: (one: Dialect) => dialects.push(one),
    endpoint: (one: Endpoint) => endpoints.push(one),
    on: () => undefined,
  }
  void plugin.activate(ctx as unknown as PluginContext)
  return { dialects, endpoints }
}

describe('the plugin', () => {
  it('registers the dialect for clients and for providers', () => {
    const [dialect] = activate().dialects
    expect(dialect).toMatchObject({
      name: 'anthropic',
      client: expect.anything(),
      target: { passthrough: expect.any(Function) },
    })
    expect(plugin.transformers).toMatchObject([{ name: 'Anthropic', dialect: 'anthropic' }])
    expect(plugin.options).toMatchObject({ type: 'object', additionalProperties: false })
  })

  it('serves messages, behind the key of the data plane', () => {
    const messages = activate().endpoints.find((endpoint) => endpoint.path === '/v1/messages')
    expect(messages).toMatchObject({ method: 'POST', dialect: 'anthropic' })
    expect(messages).not.toHaveProperty('access')
  })

  it.each([
    ['HEAD', '/', undefined],
    ['HEAD', '/api/hello', undefined],
    ['GET', '/api/hello', {}],
    ['POST', '/api/event_logging/batch', {}],
  ])('answers %s %s quietly, without a key', async (method, path, body) => {
    const endpoint = activate().endpoints.find((one) => one.method === method && one.path === path)
    if (!endpoint || !('respond' in endpoint)) throw new Error(`${method} ${path} is not answered`)
    expect(endpoint.access).toBe('public')
    const request = { method, url: path, headers: {}, params: {}, body: Buffer.alloc(0), providers: [] }
    expect(await endpoint.respond(request)).toEqual({ status: 200, ...(body ? { body } : {}) })
  })
})
