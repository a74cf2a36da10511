import type { AttemptFailure } from '@ccr/sdk'
import { json } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { recordings } from '../test/recordings.ts'
import { target } from '../test/harness.ts'
import { createWorld, type World } from '../test/world.ts'
import { createAdaptation } from './adapt.ts'

const said = (message: string, rest: object = {}): unknown => ({ error: { message, ...rest } })
const read = (body: unknown): string | undefined => target.error(body)?.message

/** The wording of each vendor, with the numbers that stand in it: prompt, limit. */
const NUMBERED: readonly (readonly [string, string, number, number])[] = [
  [
    'llama-server',
    'request (20019 tokens) exceeds the available context size (8192 tokens), try increasing it',
    20019,
    8192,
  ],
  [
    'DeepSeek, vLLM',
    "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (69000 in the " +
      'messages, 1000 in the completion). Please reduce the length of the messages or completion.',
    69000,
    65536,
  ],
  [
    'OpenAI',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    9001,
    8192,
  ],
  [
    'OpenRouter',
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 150000 tokens (140000 of " +
      'text input, 10000 in the output). Please reduce the length of either one.',
    140000,
    131072,
  ],
  ['xAI', "This model's maximum prompt length is 131072 but the request contains 140000 tokens.", 140000, 131072],
  [
    'Mistral',
    'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
    40000,
    32768,
  ],
  ['vLLM', 'The decoder prompt (length 5000) is longer than the maximum model length of 4096.', 5000, 4096],
  ['SGLang', "The input (5000 tokens) is longer than the model's context length (4096 tokens).", 5000, 4096],
  ['Fireworks', 'The prompt is too long: 9000, model maximum context length: 8192', 9000, 8192],
  ['Cerebras', 'Please reduce the length of the messages. Current length is 9000 while limit is 8192', 9000, 8192],
  ['Moonshot', 'Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)', 9000, 8192],
  ['GitHub Copilot', 'prompt token count of 70000 exceeds the limit of 64000', 70000, 64000],
  [
    'Text Generation Inference',
    '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`',
    5000,
    4096,
  ],
  [
    'Cohere',
    'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try a shorter prompt.',
    5000,
    4081,
  ],
  ['Anthropic, behind a gateway', 'prompt is too long: 201,000 tokens > 200,000 maximum', 201000, 200000],
]

describe('a context that is too long', () => {
  it.each(NUMBERED)('is said in the words that clients know: %s', (_vendor, message, prompt, limit) => {
    const error = target.error(said(message))
    expect(error?.type).toBe('invalid_request_error')
    const words = `prompt is too long: ${prompt} tokens > ${limit} maximum`
    expect(error?.message).toBe(`${words} (the provider said: ${message})`)
  })

  it('takes the numbers from their own fields where there are such', () => {
    const error = said('too long', { type: 'exceed_context_size_error', n_prompt_tokens: 9, n_ctx: 8 })
    expect(read(error)).toMatch(/^prompt is too long: 9 tokens > 8 maximum/)
  })

  it.each([
    ['OpenAI', said('Your input exceeds the context window of this model.', { code: 'context_length_exceeded' })],
    ['Ollama', said('prompt too long; exceeded max context length by 1119046 tokens')],
    ['a code alone', said('m', { code: 'context_length_exceeded' })],
    ['Z.ai', said('Prompt exceeds max length', { code: '1261' })],
    ['MiniMax', said('invalid params, context window exceeds limit')],
    ['DashScope', said('Range of input length should be [1, 129024]')],
    ['a text', 'Input is too long for requested model.'],
  ])('is said without the numbers that nobody said: %s', (_vendor, body) => {
    expect(target.error(body)).toMatchObject({ type: 'invalid_request_error' })
    expect(read(body)).toMatch(/^prompt is too long \(the provider said: /)
  })

  it('blames the length of the answer where the prompt alone would fit', () => {
    const message =
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (5000 in the messages, " +
      '4000 in the completion).'
    expect(read(said(message))).toMatch(/^input length and `max_tokens` exceed context limit: 5000 \+ 4000 > 8192/)
  })

  it.each([
    ['a rate limit in tokens', 'Rate limit reached: Limit 6000, Requested 7000 tokens per minute'],
    ['a rate limit in tokens, in other words', 'too many tokens per day'],
    ['a parameter', 'max_tokens is too large'],
    ['anything else', 'no such model'],
  ])('is not %s', (_what, message) => {
    expect(read(said(message))).toBe(message)
  })

  it('is found in every recorded overflow', () => {
    const recorded = recordings().filter(({ name }) => /context_length_exceeded|err-context/.test(name))
    for (const { name, bytes } of recorded)
      expect(read(JSON.parse(bytes.toString('utf8'))), name).toMatch(/^prompt is too long[: ]/)
    if (recorded.length > 0) expect(recorded.length).toBeGreaterThan(4)
  })

  it('teaches nothing about the target', () => {
    const message = read(said('prompt is too long; file content'))!
    const reply = { status: 400, type: 'invalid_request_error', message } as const
    const failure: AttemptFailure = { kind: 'status', status: 400, message, reply }
    expect(createAdaptation().learn({ provider: 'p', model: 'm' }, failure, true)).toBeUndefined()
  })
})

describe('a client whose prompt is too long', () => {
  let world: World | undefined
  afterEach(() => world?.close())

  it.each([400, 413, 422, 500])('gets 400 where the provider answered %d', async (status) => {
    let asked = 0
    world = await createWorld(() => {
      asked++
      return json(said('request (20019 tokens) exceeds the available context size (8192 tokens)'), status)
    })
    const body = { model: 'asked', messages: [{ role: 'user', content: 'q' }] }
    const reply = await world.test.request({ path: '/v1/chat/completions', body })
    expect([reply.status, asked]).toEqual([400, 1])
    expect(reply.text).toContain('prompt is too long: 20019 tokens > 8192 maximum')
  })
})
