import { definePlugin, Type, type CanonicalRequest, type TokenService } from '@ccr/sdk'
import { createTestKernel, type TestEntry, type TestKernel } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import plugin from './index.ts'

const kernels: TestKernel[] = []
afterEach(async () => void (await Promise.all(kernels.splice(0).map((kernel) => kernel.dispose()))))

async function create(plugins: readonly TestEntry[], sections: Record<string, unknown> = {}): Promise<TestKernel> {
  const kernel = await createTestKernel({ plugins, sections })
  kernels.push(kernel)
  return kernel
}

/** Takes the service out, as a route plugin gets it. */
function consumer(take: (tokens: TokenService | undefined) => void) {
  return definePlugin({
    name: 'consumer',
    apiVersion: 1,
    description: 'Uses the service.',
    options: Type.Object({}, { additionalProperties: false }),
    requires: ['tokens?'],
    activate: (ctx) => take(ctx.get('tokens?')),
  })
}

const halves = definePlugin({
  name: 'halves',
  apiVersion: 1,
  description: 'Contributes a tokenizer.',
  options: Type.Object({}, { additionalProperties: false }),
  contributes: ['tokenizers'],
  activate: (ctx) =>
    ctx.contribute('tokenizers', {
      name: 'halves',
      matches: ({ provider }) => provider === 'local',
      module: 'data:text/javascript,export const createCounter = () => (text) => text.length / 2',
    }),
})

const request: CanonicalRequest = { model: 'm', messages: [{ role: 'user', content: 'hello world!' }] }

describe('the plugin', { timeout: 30_000 }, () => {
  it('offers the service, with the tokenizers that others contribute', async () => {
    let tokens: TokenService | undefined
    await create([consumer((given) => (tokens = given)), [plugin, { encoding: 'cl100k_base' }], halves])
    expect(await tokens?.count(request)).toBe(3)
    expect(await tokens?.count(request, { provider: 'local', model: 'x' })).toBe(6)
  })

  it('remembers what was counted across a reload', async () => {
    let tokens: TokenService | undefined
    const take = consumer((given) => (tokens = given))
    const kernel = await create([take, [plugin, { encoding: 'cl100k_base' }]])
    await tokens?.count(request)
    const before = tokens
    await kernel.reload([take, [plugin, { encoding: 'cl100k_base' }], halves])
    expect(tokens).not.toBe(before)
    expect(tokens?.bounds(request)).toEqual({ atLeast: 3, atMost: 3, estimate: 3 })
  })

  it("takes a provider's tokenizer from the config, whatever stands there", async () => {
    let tokens: TokenService | undefined
    const providers = [
      { name: 'near', tokenizer: { default: { type: 'tiktoken', encoding: 'o200k_base' } } },
      { name: 'odd', tokenizer: ['odd', null] },
    ]
    await create([consumer((given) => (tokens = given)), [plugin, { encoding: 'cl100k_base' }]], {
      Providers: providers,
    })
    const japanese = { ...request, messages: [{ role: 'user' as const, content: '日本語のトークン化は難しい' }] }
    const near = await tokens?.count(japanese, { provider: 'near', model: 'm' })
    expect(near).toBeLessThan((await tokens?.count(japanese, { provider: 'odd', model: 'm' })) ?? 0)
    expect(near).toBe(await tokens?.count(japanese, { provider: 'any', model: 'gpt-5' }))
  })
})
