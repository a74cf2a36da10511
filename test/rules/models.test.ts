import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../kernel/test/support/client.ts'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'

const START_MS = 40_000
const KEY = 'client-key-0123456789'
const ids = ['demo,demo', 'near,tiny', 'near,vendor/large:free', 'far,tiny']

let router: RunningRouter
let anthropic: Anthropic
let openai: OpenAI

beforeAll(async () => {
  const provider = (name: string, ...models: string[]): object => ({
    name,
    models,
    api_key: 'k',
    api_base_url: 'http://127.0.0.1:9',
  })
  const Providers = [provider('near', 'tiny', 'vendor/large:free'), provider('far', 'tiny')]
  router = await startRouter({ config: { APIKEY: KEY, Providers } })
  anthropic = new Anthropic({ baseURL: router.url, apiKey: KEY, authToken: null, maxRetries: 0 })
  openai = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: KEY, maxRetries: 0 })
}, START_MS)

afterAll(() => router?.stop())

async function all(list: AsyncIterable<{ id: string }>): Promise<string[]> {
  const found: string[] = []
  for await (const { id } of list) found.push(id)
  return found
}

describe('the official clients', () => {
  it('list the models of every provider', async () => {
    expect((await all(anthropic.models.list())).sort()).toEqual([...ids].sort())
    expect((await all(openai.models.list())).sort()).toEqual([...ids].sort())
  })

  it.each([1, 2, 3, 100])('list them by pages of %i', async (limit) => {
    expect(await all(anthropic.models.list({ limit }))).toEqual(await all(openai.models.list()))
  })

  it.each(ids)('find %s', async (id) => {
    const display_name = expect.any(String) as string
    expect(await anthropic.models.retrieve(id)).toMatchObject({ id, type: 'model', display_name })
    expect(await openai.models.retrieve(id)).toMatchObject({ id, object: 'model', owned_by: id.split(',')[0] })
  })

  it('are told of a model that does not exist, each by its own error', async () => {
    const thrown = await Promise.all([
      anthropic.models.retrieve('near,huge').catch((error: unknown) => error),
      openai.models.retrieve('near,huge').catch((error: unknown) => error),
    ])
    expect(thrown[0]).toBeInstanceOf(Anthropic.NotFoundError)
    expect(thrown[1]).toBeInstanceOf(OpenAI.NotFoundError)
    for (const error of thrown) expect((error as Error).message).toContain('near,huge')
  })

  it('are told of a limit that is none', async () => {
    const thrown: unknown = await anthropic.models.list({ limit: 5000 }).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(Anthropic.BadRequestError)
    expect((thrown as InstanceType<typeof Anthropic.BadRequestError>).error).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error' },
      request_id: expect.stringMatching(/^req_/) as string,
    })
  })

  it('need the key', async () => {
    const other = new Anthropic({ baseURL: router.url, apiKey: 'wrong', authToken: null, maxRetries: 0 })
    await expect(all(other.models.list())).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
  })
})

describe('rule 174: count_tokens in the running router', () => {
  it.each(['claude-opus-5-5', 'near,tiny', 'nobody,nothing'])('answers the official client for %s', async (model) => {
    const messages = [{ role: 'user' as const, content: 'How many tokens are these?' }]
    const { input_tokens } = await anthropic.messages.countTokens({ model, messages })
    expect(input_tokens).toBeGreaterThan(5)
    expect(input_tokens).toBeLessThan(15)
  })

  it.each([
    ['no JSON', '{'],
    ['no messages', { model: 'm' }],
  ])('answers %s in the form of Anthropic errors', async (_, body) => {
    const reply = await ask(`${router.url}/v1/messages/count_tokens?beta=true`, { headers: { 'x-api-key': KEY }, body })
    expect(reply.status).toBe(400)
    expect(reply.json).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.any(String) as string },
      request_id: reply.headers['request-id'],
    })
  })

  it('is behind the key', async () => {
    const { status, json } = await ask(`${router.url}/v1/messages/count_tokens`, { body: { model: 'm', messages: [] } })
    expect(status).toBe(401)
    expect(json).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
  })
})
