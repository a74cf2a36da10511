import { describe, expect, it } from 'vitest'
import { DIALECTS, sendThrough, type DialectName } from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'

/** The limit of an answer as each protocol says it. */
const LIMITS: Readonly<Record<DialectName, (body: Readonly<Record<string, unknown>>) => unknown>> = {
  anthropic: (body) => body['max_tokens'],
  openai: (body) => body['max_tokens'],
  'openai-responses': (body) => body['max_output_tokens'],
  gemini: (body) => (body['generationConfig'] as { maxOutputTokens?: unknown } | undefined)?.maxOutputTokens,
}

describe('maxtoken', () => {
  it.each(DIALECTS)(
    'rule 163: lowers a larger limit, and leaves a smaller one, for a target of %s',
    async (dialect) => {
      const limit = async (asked: number): Promise<unknown> => {
        const request = { max_tokens: asked }
        return LIMITS[dialect]((await sendThrough({ dialect, use: [[plugin, { max_tokens: 500 }]], request })).body)
      }
      expect(await limit(501)).toBe(500)
      expect(await limit(500)).toBe(500)
      expect(await limit(400)).toBe(400)
    },
  )

  it.each(['openai', 'openai-responses', 'gemini'] as const)(
    'rule 163: a limit that is absent stays so for a target of %s',
    async (dialect) => {
      const request = { max_tokens: undefined }
      const { body } = await sendThrough({ dialect, use: [[plugin, { max_tokens: 500 }]], request })
      expect(LIMITS[dialect](body)).toBeUndefined()
    },
  )

  it('does nothing without its option', async () => {
    expect((await sendThrough({ dialect: 'openai', use: [plugin] })).body).toMatchObject({ max_tokens: 1000 })
  })

  it.each([
    ['provider, then model', 300, 200, 200],
    ['provider only lower', 200, 300, 200],
  ])('holds for both lists: %s', async (_, ofProvider, ofModel, expected) => {
    const use = [[plugin, { max_tokens: ofProvider }]] as const
    const modelUse = [[plugin, { max_tokens: ofModel }]] as const
    const both = { dialect: 'anthropic', use, modelUse } as const
    expect((await sendThrough(both)).body).toMatchObject({ max_tokens: expected })
    expect((await sendThrough({ ...both, request: { model: 'other' } })).body).toMatchObject({ max_tokens: ofProvider })
  })

  it('may stand twice in a list: the lowest counts', async () => {
    const use = [[plugin, { max_tokens: 200 }], [plugin, { max_tokens: 300 }], plugin] as const
    expect((await sendThrough({ dialect: 'gemini', use })).body).toMatchObject({
      generationConfig: { maxOutputTokens: 200 },
    })
  })

  it('keeps the budget of thinking below the limit, as the Messages protocol demands', async () => {
    const request = { max_tokens: 32_000, thinking: { type: 'enabled', budget_tokens: 31_999 } }
    const { body } = await sendThrough({ dialect: 'anthropic', use: [[plugin, { max_tokens: 16_384 }]], request })
    expect(body).toMatchObject({ max_tokens: 16_384, thinking: { type: 'enabled', budget_tokens: 16_383 } })
  })

  it.each([
    [1000, true],
    [999, false],
  ])('at %i a request that asks for 1000 goes out as it came: %s', async (most, same) => {
    const request = '{ "model" :"model", "max_tokens": 1000 , "messages":[{"role":"user","content":"hi"}] }'
    const { text } = await sendThrough({ dialect: 'anthropic', use: [[plugin, { max_tokens: most }]], request })
    expect(text === request).toBe(same)
  })
})
