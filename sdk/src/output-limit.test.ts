import { describe, expect, it } from 'vitest'
import { fitOutput, outputLimitOf } from './output-limit.ts'

describe('the most tokens that a target answers with', () => {
  it.each([
    [
      'Anthropic',
      'max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5',
      64000,
    ],
    [
      'OpenAI',
      'max_tokens is too large: 128000. This model supports at most 16384 completion tokens, whereas you gave 128000.',
      16384,
    ],
    [
      'OpenAI, of a field',
      "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 16384, but got 128000 instead.",
      16384,
    ],
    ['DeepSeek', 'Invalid max_tokens value, the valid range of max_tokens is [1, 8192]', 8192],
    ['DashScope', 'Range of max_tokens should be [1,8192]', 8192],
    ['Groq', '`max_tokens` must be less than or equal to `8,192`, the maximum value for `max_tokens` is less', 8192],
    ['a schema', 'body.max_completion_tokens: Input should be less than or equal to 4096', 4096],
    ['Bedrock', 'The maximum tokens you requested exceeds the model limit of 4096. Try again with fewer.', 4096],
    ['vLLM', 'max_tokens=128000 cannot be greater than max_model_len=max_total_tokens=32768.', 32768],
    [
      'Vertex',
      'it has a maxOutputTokens value of 128000 but the supported range is from 1 (inclusive) to 8193 (exclusive).',
      8192,
    ],
  ])('is read from what its server says: %s', (_server, said, limit) => {
    const trait = `at_most_${limit}`
    expect(outputLimitOf(said, new Set())).toBe(trait)
    expect(outputLimitOf(said, new Set([trait]))).toBeUndefined()
  })

  it.each([
    [
      'the least',
      "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 9 instead.",
    ],
    ['another field', '`temperature` must be less than or equal to 2'],
    ['a field that is not known', "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."],
    ['nothing', 'max_tokens: the range is [0, 0]'],
    ['another field beside it', 'max_tokens must be positive, temperature must be in [0, 1]'],
    ['what stands before the field', 'At most 500 images may be sent. The request had max_tokens=32000.'],
    [
      'a number of the request that is told with it',
      "bad request: {'messages': [{'role': 'user', 'content': 'pick from [300, 400]'}], 'max_tokens': 32000}",
    ],
    ['tokens per minute', 'Rate limit: max tokens per minute, limit of 6000 reached'],
  ])('is not %s', (_what, said) => {
    expect(outputLimitOf(said, new Set())).toBeUndefined()
  })

  it('is read however its words are written, and over lines', () => {
    expect(outputLimitOf('Max Tokens is too large.\nAT MOST 4096 are allowed.', new Set())).toBe('at_most_4096')
  })

  it('is none below 256', () => {
    const limits = [255, 256].map((most) => outputLimitOf(`max_tokens: at most ${most}`, new Set()))
    expect(limits).toEqual([undefined, 'at_most_256'])
  })

  it('is news only where it is lower than what is known', () => {
    const said = (most: number): string =>
      `max_tokens is too large: 128000. This model supports at most ${most} tokens.`
    const known = new Set(['top_p', 'at_most_8192'])
    expect([16384, 8192, 4096].map((most) => outputLimitOf(said(most), known))).toEqual([
      undefined,
      undefined,
      'at_most_4096',
    ])
  })

  it('is found in linear time', () => {
    const began = performance.now()
    for (const part of ['max_tokens ', 'max_tokens [1', '1 > ', 'at most 1'])
      outputLimitOf(`max_tokens ${part.repeat(8000)}`, new Set())
    expect(performance.now() - began).toBeLessThan(1000)
  })

  it('bounds what is asked for, the lowest first', () => {
    const refused = new Set(['top_p', 'at_most_16384', 'at_most_8192'])
    expect([9, 8192, 128000].map((asked) => fitOutput(asked, refused))).toEqual([9, 8192, 8192])
    expect(fitOutput(128000, new Set(['top_p']))).toBe(128000)
  })
})
