import { json, type TestUpstream } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { completion } from '../../../test/rules/upstream.ts'
import { sendThrough } from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'

const limitsOf = ({ max_tokens, max_completion_tokens, max_output_tokens }: Readonly<Record<string, unknown>>) => ({
  max_tokens,
  max_completion_tokens,
  max_output_tokens,
})

describe('maxcompletiontokens', () => {
  it('rule 164: renames max_tokens', async () => {
    const { body } = await sendThrough({ dialect: 'openai', use: [plugin] })
    expect(limitsOf(body)).toEqual({ max_completion_tokens: 1000 })
  })

  it('rule 164: adds nothing where there is no limit', async () => {
    const { body } = await sendThrough({ dialect: 'openai', use: [plugin], request: { max_tokens: undefined } })
    expect(limitsOf(body)).toEqual({})
  })

  it.each([
    ['anthropic', { max_tokens: 1000 }],
    ['openai-responses', { max_output_tokens: 1000 }],
    ['gemini', {}],
  ] as const)('lets a target of %s pass, whose protocol has one name', async (dialect, limits) => {
    expect(limitsOf((await sendThrough({ dialect, use: [plugin] })).body)).toEqual(limits)
  })

  it('holds for a model alone, and may stand in both lists and twice', async () => {
    const modelUse = [plugin, plugin]
    expect(limitsOf((await sendThrough({ dialect: 'openai', use: [plugin], modelUse })).body)).toEqual({
      max_completion_tokens: 1000,
    })
    const request = { model: 'other' }
    expect(limitsOf((await sendThrough({ dialect: 'openai', modelUse, request })).body)).toEqual({ max_tokens: 1000 })
  })

  it('spares the attempt by which the dialect would learn it', async () => {
    const upstream: TestUpstream = ({ body }) =>
      'max_tokens' in (JSON.parse(String(body)) as object)
        ? json({ error: { message: "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead." } }, 400)
        : json(completion('hello'))
    const learnt = await sendThrough({ dialect: 'openai', upstream })
    expect(learnt.bodies.map(limitsOf)).toEqual([{ max_tokens: 1000 }, { max_completion_tokens: 1000 }])
    const told = await sendThrough({ dialect: 'openai', use: [plugin], upstream })
    expect(told.bodies.map(limitsOf)).toEqual([{ max_completion_tokens: 1000 }])
  })

  it('keeps the limit that a refusal of the target shows', async () => {
    const refusal = {
      error: { message: 'max_completion_tokens is too large: this model supports at most 512 tokens.' },
    }
    const upstream: TestUpstream = ({ body }) =>
      (JSON.parse(String(body)) as { max_completion_tokens: number }).max_completion_tokens > 512
        ? json(refusal, 400)
        : json(completion('hello'))
    const { bodies, reply } = await sendThrough({ dialect: 'openai', use: [plugin], upstream })
    expect(bodies.map(limitsOf)).toEqual([{ max_completion_tokens: 1000 }, { max_completion_tokens: 512 }])
    expect(reply.status).toBe(200)
  })
})
