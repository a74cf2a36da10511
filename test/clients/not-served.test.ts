import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'

/** What the official SDKs tell whoever asks them for what the router does not serve. */

const START_MS = 40_000

let router: RunningRouter

beforeAll(async () => {
  router = await startRouter({ config: {} })
}, START_MS)

afterAll(() => router?.stop())

async function thrownBy(asked: PromiseLike<unknown>): Promise<Error> {
  try {
    await asked
  } catch (error) {
    return error as Error
  }
  throw new Error('it was served')
}

const anthropic = (base: string) => new Anthropic({ baseURL: router.url + base, apiKey: 'any', maxRetries: 0 })
const openai = (base: string) => new OpenAI({ baseURL: router.url + base, apiKey: 'any', maxRetries: 0 })
const google = (base: string) => new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: router.url + base } })

const messages = [{ role: 'user' as const, content: 'hello' }]
const PLACES = 'models are asked at /v1/chat/completions, /v1/messages'

describe('a wrong base URL', () => {
  it.each([
    ['/v1', '/v1/messages', (base: string) => anthropic(base).messages.create({ model: 'm', max_tokens: 9, messages })],
    ['', '/v1/chat/completions', (base: string) => openai(base).chat.completions.create({ model: 'm', messages })],
    ['/v1/responses', '/v1/responses', (base: string) => openai(base).responses.create({ model: 'm', input: 'x' })],
    ['', '/v1/models', (base: string) => openai(base).models.list()],
    [
      '/v1beta',
      '/v1beta/models/m:generateContent',
      (base: string) => google(base).models.generateContent({ model: 'm', contents: 'x' }),
    ],
  ])('%j is told the path %s that was meant', async (base, path, ask) => {
    const thrown = await thrownBy(ask(base))
    expect(thrown).toMatchObject({ status: 404 })
    expect(thrown.message).toMatch(/is not served, but \w+ \S+ is: check the base URL/)
    expect(thrown.message).toContain(` ${path} is`)
  })
})

describe('what is not served is told by its path', () => {
  it.each([
    ['GET /v1/messages/batches', () => anthropic('').messages.batches.list()],
    ['GET /v1/files', () => openai('/v1').files.list()],
    ['POST /v1/embeddings', () => openai('/v1').embeddings.create({ model: 'm', input: 'x' })],
    ['GET /v1/responses/resp_1', () => openai('/v1').responses.retrieve('resp_1')],
    ['POST /v1/responses/resp_1/cancel', () => openai('/v1').responses.cancel('resp_1')],
    ['GET /v1beta/files', () => google('').files.list()],
  ])('%s', async (path, ask) => {
    const thrown = await thrownBy(ask())
    expect(thrown).toMatchObject({ status: 404 })
    expect(thrown.message).toContain(`${path} is not served; ${PLACES}`)
  })
})

describe('@google/genai', () => {
  it.each([
    ['files', () => google('').files.list()],
    ['batches', () => google('').batches.list()],
    ['embeddings', () => google('').models.embedContent({ model: 'm', contents: 'x' })],
  ])('is told of %s in the shape of its protocol', async (_name, ask) => {
    const thrown = await thrownBy(ask())
    expect(thrown).toMatchObject({ name: 'ApiError', status: 404 })
    const message = expect.any(String) as string
    expect(JSON.parse(thrown.message)).toEqual({ error: { code: 404, status: 'NOT_FOUND', message } })
  })
})
