import fc from 'fast-check'
import { isCcrError, type CanonicalRequest } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { decodeRequest, encode } from '../test/harness.ts'

const blocks = (block: unknown): unknown => ({ messages: [{ role: 'user', content: [block] }] })
const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const timeout = 30_000 + numRuns * 10

describe('a malformed request', () => {
  it.each([
    ['/messages', { messages: {} }],
    ['/messages/0', { messages: ['hi'] }],
    ['/messages/0/role', { messages: [{ role: 'tool', content: '' }] }],
    ['/messages/0/content', { messages: [{ role: 'user', content: null }] }],
    ['/messages/0/content/0/text', blocks({ type: 'text' })],
    ['/messages/0/content/0/source', blocks({ type: 'image', source: 'x' })],
    ['/messages/0/content/0/id', blocks({ type: 'tool_use', name: 'f' })],
    ['/system/0/text', { system: [{ type: 'text', text: 1 }] }],
    ['/tools/0/name', { tools: [{}] }],
    ['/tools/0/type', { tools: [{ name: 'f', type: {} }] }],
    ['/tool_choice/name', { tool_choice: { type: 'tool' } }],
  ])('is refused at %s', (at, request) => {
    const fault = { code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(`${at} must be`) as unknown }
    expect(() => encode(request as Partial<CanonicalRequest>)).toThrow(expect.objectContaining(fault))
  })

  it('with an effort that is no word asks for none', () => {
    const output_config = { effort: Object.create(null) as string }
    const body = encode({ thinking: { type: 'adaptive' }, output_config }, { model: 'gemini-2.5-pro' })
    expect(body.generationConfig?.['thinkingConfig']).toEqual({ thinkingBudget: -1, includeThoughts: true })
  })

  const junk = fc.constantFrom<unknown>(null, true, 1, 'x', [], {}, [null], ['x'], { a: [1] }, Object.create(null))
  const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })
  const refusedOnly = (act: () => unknown): void => {
    try {
      act()
    } catch (thrown) {
      if (!isCcrError(thrown) || thrown.code !== 'CCR_REQUEST_INVALID') throw thrown
    }
  }

  it('of any shape is encoded or refused as the client’s fault', { timeout }, () => {
    const kinds =
      'text image document thinking redacted_thinking tool_use tool_result search_result gemini_part x base64 url'
    const type = fc.constantFrom(...kinds.split(' '), 'content', 'enabled', 'adaptive', 'json_schema', 'tool', 'any')
    const inner = mixed(['type', 'text', 'data', 'url', 'media_type', 'part'], type)
    const fields = [
      'type',
      'text',
      'source',
      'content',
      'id',
      'name',
      'tool_use_id',
      'thinking',
      'signature',
      'input',
      'part',
    ]
    const block = mixed(fields, fc.oneof(type, inner, fc.array(inner, { maxLength: 2 })))
    const message = mixed(
      ['role', 'content'],
      fc.oneof(fc.constantFrom('user', 'assistant', 'system'), fc.array(block, { maxLength: 3 })),
    )
    const setting = mixed(
      ['type', 'name', 'effort', 'format', 'budget_tokens', 'input_schema', 'schema', 'gemini'],
      type,
    )
    const names = [
      'system',
      'tools',
      'tool_choice',
      'thinking',
      'output_config',
      'stop_sequences',
      'temperature',
      'extra',
    ]
    const request = fc.tuple(
      fc.oneof(fc.array(message, { maxLength: 4 }), junk),
      mixed(names, fc.oneof(setting, fc.array(setting, { maxLength: 2 }))),
    )
    fc.assert(
      fc.property(request, fc.constantFrom('gemini-2.5-pro', 'gemini-3-flash'), ([messages, rest], model) => {
        refusedOnly(() => encode({ ...(rest as object), messages } as Partial<CanonicalRequest>, { model }))
      }),
      { numRuns },
    )
  })

  it(
    'of this API of any shape is read, and what was read encoded, or refused as the client’s fault',
    { timeout },
    () => {
      const word = fc.constantFrom('user', 'model', 'f', 'AUTO', 'ANY', 'image/png', 'AA')
      const data = mixed(
        ['mimeType', 'data', 'fileUri', 'id', 'name', 'args', 'response', 'parts'],
        fc.oneof(word, fc.constant({ output: 'x' })),
      )
      const part = mixed(
        ['text', 'thought', 'thoughtSignature', 'functionCall', 'functionResponse', 'inlineData', 'fileData'],
        fc.oneof(word, data),
      )
      const content = mixed(['role', 'parts'], fc.oneof(word, fc.array(part, { maxLength: 3 })))
      const setting = mixed(
        [
          'functionDeclarations',
          'googleSearch',
          'functionCallingConfig',
          'thinkingConfig',
          'responseSchema',
          'maxOutputTokens',
          'stopSequences',
        ],
        fc.oneof(
          word,
          fc.array(mixed(['name', 'parameters', 'mode', 'allowedFunctionNames', 'thinkingBudget'], word), {
            maxLength: 2,
          }),
          mixed(['mode', 'allowedFunctionNames', 'thinkingLevel', 'type', 'properties'], word),
        ),
      )
      const body = mixed(
        ['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig', 'safetySettings'],
        fc.oneof(content, setting, fc.array(fc.oneof(content, setting), { maxLength: 3 })),
      )
      fc.assert(
        fc.property(body, (given) => {
          refusedOnly(() => encode(decodeRequest(given as object), { model: 'gemini-3-flash' }))
        }),
        { numRuns },
      )
    },
  )
})
