import { describe, expect, it } from 'vitest'
import { isOverflow, overflowMessage } from './overflow.ts'

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
  [
    'Gemini',
    'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
    1200000,
    1048576,
  ],
  ['Vertex', 'The input token count is 1200000 but model only supports up to 1048576.', 1200000, 1048576],
]

describe('a prompt that does not fit', () => {
  it.each(NUMBERED)('is said in the words that clients know: %s', (_vendor, message, prompt, limit) => {
    const words = `prompt is too long: ${prompt} tokens > ${limit} maximum`
    expect(overflowMessage(message, {})).toBe(`${words} (the provider said: ${message})`)
  })

  it.each([
    'prompt is too long: 201000 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length',
  ])('stays as it is where it is said in these words: %s', (message) => {
    expect(overflowMessage(message, {})).toBe(message)
  })

  it('takes the numbers from their own fields where there are such', () => {
    const fields = { type: 'exceed_context_size_error', n_prompt_tokens: 9, n_ctx: 8 }
    expect(overflowMessage('too long', fields)).toMatch(/^prompt is too long: 9 tokens > 8 maximum/)
  })

  it.each([
    ['OpenAI', 'Your input exceeds the context window of this model.', { code: 'context_length_exceeded' }],
    ['Ollama', 'prompt too long; exceeded max context length by 1119046 tokens', {}],
    ['a code alone', 'm', { code: 'context_length_exceeded' }],
    ['a code without words', '', { type: 'context_length_exceeded' }],
    ['Z.ai', 'Prompt exceeds max length', { code: '1261' }],
    ['MiniMax', 'invalid params, context window exceeds limit', {}],
    ['DashScope', 'Range of input length should be [1, 129024]', {}],
    ['Gemini', 'The input token count exceeds the maximum number of tokens allowed.', {}],
    ['Gemini, one number', 'The input token count exceeds the maximum number of tokens allowed 1048576.', {}],
    ['one number in a field', 'prompt too long', { n_ctx: 8 }],
    ['another number in a field', 'prompt too long', { n_prompt_tokens: 9, code: 7 }],
    ['Bedrock', 'Input is too long for requested model.', {}],
  ])('is said without the numbers that nobody said: %s', (_vendor, message, fields) => {
    const said = message === '' ? '' : ` (the provider said: ${message})`
    expect(overflowMessage(message, fields)).toBe(`prompt is too long${said}`)
  })

  it('blames the length of the answer where the prompt alone would fit', () => {
    const message =
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (5000 in the messages, " +
      '4000 in the completion).'
    const words = /^input length and `max_tokens` exceed context limit: 5000 \+ 4000 > 8192/
    expect(overflowMessage(message, {})).toMatch(words)
    expect(overflowMessage(message.replace('5000', '8192'), {})).toMatch(/limit: 8192 \+ 4000 > 8192/)
    expect(overflowMessage(message.replace('5000', '8193'), {})).toMatch(/^prompt is too long: 8193 tokens > 8192/)
  })

  it.each([
    [
      'vLLM',
      "'max_tokens' or 'max_completion_tokens' is too large: 128000. This model's maximum context length is 32768 " +
        'tokens and your request has 12768 input tokens (128000 > 32768 - 12768).',
      '12768 + 128000 > 32768',
    ],
    [
      'SGLang',
      "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of " +
        '140768 tokens: 12768 tokens from the input messages and 128000 tokens for the completion.',
      '12768 + 128000 > 32768',
    ],
    [
      'Text Generation Inference',
      '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 500 `inputs` tokens and 128000 `max_new_tokens`',
      '500 + 128000 > 4096',
    ],
  ])('blames the length of the answer in the words of others too: %s', (_vendor, message, numbers) => {
    const words = `input length and \`max_tokens\` exceed context limit: ${numbers}`
    expect(overflowMessage(message, {})).toBe(`${words} (the provider said: ${message})`)
  })

  it.each([
    ['a rate limit in tokens', 'Rate limit reached: Limit 6000, Requested 7000 tokens per minute'],
    ['a rate limit in tokens, in other words', 'too many tokens per day'],
    ['a parameter', 'max_tokens is too large'],
    ['a limit of output', 'The model supports at most 8192 output tokens'],
    ['anything else', 'no such model'],
  ])('is not %s', (_what, message) => {
    expect(overflowMessage(message, {})).toBeUndefined()
  })

  it.each([...NUMBERED.map(([, message]) => message), 'prompt too long'])(
    'is found in what is made of: %s',
    (message) => {
      expect(isOverflow(`provider 'p' (model 'm') answered 500: ${overflowMessage(message, {})}`)).toBe(true)
      expect(isOverflow('max_tokens is too large')).toBe(false)
    },
  )
})

it('is not held up by what a hostile upstream says', () => {
  const began = performance.now()
  for (const part of [
    '1',
    '1,111',
    'maximum context length is 1 tokens ',
    'must be <= 1. given: 1 ',
    'is too large: 1.',
  ])
    overflowMessage(`maximum context length ${part.repeat(Math.ceil(65_536 / part.length))}`, {})
  expect(performance.now() - began).toBeLessThan(1000)
})
