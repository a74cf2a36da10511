import type { CanonicalRequest, EndpointReply, Provider, Target, TokenService } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countTokens } from './count-tokens.ts'

const request = (more: Partial<CanonicalRequest> = {}): CanonicalRequest => {
  return { model: 'm', messages: [{ role: 'user', content: 'foo' }], ...more }
}

const providers: readonly Provider[] = [{ name: 'Hub', models: ['m-One'], dialect: 'openai', local: false }]

async function count(body: unknown, tokens?: TokenService): Promise<EndpointReply> {
  const endpoint = countTokens(tokens)
  if (!('respond' in endpoint)) throw new Error('count_tokens is an endpoint of its own')
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const url = '/v1/messages/count_tokens?beta=true'
  return endpoint.respond({ method: 'POST', url, headers: {}, params: {}, body: bytes, providers })
}

/** A service that counts what it is told to, and writes down for whom. */
function service(counted: () => Promise<number>, asked: (Target | undefined)[] = []): TokenService {
  return {
    bounds: () => ({ atLeast: 1, atMost: 99, estimate: 42 }),
    count: (_, target) => {
      asked.push(target)
      return counted()
    },
    exceeds: () => false,
  }
}

describe('rule 174: count_tokens', () => {
  it('answers as the API does, behind the key of the data plane', async () => {
    expect(countTokens(undefined)).toMatchObject({
      method: 'POST',
      path: '/v1/messages/count_tokens',
      access: 'data',
    })
    expect(await count(request({ tools: [] }))).toEqual({ status: 200, body: { input_tokens: 1 } })
    expect(await count(request({ system: 'x'.repeat(4000) }))).toEqual({ status: 200, body: { input_tokens: 1001 } })
  })

  it.each<[string, Target | undefined]>([
    ['claude-opus-5-5', undefined],
    ['claude-sonnet-5[1m]', undefined],
    ['anthropic,claude-opus-5-5', { provider: 'anthropic', model: 'claude-opus-5-5' }],
    ['openrouter,a/b:free', { provider: 'openrouter', model: 'a/b:free' }],
    ['near, a,b', { provider: 'near', model: 'a,b' }],
    ['HUB,M-one', { provider: 'Hub', model: 'm-One' }],
    ['anthropic/Hub,m-One', { provider: 'Hub', model: 'm-One' }],
  ])('asks who counts tokens for the model %s', async (model, target) => {
    const asked: (Target | undefined)[] = []
    const counted = await count(
      request({ model }),
      service(() => Promise.resolve(7), asked),
    )
    expect(counted).toEqual({ status: 200, body: { input_tokens: 7 } })
    expect(asked).toEqual([target])
  })

  it('counts what has no message yet', async () => {
    expect(await count(request({ messages: [] }))).toEqual({ status: 200, body: { input_tokens: 1 } })
  })

  it('answers with an estimate where nobody can count', async () => {
    const failing = service(() => Promise.reject(new Error('gone')))
    expect(await count(request(), failing)).toEqual({ status: 200, body: { input_tokens: 42 } })
  })

  it.each([
    ['no JSON', '{', 'byte'],
    ['no messages', { model: 'm' }, '/messages'],
    ['no model', { messages: [] }, '/model'],
  ])('refuses %s, naming the place', async (_name, body, place) => {
    await expect(count(body)).rejects.toThrow(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(place) as string }),
    )
  })

  it('gives a positive whole number for any blocks whatever', async () => {
    // The one key that the reader refuses is another test's.
    const value = fc.jsonValue().filter((one) => !JSON.stringify(one).includes('"__proto__":'))
    await fc.assert(
      fc.asyncProperty(fc.array(value), value, value, async (content, system, tools) => {
        const { body } = await count({ model: 'm', system, tools, messages: [null, { role: 'user', content }] })
        const { input_tokens: tokens } = body as { readonly input_tokens: number }
        expect(Number.isInteger(tokens) && tokens > 0).toBe(true)
      }),
    )
  })
})
