import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
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
let google: Readonly<Record<'v1' | 'v1beta', GoogleGenAI>>

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
  google = { v1: googleClient('v1'), v1beta: googleClient('v1beta') }
}, START_MS)

afterAll(() => router?.stop())

function googleClient(apiVersion: string): GoogleGenAI {
  return new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: router.url, apiVersion } })
}

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

describe.each(['v1beta', 'v1'] as const)('the client of Google, at /%s', (version) => {
  const listed = async (pageSize?: number): Promise<readonly object[]> => {
    const found: object[] = []
    const config = pageSize === undefined ? {} : { pageSize }
    for await (const model of await google[version].models.list({ config })) found.push(model)
    return found
  }

  it.each([undefined, 1, 3, 100, 5000])('lists the models of every provider by pages of %s', async (pageSize) => {
    const plain = await all(openai.models.list())
    const expected = plain.map((id) => {
      const [provider, model] = [id.slice(0, id.indexOf(',')), id.slice(id.indexOf(',') + 1)]
      return { name: `models/${id}`, displayName: `${model} (${provider})`, description: `Through ${provider}` }
    })
    expect(await listed(pageSize)).toMatchObject(expected)
  })

  it.each(ids)('finds %s, by its id and by its name', async (id) => {
    const supportedActions = ['generateContent', 'streamGenerateContent', 'countTokens']
    for (const model of [id, `models/${id}`])
      expect(await google[version].models.get({ model })).toMatchObject({ name: `models/${id}`, supportedActions })
  })

  it('asks a model by the name of the list', async () => {
    const names = (await listed()).map((model) => (model as { name: string }).name)
    const model = names.find((name) => name.endsWith('demo,demo'))!
    expect((await google[version].models.generateContent({ model, contents: 'hello' })).text).toContain('hello')
  })
})

it.each([
  ['a model that does not exist', '/models/near,huge', 404, 'NOT_FOUND', /near,huge/],
  ['a page of no size', '/models?pageSize=-1', 400, 'INVALID_ARGUMENT', /pageSize/],
  ['a page that does not exist', '/models?pageToken=nobody', 400, 'INVALID_ARGUMENT', /pageToken/],
])('a client of Google is told of %s in the shape of its protocol', async (_name, path, code, status, message) => {
  const answer = await fetch(`${router.url}/v1beta${path}`, { headers: { 'x-goog-api-key': KEY } })
  expect(await answer.json()).toEqual({ error: { code, status, message: expect.stringMatching(message) as string } })
  expect(answer.status).toBe(code)
})

it('a client of Google without the key is told so in the shape of its protocol', async () => {
  const answer = await fetch(`${router.url}/v1beta/models`, { headers: { 'x-goog-api-key': 'wrong' } })
  expect([answer.status, await answer.json()]).toMatchObject([401, { error: { status: 'UNAUTHENTICATED' } }])
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
