import { isObject, type JsonObject } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DIALECTS, sendThrough } from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'
import { withParameters } from './merge.ts'

describe('customparams', () => {
  it.each(DIALECTS)('rule 167: adds a new key to the body for a target of %s', async (dialect) => {
    const parameters = { enable_thinking: false, provider: { only: ['a'] }, tags: ['b'], seed: 1, nothing: null }
    const { body } = await sendThrough({ dialect, use: [[plugin, parameters]] })
    expect(body).toMatchObject(parameters)
  })

  it.each([
    ['openai', { model: 'other', temperature: 2, stream: true, messages: [], max_tokens: 1 }],
    ['anthropic', { model: 'other', temperature: 2, stream: true, messages: {}, max_tokens: 1 }],
    ['openai-responses', { model: 'other', temperature: 2, stream: true, input: 'x', max_output_tokens: 1 }],
    ['gemini', { contents: [] }],
  ] as const)('rule 167: keeps what a body for %s already says', async (dialect, parameters) => {
    const request = { temperature: 0.5 }
    const plain = await sendThrough({ dialect, request })
    expect((await sendThrough({ dialect, use: [[plugin, parameters]], request })).body).toEqual(plain.body)
  })

  it('rule 167: merges an object of the body to the bottom, where what is given wins', async () => {
    const use = [[plugin, { generationConfig: { temperature: 0.1, seed: 7, thinkingConfig: { thinkingBudget: 0 } } }]]
    const request = { temperature: 1, thinking: { type: 'enabled', budget_tokens: 2048 } }
    const { body } = await sendThrough({ dialect: 'gemini', use: use as never, request })
    const thinkingConfig = expect.objectContaining({ thinkingBudget: 0 }) as unknown
    expect(body['generationConfig']).toEqual({ maxOutputTokens: 1000, temperature: 0.1, seed: 7, thinkingConfig })
  })

  it('rule 167: what the client leaves out can be set, such as a temperature', async () => {
    const { body } = await sendThrough({ dialect: 'openai', use: [[plugin, { temperature: 0.3, top_p: 0.9 }]] })
    expect(body).toMatchObject({ temperature: 0.3, top_p: 0.9 })
  })

  it('of the model comes behind that of the provider, which it cannot take back', async () => {
    const use = [[plugin, { level: 'provider', nested: { a: 1, b: 1 } }]] as const
    const modelUse = [[plugin, { level: 'model', nested: { b: 2 }, more: true }]] as const
    const of = async (model: string) =>
      (await sendThrough({ dialect: 'openai', use, modelUse, request: { model } })).body
    expect(await of('model')).toMatchObject({ level: 'provider', nested: { a: 1, b: 2 }, more: true })
    expect(await of('other')).toMatchObject({ level: 'provider', nested: { a: 1, b: 1 } })
    expect(await of('other')).not.toHaveProperty('more')
  })

  it('may stand twice in a list', async () => {
    const use = [
      [plugin, { first: 1 }],
      [plugin, { second: 2 }],
    ] as const
    expect((await sendThrough({ dialect: 'anthropic', use })).body).toMatchObject({ first: 1, second: 2 })
  })

  it.each([
    [{ temperature: 1, metadata: { user_id: 'me' } }, true],
    [{}, true],
    [{ seed: 1 }, false],
  ])('with %j, a request to which that is nothing new goes out as it came: %s', async (parameters, same) => {
    const said = '"metadata": {"user_id": "me"}, "messages": [{"role":"user","content":"hi"}]'
    const raw = `{ "model" :"model", "max_tokens":9, "temperature": 0.5 , ${said} }`
    const { text } = await sendThrough({ dialect: 'anthropic', use: [[plugin, parameters]], request: raw })
    expect(text === raw).toBe(same)
  })
})

describe('withParameters', () => {
  it('keeps what any body says but inside of objects, has every parameter, and gives the same once more', () => {
    const values = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 3 }))
    fc.assert(
      fc.property(values, values, (body, parameters) => {
        const merged = withParameters(body as JsonObject, parameters as JsonObject)
        expect(Object.keys(merged).sort()).toEqual([...new Set(Object.keys({ ...body, ...parameters }))].sort())
        for (const [key, value] of Object.entries(merged)) {
          if (!Object.hasOwn(body, key)) expect(value).toBe(parameters[key])
          else if (typeof value !== 'object' || Array.isArray(value)) expect(value).toBe(body[key])
          else if (Object.hasOwn(parameters, key) && isObject(value) && isObject(parameters[key]))
            expect(value).toMatchObject(parameters[key])
        }
        expect(withParameters(merged, parameters as JsonObject)).toBe(merged)
      }),
      { numRuns: Number(process.env['CCR_FUZZ_RUNS'] ?? 200) },
    )
  })

  it.each([
    ['a value that is undefined is absent', { a: undefined }, { a: 1 }, { a: 1 }],
    ['null is said', { a: null }, { a: 1 }, { a: null }],
    ['false is said', { a: false }, { a: true }, { a: false }],
    ['a list stays', { a: [1] }, { a: [2] }, { a: [1] }],
    ['a list stays for an object', { a: [1] }, { a: { b: 1 } }, { a: [1] }],
    ['an object stays for what is none', { a: { b: 1 } }, { a: 2 }, { a: { b: 1 } }],
    ['inside, a list takes the place of another', { a: { b: [1] } }, { a: { b: [2] } }, { a: { b: [2] } }],
    ['inside, anything takes the place of anything', { a: { b: { c: 1 } } }, { a: { b: null } }, { a: { b: null } }],
    ['to the bottom', { a: { b: { c: 1, d: 1 } } }, { a: { b: { c: 2 } } }, { a: { b: { c: 2, d: 1 } } }],
    ['inherited names are keys as others', {}, { constructor: 1, toString: 2 }, { constructor: 1, toString: 2 }],
  ])('%s', (_, body, parameters, expected) => {
    expect(withParameters(body, parameters)).toEqual(expected)
  })

  it.each([
    '{"__proto__":{"polluted":1}}',
    '{"a":{"__proto__":{"polluted":1}}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
  ])('no prototype is reached by %s', (text) => {
    const merged = withParameters({ a: { b: 1 } }, JSON.parse(text) as object as never) as { a: object }
    for (const value of [{}, merged, merged.a]) {
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(value).not.toHaveProperty('polluted')
    }
  })
})
