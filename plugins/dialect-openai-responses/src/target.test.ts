import { Secret, type Attempt, type CanonicalRequest, type Outbound } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, encode, fakeAttempt, fakeExchange, RUNS, FUZZ_TIMEOUT, target } from '../test/harness.ts'
import { createAdaptation } from './adapt.ts'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { createTarget } from './target.ts'
import { fieldsOf } from './wire.ts'

const client = createClient(new KeptItems())

const outbound = (baseUrl: string, stream = true): Outbound => ({ baseUrl, stream, headers: {} }) as unknown as Outbound

describe('the address', () => {
  it.each([
    ['http://h', 'http://h/v1/responses'],
    ['http://h/v1/', 'http://h/v1/responses'],
    ['http://h/v1/responses', 'http://h/v1/responses'],
    ['http://h/openai/v1?api-version=1', 'http://h/openai/v1/responses?api-version=1'],
  ])('of %s is %s', (base, url) => {
    expect(target.address(outbound(base), undefined, fakeAttempt())).toMatchObject({ url, auth: undefined })
  })

  it('carries the provider’s key as a bearer', () => {
    const secret = new Secret('k')
    expect(target.address(outbound('http://h'), secret, fakeAttempt()).auth).toEqual({ scheme: 'bearer', secret })
  })
})

it.each([
  ['text/event-stream', true],
  [' text/event-stream; charset=utf-8', true],
  ['application/json', false],
  ['', false],
])('%j is a stream: %s', (type, stream) => {
  expect(target.reader(type, fakeAttempt()) !== undefined).toBe(stream)
})

