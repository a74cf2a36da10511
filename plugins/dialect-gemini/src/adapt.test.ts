import type { CanonicalRequest, Target } from '@ccr/sdk'
import { statusFailure } from '@ccr/sdk/kernel'
import { json, type TestUpstream } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { chunk, encode, fakeAttempt } from '../test/harness.ts'
import { createWorld, type World } from '../test/world.ts'
import { createAdaptation, type Trait } from './adapt.ts'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'
import type { GeminiBody } from './wire.ts'

const THIRD = 'gemini-3-pro-preview'
const target: Target = { provider: 'google', model: 'real' }
const failure = (message: string, status = 400): ReturnType<typeof statusFailure> =>
  statusFailure(target, status, {}, { message }, (text) => text)

const png = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } }
const request = {
  messages: [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [png] }] },
  ],
  max_tokens: 128_000,
  thinking: { type: 'disabled' },
  output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
} as Partial<CanonicalRequest>

const thinkingOf = (body: GeminiBody): unknown => body.generationConfig?.['thinkingConfig']

const ROWS: readonly (readonly [Trait, string, (body: GeminiBody) => unknown, before: unknown, after: unknown])[] = [
  [
    'call_ids',
    `Invalid JSON payload received. Unknown name "id" at 'contents[1].parts[0].function_call': Cannot find field.`,
    (body) => body.contents.map(({ parts }) => [parts[0]!.functionCall?.id, parts[0]!.functionResponse?.id]),
    [
      [undefined, undefined],
      ['a', undefined],
      [undefined, 'a'],
    ],
    [
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ],
  ],
  [
    'media_in_results',
    `Invalid JSON payload received. Unknown name "parts" at 'contents[2].parts[0].function_response'.`,
    (body) => body.contents.length,
    3,
    4,
  ],
  [
    'thinking_amount',
    'Budget 0 is invalid. This model only works in thinking mode.',
    thinkingOf,
    { thinkingLevel: 'LOW', includeThoughts: false },
    { includeThoughts: false },
  ],
  [
    'thinking',
    `Invalid JSON payload received. Unknown name "thinkingConfig" at 'generation_config': Cannot find field.`,
    thinkingOf,
    { thinkingLevel: 'LOW', includeThoughts: false },
    undefined,
  ],
  [
    'response_schema',
    `Function calling with a response mime type: 'application/json' is unsupported`,
    (body) => body.generationConfig?.['responseMimeType'],
    'application/json',
    undefined,
  ],
  [
    'at_most_8192',
    'It has a maxOutputTokens value of 65536 but the supported range is from 1 (inclusive) to 8193 (exclusive).',
    (body) => body.generationConfig?.['maxOutputTokens'],
    65536,
    8192,
  ],
]

describe('a refusal of the target', () => {
  it.each(ROWS)('%s is learnt from its words, and left out from then on', (trait, message, look, before, after) => {
    const adaptation = createAdaptation()
    const by = createTarget(new TrailingSignatures(), adaptation)
    const sending = { model: THIRD, with: by, attempt: fakeAttempt() }
    expect(look(encode(request, sending))).toEqual(before)
    expect(adaptation.learn(target, failure(message))).toBe(trait)
    expect(adaptation.learn(target, failure(message))).toBeUndefined()
    expect(look(encode(request, sending))).toEqual(after)
    expect(adaptation.refusedBy({ ...target, model: 'other' }).size).toBe(0)
  })

  it.each([
    ['another error', failure('API key not valid')],
    ['a full context', failure('prompt is too long (the provider said: its thinking budget is part of it)')],
    ['another status', failure('thinking is not supported', 500)],
  ])('%s teaches nothing', (_what, one) => {
    expect(createAdaptation().learn(target, one)).toBeUndefined()
  })
})

describe('through the kernel', () => {
  let world: World | undefined
  afterEach(() => world?.close())

  it('the request is sent once more, and the client hears of nothing', async () => {
    const seen: unknown[] = []
    const upstream: TestUpstream = ({ body }) => {
      const thinking = thinkingOf(JSON.parse(String(body)) as GeminiBody)
      seen.push(thinking)
      if (thinking)
        return json(
          { error: { code: 400, message: 'thinking is not supported by this model', status: 'INVALID_ARGUMENT' } },
          400,
        )
      return json(chunk([{ text: 'a' }], 'STOP'))
    }
    world = await createWorld(upstream)
    for (let turn = 0; turn < 2; turn++) {
      const answer = await world.google.models.generateContent({
        model: 'asked',
        contents: 'hi',
        config: { thinkingConfig: { includeThoughts: true } },
      })
      expect(answer.text).toBe('a')
    }
    expect(seen).toEqual([{ includeThoughts: true }, undefined, undefined])
  })

  it('each of the requests that were on their way together is', async () => {
    const refusal = { code: 400, message: 'thinking is not supported by this model', status: 'INVALID_ARGUMENT' }
    world = await createWorld(({ body }) =>
      thinkingOf(JSON.parse(String(body)) as GeminiBody)
        ? json({ error: refusal }, 400)
        : json(chunk([{ text: 'a' }], 'STOP')),
    )
    const generationConfig = { thinkingConfig: { includeThoughts: true } }
    const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], generationConfig }
    const request = { path: '/v1beta/models/*', url: '/v1beta/models/asked:generateContent', body }
    const answers = await Promise.all([1, 2].map(() => world!.test.request(request)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  })
})
