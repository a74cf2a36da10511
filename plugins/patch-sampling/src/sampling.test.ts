import { json, type TestUpstream } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { sendThrough } from '../../../test/rules/transformer-world.ts'
import { message } from '../../../test/rules/upstream.ts'
import plugin from './index.ts'

const all = { max_tokens: 500, temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1.05 }
const asked = { temperature: 1, top_p: 0.99, top_k: 5 }

describe('sampling', () => {
  it.each([
    ['openai', all],
    ['anthropic', { max_tokens: 500, temperature: 0.7, top_p: 0.8, top_k: 20 }],
    ['openai-responses', { max_output_tokens: 500, temperature: 0.7, top_p: 0.8 }],
    ['gemini', { generationConfig: { maxOutputTokens: 500, temperature: 0.7, topP: 0.8, topK: 20 } }],
  ] as const)('rule 165: overwrites what a client asks of a target of %s', async (dialect, expected) => {
    for (const request of [asked, {}]) {
      const { body } = await sendThrough({ dialect, use: [[plugin, all]], request })
      expect(body).toMatchObject(expected)
      if (dialect !== 'openai') expect(JSON.stringify(body)).not.toContain('repetition')
    }
  })

  it('rule 165: lowers max_tokens, and never raises or adds it', async () => {
    const limit = async (max_tokens: number | undefined): Promise<unknown> => {
      const sent = await sendThrough({ dialect: 'openai', use: [[plugin, all]], request: { max_tokens } })
      return sent.body['max_tokens']
    }
    expect(await limit(501)).toBe(500)
    expect(await limit(400)).toBe(400)
    expect(await limit(undefined)).toBeUndefined()
  })

  it('leaves what it is not told', async () => {
    const { body } = await sendThrough({ dialect: 'anthropic', use: [[plugin, { top_p: 0.8 }]], request: asked })
    expect(body).toMatchObject({ ...asked, top_p: 0.8, max_tokens: 1000 })
  })

  it('sets 0 too', async () => {
    const { body } = await sendThrough({ dialect: 'openai', use: [[plugin, { temperature: 0, top_k: 0 }]] })
    expect(body).toMatchObject({ temperature: 0, top_k: 0 })
  })

  it('comes before what a client of the same protocol says of its own', async () => {
    const request = { top_k: 5, repetition_penalty: 2, temperature: 2 }
    const { body } = await sendThrough({
      dialect: 'openai',
      use: [[plugin, all]],
      request,
      path: '/v1/chat/completions',
    })
    expect(body).toMatchObject(all)
  })

  it('of the model comes behind that of the provider, and holds for it alone', async () => {
    const use = [[plugin, { temperature: 0.7, top_k: 20 }]] as const
    const modelUse = [[plugin, { temperature: 0.2 }]] as const
    const of = async (dialect: 'anthropic' | 'openai', model: string) =>
      (await sendThrough({ dialect, use, modelUse, request: { model } })).body
    for (const dialect of ['anthropic', 'openai'] as const) {
      expect(await of(dialect, 'model')).toMatchObject({ temperature: 0.2, top_k: 20 })
      expect(await of(dialect, 'other')).toMatchObject({ temperature: 0.7, top_k: 20 })
    }
  })

  it('gives way to thinking where the server says that it must', async () => {
    const words = '`temperature` may only be set to 1 when thinking is enabled.'
    const upstream: TestUpstream = ({ body }) =>
      (JSON.parse(String(body)) as { temperature?: number }).temperature === 0.7
        ? json({ type: 'error', error: { type: 'invalid_request_error', message: words } }, 400)
        : json(message('hello'))
    const request = { max_tokens: 9000, thinking: { type: 'enabled', budget_tokens: 2000 } }
    const use = [[plugin, { temperature: 0.7 }]] as const
    const { bodies, reply } = await sendThrough({ dialect: 'anthropic', use, request, upstream })
    expect(bodies.map(({ temperature }) => temperature)).toEqual([0.7, undefined])
    expect(bodies.map(({ thinking }) => thinking)).toEqual([request.thinking, request.thinking])
    expect(reply.status).toBe(200)
  })

  it('may stand twice in a list: the last one counts', async () => {
    const use = [
      [plugin, { temperature: 0.7, top_p: 0.8 }],
      [plugin, { temperature: 0.2 }],
    ] as const
    expect((await sendThrough({ dialect: 'openai', use })).body).toMatchObject({ temperature: 0.2, top_p: 0.8 })
  })

  it.each([
    [{ temperature: 0.5, max_tokens: 9, repetition_penalty: 1.1 }, true],
    [{}, true],
    [{ temperature: 0.4 }, false],
  ])('with %j a request that says the same goes out as it came: %s', async (options, same) => {
    const raw = '{ "model" :"model", "max_tokens":9, "temperature": 0.5 , "messages":[{"role":"user","content":"hi"}] }'
    const { text } = await sendThrough({ dialect: 'anthropic', use: [[plugin, options]], request: raw })
    expect(text === raw).toBe(same)
  })
})
