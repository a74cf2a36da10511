import fc from 'fast-check'
import { isCcrError, type CanonicalRequest } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode, FUZZ_MS, run, RUNS } from '../test/harness.ts'
import type { ChatEvent } from './wire.ts'

const blocks = (block: unknown): unknown => ({ messages: [{ role: 'user', content: [block] }] })

describe('a malformed request', { timeout: FUZZ_MS }, () => {
  it.each([
    ['/messages', { messages: {} }],
    ['/messages/0', { messages: ['hi'] }],
    ['/messages/0/role', { messages: [{ role: 'tool', content: '' }] }],
    ['/messages/0/content', { messages: [{ role: 'user', content: null }] }],
    ['/messages/0/content/0', blocks('hi')],
    ['/messages/0/content/0/type', blocks({})],
    ['/messages/0/content/0/text', blocks({ type: 'text' })],
    ['/messages/0/content/0/source', blocks({ type: 'image', source: 'x' })],
    ['/messages/0/content/0/id', blocks({ type: 'tool_use', name: 'f' })],
    [
      '/messages/0/content/0/content/0/text',
      blocks({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text' }] }),
    ],
    ['/system/0/text', { system: [{ type: 'text', text: 1 }] }],
    ['/tools/0/name', { tools: [{}] }],
    ['/tool_choice', { tool_choice: 'auto' }],
    ['/tool_choice/name', { tool_choice: { type: 'tool' } }],
  ])('is refused at %s', (at, request) => {
    const fault = expect.objectContaining({
      code: 'CCR_REQUEST_INVALID',
      message: expect.stringContaining(`${at} must be`) as unknown,
    })
    expect(() => encode(request as Partial<CanonicalRequest>)).toThrow(fault)
  })

  const junk = fc.constantFrom<unknown>(null, true, 1, 'x', [], {}, [null], ['x'], { a: [1] }, Object.create(null))
  const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })
  const kinds = 'text image document thinking redacted_thinking tool_use tool_result search_result server_tool_use x'
  const type = fc.constantFrom(...kinds.split(' '), 'base64', 'url', 'content', 'enabled', 'adaptive', 'json_schema')
  const part = mixed(['type', 'text', 'source', 'content', 'id', 'name', 'tool_use_id', 'thinking', 'signature'], type)
  const message = mixed(['role', 'content'], fc.oneof(fc.constantFrom('user', 'assistant'), fc.array(part)))
  const setting = mixed(['type', 'name', 'effort', 'format', 'budget_tokens', 'input_schema'], type)
  const settings = ['system', 'tools', 'tool_choice', 'thinking', 'output_config', 'stop_sequences', 'temperature']

  it('of any shape is encoded or refused as the client’s fault', () => {
    const request = fc.tuple(fc.oneof(fc.array(message), junk), mixed(settings, fc.oneof(setting, fc.array(setting))))
    fc.assert(
      fc.property(request, ([messages, rest]) => {
        try {
          encode({ ...(rest as object), messages } as Partial<CanonicalRequest>)
        } catch (thrown) {
          if (!isCcrError(thrown) || thrown.code !== 'CCR_REQUEST_INVALID') throw thrown
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('and a chunk of any shape is decoded or refused as the upstream’s fault', () => {
    const call = mixed(['index', 'id', 'function'], mixed(['name', 'arguments'], fc.constantFrom('f', '{}', '{"a"')))
    const details = fc.array(mixed(['type', 'text', 'thinking', 'summary', 'url', 'url_citation'], fc.constant('t')), {
      maxLength: 3,
    })
    const delta = mixed(
      [
        'content',
        'reasoning',
        'reasoning_content',
        'reasoning_details',
        'thinking',
        'refusal',
        'annotations',
        'tool_calls',
        'function_call',
      ],
      fc.oneof(fc.constant('t'), details, fc.array(call, { maxLength: 3 })),
    )
    const choice = mixed(
      ['index', 'delta', 'finish_reason', 'usage', 'stop_reason'],
      fc.oneof(delta, fc.constantFrom('stop', 0)),
    )
    const chunk = mixed(['choices', 'usage', 'x_groq'], fc.array(choice, { maxLength: 2 }))
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), (chunks) => {
        const { fault } = run([...(chunks as ChatEvent[]), { done: true }])
        if (fault !== undefined && !isCcrError(fault)) throw fault
      }),
      { numRuns: RUNS },
    )
  })
})
