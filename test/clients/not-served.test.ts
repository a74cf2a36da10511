import { GoogleGenAI } from '@google/genai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'

/** What the official SDKs tell whoever asks them for what the router does not serve. */

const START_MS = 40_000

let router: RunningRouter

beforeAll(async () => {
  router = await startRouter({ config: {} })
}, START_MS)

afterAll(() => router?.stop())

describe('@google/genai', () => {
  it.each([
    ['files', (google: GoogleGenAI) => google.files.list()],
    ['batches', (google: GoogleGenAI) => google.batches.list()],
    ['embeddings', (google: GoogleGenAI) => google.models.embedContent({ model: 'm', contents: 'x' })],
  ])('is told of %s in the shape of its protocol', async (_name, ask) => {
    const google = new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: router.url } })
    const thrown = await ask(google).then(
      () => undefined,
      (error: unknown) => error as Error,
    )
    expect(thrown).toMatchObject({ name: 'ApiError', status: 404 })
    const message = expect.any(String) as string
    expect(JSON.parse(thrown!.message)).toEqual({ error: { code: 404, status: 'NOT_FOUND', message } })
  })
})
