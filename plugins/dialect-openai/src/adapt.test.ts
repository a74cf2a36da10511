import type { AttemptFailure, CanonicalRequest } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encodeWith, fakeAttempt } from '../test/harness.ts'
import { createAdaptation, type Trait } from './adapt.ts'
import { createTarget } from './target.ts'
import type { ChatBody } from './wire.ts'

const place = { provider: 'local', model: 'real' }
const refusal = (message: string, status = 400): AttemptFailure => ({
  kind: 'status',
  status,
  message,
  reply: { status, type: 'invalid_request_error', message },
})

const REQUEST: Partial<CanonicalRequest> = {
  max_tokens: 9,
  temperature: 0,
  top_p: 0.5,
  stop_sequences: ['a', 'b', 'c', 'd', 'e'],
  thinking: { type: 'adaptive' },
  output_config: { effort: 'max', format: { type: 'json_schema', schema: {} } },
  tools: [{ name: 'f' }],
  tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  messages: [
    { role: 'user', content: 'q' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 't', signature: '' },
        { type: 'text', text: 'a' },
      ],
    },
    { role: 'system', content: 's' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
  ],
}

describe('what a target refuses', () => {
  it.each<readonly [Trait, string, RegExp]>([
    [
      'max_tokens',
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      /"max_tokens"/,
    ],
    ['reasoning_effort', 'Unrecognized request argument supplied: reasoning_effort', /reasoning_effort/],
    ['reasoning_effort', '"llama" does not support thinking', /reasoning_effort/],
    ['reasoning_content', "property 'reasoning_content' is unsupported", /reasoning_content/],
    ['stream_options', 'stream_options: extra inputs are not permitted', /stream_options/],
    ['parallel_tool_calls', "Unknown parameter: 'parallel_tool_calls'.", /parallel_tool_calls/],
    ['response_format', 'This response_format type is unavailable now', /response_format/],
    ['temperature', "Unsupported value: 'temperature' does not support 0 with this model.", /temperature/],
    ['top_p', "Unsupported parameter: 'top_p'", /top_p/],
    [
      'many_stops',
      "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5.",
      /"e"\]/,
    ],
    ['mid_system', 'System message must be at the beginning.', /"role":"system"/],
    [
      'missing_reasoning',
      'The `reasoning_content` in the thinking mode must be passed back to the API.',
      /"assistant","content":null,"tool_calls"/,
    ],
    [
      'missing_reasoning',
      'thinking is enabled but reasoning_content is missing in assistant tool call message at index 2',
      /"assistant","content":null,"tool_calls"/,
    ],
    [
      'missing_reasoning',
      'Missing `reasoning_content` field in the assistant message at message index 2.',
      /"assistant","content":null,"tool_calls"/,
    ],
  ])('%s is learned once and not sent again: %s', (trait, message, sent) => {
    const adaptation = createAdaptation()
    const target = createTarget(adaptation)
    const body = (): string => JSON.stringify(encodeWith(target, REQUEST, fakeAttempt(REQUEST)))
    expect(body()).toMatch(sent)
    expect(adaptation.learn(place, refusal(message))).toBe(trait)
    expect(body()).not.toMatch(sent)
    expect(adaptation.learn(place, refusal(message))).toBeUndefined()
  })

  it('gives turns without reasoning a blank one where the target misses it, and keeps what there is', () => {
    const adaptation = createAdaptation()
    adaptation.learn(place, refusal('The reasoning content in the thinking mode must be passed back to the API.'))
    const body = encodeWith(createTarget(adaptation), REQUEST, fakeAttempt(REQUEST)) as ChatBody
    const turns = body.messages.filter(({ role }) => role === 'assistant')
    expect(turns.map((turn) => 'reasoning_content' in turn && turn.reasoning_content)).toEqual(['t', ' '])
  })

  it('renames the limit instead of dropping it', () => {
    const adaptation = createAdaptation()
    adaptation.learn(place, refusal('use max_completion_tokens'))
    expect(encodeWith(createTarget(adaptation), REQUEST, fakeAttempt(REQUEST))).toMatchObject({
      max_completion_tokens: 9,
    })
  })

  it('asks for no longer an answer than the target gives, whatever the limit is called', () => {
    const adaptation = createAdaptation()
    const limitFor = (max_tokens: number): object => {
      const request = { max_tokens }
      return encodeWith(createTarget(adaptation), request, fakeAttempt(request))
    }
    const long = 'max_tokens is too large: 128000. This model supports at most 16384 completion tokens.'
    expect(adaptation.learn(place, refusal(long))).toBe('at_most_16384')
    expect(adaptation.learn(place, refusal(long))).toBeUndefined()
    expect(limitFor(128000)).toMatchObject({ max_tokens: 16384 })
    expect(limitFor(9)).toMatchObject({ max_tokens: 9 })
    adaptation.learn(place, refusal('use max_completion_tokens'))
    expect(limitFor(128000)).toMatchObject({ max_completion_tokens: 16384 })
  })

  it.each([
    ['another status', refusal('stream_options', 429)],
    ['an invalid value of the client', refusal('temperature must be between 0 and 1')],
    ['a full context', refusal('prompt is too long (the provider said: lower max_tokens, top_p is not supported)')],
    ['something else', refusal('no such model')],
  ])('learns nothing from %s', (_what, failure) => {
    expect(createAdaptation().learn(place, failure)).toBeUndefined()
  })

  it('keeps targets apart', () => {
    const adaptation = createAdaptation()
    adaptation.learn(place, refusal('stream_options'))
    expect(adaptation.refusedBy({ provider: 'local', model: 'other' }).size).toBe(0)
  })
})

describe('a target that takes no files', () => {
  const place = { provider: 'p', model: 'm' }
  const refused = (message: string): AttemptFailure => {
    const reply = { status: 400, type: 'invalid_request_error', message } as const
    return { kind: 'status', status: 400, message, reply }
  }

  it.each([
    "Invalid value: 'file'. Supported values are: 'text' and 'image_url'.",
    'messages[0]: unknown variant `file`, expected `text` or `image_url`',
    'messages[0]: unknown variant `file`, expected one of `text`, `image_url`, `input_audio`',
    'content must be a string or a list of text parts',
    'PDF input is not available',
  ])('is asked again without, once: %s', (message) => {
    const adaptation = createAdaptation()
    expect(adaptation.learn(place, refused(message), false)).toBeUndefined()
    expect(adaptation.learn(place, refused(message), true)).toBe('file')
    expect(adaptation.learn(place, refused(message), true)).toBeUndefined()
  })

  it('is not what another complaint means', () => {
    expect(createAdaptation().learn(place, refused('temperature is not supported'), true)).toBe('temperature')
    expect(createAdaptation().learn(place, refused('invalid tool schema'), true)).toBeUndefined()
  })
})