describe('errors', () => {
  it.each<[string, unknown, object | undefined]>([
    [
      'OpenAI’s own',
      { error: { message: 'm', type: 't', code: 'rate_limit_exceeded' } },
      { message: 'm', type: 'rate_limit_error' },
    ],
    ['a string', { error: 'm' }, { message: 'm' }],
    ['FastAPI’s', { detail: [{ msg: 'm' }] }, { message: '[{"msg":"m"}]' }],
    ['plain text', ' m ', { message: 'm' }],
    ['a page', '<html>', undefined],
    ['nothing', '', undefined],
    [
      'a full context without numbers',
      { error: { message: 'Your input exceeds the context window of this model.' } },
      {
        type: 'invalid_request_error',
        message: expect.stringMatching(/^prompt is too long \(the provider said: Your/),
      },
    ],
    [
      'a full context with numbers',
      { error: { message: 'maximum context length is 8 tokens. However, your messages resulted in 9 tokens' } },
      { message: expect.stringMatching(/^prompt is too long: 9 tokens > 8 maximum \(/) },
    ],
    [
      'a full context of llama-server',
      { error: { message: 'too large', type: 'exceed_context_size_error', n_prompt_tokens: 9, n_ctx: 8 } },
      { type: 'invalid_request_error', message: expect.stringMatching(/^prompt is too long: 9 tokens > 8 maximum \(/) },
    ],
    [
      'a wrong key',
      { error: { message: 'm', type: 'invalid_request_error', code: 'invalid_api_key' } },
      { message: 'm' },
    ],
  ])('%s', (_name, body, expected) => {
    const read = target.error(body)
    if (expected) expect(read).toMatchObject(expected)
    else expect(read).toBeUndefined()
  })
})

it('the session groups requests, so that prompt caches match', () => {
  const dialect = createTarget(createAdaptation())
  const request: CanonicalRequest = { model: 'm', messages: [] }
  const exchange = { ...fakeExchange(request), client: { app: 'test', sessionId: 'session' } }
  const attempt = { ...fakeAttempt(request), exchange } as Attempt
  const body = dialect.encode(request, outbound('http://h'), attempt)
  expect(body.prompt_cache_key).toBe('session')
  expect(encode({})).not.toHaveProperty('prompt_cache_key')
})

describe('a malformed request', () => {
  const block = (one: unknown): object => ({ messages: [{ role: 'user', content: [one] }] })

  it.each<[string, object]>([
    ['/messages', { messages: {} }],
    ['/messages/0', { messages: ['hi'] }],
    ['/messages/0/role', { messages: [{ role: 'tool', content: '' }] }],
    ['/messages/0/content', { messages: [{ role: 'user', content: null }] }],
    ['/messages/0/content/0/type', block({})],
    ['/messages/0/content/0/text', block({ type: 'text' })],
    ['/messages/0/content/0/source', block({ type: 'image', source: 'x' })],
    ['/messages/0/content/0/source/url', block({ type: 'image', source: { type: 'url' } })],
    ['/messages/0/content/0/id', block({ type: 'tool_use', name: 'f' })],
    [
      '/messages/0/content/0/content/0/text',
      block({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text' }] }),
    ],
    ['/system/0/text', { system: [{ type: 'text', text: 1 }] }],
    ['/tools/0/name', { tools: [{}] }],
    ['/tools/0/type', { tools: [{ name: 'f', type: 1 }] }],
    ['/tools/0/input_schema', { tools: [{ name: 'f', input_schema: 'text' }] }],
    ['/tool_choice', { tool_choice: 'auto' }],
    ['/tool_choice/name', { tool_choice: { type: 'tool' } }],
  ])('is refused at %s', (at, request) => {
    const fault = { code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(`: ${at} must be `) as unknown }
    expect(() => encode(request as Partial<CanonicalRequest>)).toThrow(expect.objectContaining(fault))
  })
})

describe('a request of any shape', () => {
  const junk = fc.constantFrom<unknown>(null, true, 1, 'x', '', [], {}, [null], ['x'], { a: [1] }, Object.create(null))
  const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })

  it(
    'is encoded, or refused as the client’s fault',
    () => {
      const kinds = 'text image document thinking redacted_thinking tool_use tool_result search_result constructor x'
      const type = fc.constantFrom(
        ...kinds.split(' '),
        'base64',
        'url',
        'content',
        'enabled',
        'adaptive',
        'json_schema',
      )
      const part = mixed(
        ['type', 'text', 'source', 'content', 'id', 'name', 'tool_use_id', 'thinking', 'signature'],
        type,
      )
      const message = mixed(
        ['role', 'content'],
        fc.oneof(fc.constantFrom('user', 'assistant', 'system'), fc.array(part)),
      )
      const setting = mixed(['type', 'name', 'effort', 'format', 'budget_tokens', 'input_schema'], type)
      const settings = [
        'system',
        'tools',
        'tool_choice',
        'thinking',
        'output_config',
        'stop_sequences',
        'temperature',
        'extra',
      ]
      const request = fc.tuple(fc.oneof(fc.array(message), junk), mixed(settings, fc.oneof(setting, fc.array(setting))))
      fc.assert(
        fc.property(request, ([messages, rest]) => {
          try {
            encode({ ...fieldsOf(rest), messages } as Partial<CanonicalRequest>)
          } catch (thrown) {
            expect(codeOf(thrown)).toBe('CCR_REQUEST_INVALID')
          }
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'is decoded, or refused as the client’s fault, and what is decoded can be encoded',
    () => {
      const type = fc.constantFrom(
        'message',
        'reasoning',
        'function_call',
        'function_call_output',
        'custom_tool_call',
        'x',
      )
      const part = mixed(
        ['type', 'text', 'image_url', 'file_data'],
        fc.constantFrom('input_text', 'input_image', 'input_file'),
      )
      const item = mixed(
        ['type', 'role', 'content', 'call_id', 'name', 'arguments', 'input', 'output', 'summary', 'encrypted_content'],
        fc.oneof(type, fc.constantFrom('user', 'assistant', 'developer'), fc.array(part)),
      )
      const tool = mixed(
        ['type', 'name', 'tools', 'parameters', 'format'],
        fc.constantFrom('function', 'custom', 'namespace', 'web_search'),
      )
      const fields = [
        'instructions',
        'tool_choice',
        'reasoning',
        'text',
        'temperature',
        'parallel_tool_calls',
        'metadata',
        'include',
      ]
      const request = fc.tuple(
        fc.oneof(fc.array(item), fc.constant('q'), junk),
        fc.oneof(fc.array(tool), junk),
        mixed(fields, fc.oneof(tool, fc.constantFrom('auto', 'none', 'required', 'high'))),
      )
      fc.assert(
        fc.property(request, ([input, tools, rest]) => {
          const body = Buffer.from(JSON.stringify({ model: 'm', ...fieldsOf(rest), input, tools }))
          let decoded: CanonicalRequest
          try {
            decoded = client.decode({ body, headers: {}, url: '/v1/responses', params: {} }).request
          } catch (thrown) {
            expect(codeOf(thrown)).toBe('CCR_REQUEST_INVALID')
            return
          }
          encode(decoded)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )
})

it.each([
  ['openai', true],
  ['anthropic', false],
])('a schema that is strict by the rules of %s is strict by those of this protocol: %s', (dialect, strict) => {
  const tools = [{ name: 'f', input_schema: { type: 'object', properties: {} }, strict: true }]
  const request: CanonicalRequest = { model: 'm', messages: [{ role: 'user', content: 'q' }], tools }
  const attempt = fakeAttempt(request)
  const from = { ...attempt, exchange: { ...attempt.exchange, dialect } } as Attempt
  expect(target.encode(request, outbound('http://h'), from)).toMatchObject({ tools: [{ strict }] })
})
