import fc from 'fast-check'
import { isCcrError, readReasoning, type CanonicalRequest, type ClientInput, type Exchange } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode, FUZZ_MS, RUNS } from '../test/harness.ts'
import { client } from './client.ts'

const asks = { role: 'user', content: 'q' }

function input(body: unknown, headers: ClientInput['headers'] = {}): ClientInput {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return { body: bytes, headers, url: '/v1/chat/completions', params: {} }
}

function decode(body: object): CanonicalRequest {
  return client.decode(input({ model: 'm', messages: [asks], ...body })).request
}

const PNG = 'data:image/png;base64,AAAA'
const pdf = (data: string): object => ({
  type: 'document',
  source: { type: 'base64', media_type: 'application/pdf', data },
  title: 'a.pdf',
})

const HISTORIES: readonly (readonly [string, readonly object[], object])[] = [
  ['text', [asks], { messages: [asks] }],
  [
    'system and developer messages at the head, which are the system prompt',
    [{ role: 'system', content: 'a' }, { role: 'developer', content: [{ type: 'text', text: 'b' }] }, asks],
    {
      system: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      messages: [asks],
    },
  ],
  ['one system message', [{ role: 'system', content: 'a' }, asks], { system: 'a', messages: [asks] }],
  [
    'later system and developer messages, which keep their places',
    [asks, { role: 'developer', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'system', content: 'c' }],
    {
      messages: [
        asks,
        { role: 'system', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'system', content: 'c' },
      ],
    },
  ],
  [
    'images by data and by URL',
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: { url: PNG, detail: 'auto' } },
          { type: 'image_url', image_url: { url: 'https://e.org/a.png' } },
          { type: 'text', text: '' },
        ],
      },
    ],
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            { type: 'image', source: { type: 'url', url: 'https://e.org/a.png' } },
          ],
        },
      ],
    },
  ],
  [
    'files by data and by id, and audio',
    [
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' } },
          { type: 'file', file: { file_data: `data:text/markdown;charset=utf-8;base64,${btoa('# T')}` } },
          { type: 'file', file: { file_id: 'file_1' } },
          { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
        ],
      },
    ],
    {
      messages: [
        {
          role: 'user',
          content: [
            pdf('AA'),
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# T' } },
            { type: 'file', file: { file_id: 'file_1' } },
            { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
          ],
        },
      ],
    },
  ],
  [
    'calls and their results',
    [
      asks,
      {
        role: 'assistant',
        content: 'a',
        tool_calls: [
          { id: 'x', type: 'function', function: { name: 'f', arguments: '{"a":[1]}' } },
          { id: 'y', type: 'function', function: { name: 'g', arguments: '' } },
        ],
      },
      { role: 'tool', tool_call_id: 'x', content: 'r' },
      { role: 'tool', tool_call_id: 'y', content: [{ type: 'text', text: 's' }] },
      asks,
    ],
    {
      messages: [
        asks,
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'a' },
            { type: 'tool_use', id: 'x', name: 'f', input: { a: [1] } },
            { type: 'tool_use', id: 'y', name: 'g', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'x', content: 'r' },
            { type: 'tool_result', tool_use_id: 'y', content: 's' },
          ],
        },
        asks,
      ],
    },
  ],
  [
    'calls of the older form',
    [
      asks,
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'r' },
    ],
    {
      messages: [
        asks,
        { role: 'assistant', content: [{ type: 'tool_use', id: 'function_call', name: 'f', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'function_call', content: 'r' }] },
      ],
    },
  ],
  [
    'arguments that a model once got wrong',
    [{ role: 'assistant', tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{"a' } }] }],
    {
      messages: [
        { role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'f', input: { arguments: '{"a' } }] },
      ],
    },
  ],
  [
    'a refusal, and messages that say nothing',
    [asks, { role: 'assistant', content: null, refusal: 'no' }, { role: 'assistant', content: '' }, asks],
    { messages: [asks, { role: 'assistant', content: 'no' }, asks] },
  ],
  [
    'that the user says nothing, which is a turn of theirs',
    [asks, { role: 'assistant', content: 'a' }, { role: 'user', content: [{ type: 'text', text: '' }] }],
    { messages: [asks, { role: 'assistant', content: 'a' }, { role: 'user', content: '' }] },
  ],
]

const FIELDS: readonly (readonly [string, object, object])[] = [
  ['max_tokens', { max_tokens: 5 }, { max_tokens: 5 }],
  ['max_completion_tokens', { max_completion_tokens: 6, max_tokens: 5 }, { max_tokens: 6 }],
  ['sampling', { temperature: 0, top_p: 0.5 }, { temperature: 0, top_p: 0.5 }],
  ['one stop sequence', { stop: 'x' }, { stop_sequences: ['x'] }],
  ['stop sequences', { stop: ['x', 'y'] }, { stop_sequences: ['x', 'y'] }],
  ['stream', { stream: true }, { stream: true }],
  ['the user', { user: 'u' }, { metadata: { user_id: 'u' } }],
  [
    'tools',
    {
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true } },
        { type: 'function', function: { name: 'g' } },
      ],
    },
    {
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true },
        { name: 'g', input_schema: { type: 'object', properties: {} } },
      ],
    },
  ],
  ['tool_choice auto', { tool_choice: 'auto' }, { tool_choice: { type: 'auto' } }],
  ['tool_choice none', { tool_choice: 'none' }, { tool_choice: { type: 'none' } }],
  ['tool_choice required', { tool_choice: 'required' }, { tool_choice: { type: 'any' } }],
  [
    'tool_choice by name',
    { tool_choice: { type: 'function', function: { name: 'f' } } },
    { tool_choice: { type: 'tool', name: 'f' } },
  ],
  [
    'tool_choice among some',
    {
      tools: ['f', 'g'].map((name) => ({ type: 'function', function: { name } })),
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'g' } }] },
      },
    },
    { tools: [{ name: 'g', input_schema: { type: 'object', properties: {} } }], tool_choice: { type: 'any' } },
  ],
  [
    'no parallel calls',
    { tools: [{ type: 'function', function: { name: 'f' } }], parallel_tool_calls: false },
    { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  ],
  [
    'reasoning_effort',
    { reasoning_effort: 'high' },
    { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
  ],
  [
    'the least reasoning_effort',
    { reasoning_effort: 'minimal' },
    { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
  ],
  ['no reasoning', { reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
  [
    'response_format',
    { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } } },
    { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
  ],
  ['fields that are null', { temperature: null, stop: null, tools: null, n: null }, { extra: { openai: {} } }],
  ['n of 1', { n: 1 }, { extra: { openai: {} } }],
  [
    'what the canonical form does not know',
    { seed: 1, logit_bias: { 5: 1 }, novel: [1] },
    { extra: { openai: { seed: 1, logit_bias: { 5: 1 }, novel: [1] } } },
  ],
]

const REFUSED: readonly (readonly [string, unknown])[] = [
  ['byte 0', '[]'],
  ['/model', { messages: [] }],
  ['/model', { model: '', messages: [] }],
  ['/model', { model: 'a\nb', messages: [] }],
  ['/messages', { model: 'm' }],
  ['/messages', { model: 'm', messages: {} }],
  ['/messages', { model: 'm', messages: [] }],
  ['/messages/0', { model: 'm', messages: ['q'] }],
  ['/messages/0/role', { model: 'm', messages: [{ content: 'q' }] }],
  ['/messages/0/content', { model: 'm', messages: [{ role: 'user' }] }],
  ['/messages/0/content/0/type', { model: 'm', messages: [{ role: 'user', content: [{ type: 'video' }] }] }],
  ['/messages/0/tool_call_id', { model: 'm', messages: [{ role: 'tool', content: 'r' }] }],
  ['/messages/0/tool_calls/0/id', { model: 'm', messages: [{ role: 'assistant', tool_calls: [{}] }] }],
  ['/stream', { model: 'm', messages: [asks], stream: 'yes' }],
  ['/n', { model: 'm', messages: [asks], n: 2 }],
  ['/max_tokens', { model: 'm', messages: [asks], max_tokens: '5' }],
  ['/stop/1', { model: 'm', messages: [asks], stop: ['a', 1] }],
  ['/functions', { model: 'm', messages: [asks], functions: [] }],
  ['/audio', { model: 'm', messages: [asks], audio: {} }],
  ['/modalities', { model: 'm', messages: [asks], modalities: ['text', 'audio'] }],
  ['/tools/0/type', { model: 'm', messages: [asks], tools: [{ type: 'custom', custom: { name: 'f' } }] }],
  ['/tool_choice', { model: 'm', messages: [asks], tool_choice: { type: 'custom' } }],
]

describe('a request of a client', { timeout: FUZZ_MS }, () => {
  it.each(HISTORIES)('says %s', (_what, messages, request) => {
    const decoded = decode({ messages })
    expect({ system: decoded.system, messages: decoded.messages }).toEqual({ system: undefined, ...request })
  })

  it.each(FIELDS)('asks for %s', (_what, fields, request) => {
    expect(decode(fields)).toMatchObject(request)
  })

  it.each(REFUSED)('is refused at %s: %j', (place, body) => {
    expect(() => client.decode(input(body))).toThrow(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(place) as string }),
    )
  })

  it('has its reasoning marked as what it is not: Anthropic’s', () => {
    const { messages } = decode({ messages: [{ role: 'assistant', reasoning_content: 'r', content: 'a' }] })
    const [thinking] = messages[0]!.content as readonly { thinking?: string; signature?: string }[]
    expect(thinking?.thinking).toBe('r')
    expect(readReasoning(thinking!.signature!)).toMatchObject({ family: 'openai' })
  })

  it.each([
    ['OpenAI/JS 6.49.0', 'OpenAI'],
    ['ai/6.0 node', 'ai'],
    ['', 'unknown'],
    ['(odd)', 'unknown'],
  ])('with the user agent %j comes from %s', (agent, app) => {
    expect(client.decode(input({ model: 'm', messages: [asks] }, { 'user-agent': agent })).client.app).toBe(app)
  })

  it('of any shape is decoded or refused as the client’s fault', () => {
    const junk = fc.constantFrom<unknown>(null, true, 1, 'x', [], {}, [null], ['x'], { a: [1] })
    const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
      fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })
    const word = fc.constantFrom('text', 'image_url', 'file', 'input_audio', 'function', 'json_schema', 'refusal', PNG)
    const called = mixed(['name', 'arguments'], word)
    const place = mixed(['url', 'file_data'], word)
    const part = mixed(['type', 'text', 'image_url', 'file', 'refusal'], fc.oneof(word, place))
    const call = mixed(['id', 'type', 'function'], fc.oneof(word, called))
    const role = fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function')
    const message = mixed(
      ['role', 'content', 'tool_call_id', 'tool_calls', 'function_call', 'reasoning_content', 'refusal'],
      fc.oneof({ weight: 3, arbitrary: role }, fc.array(part, { maxLength: 3 }), fc.array(call, { maxLength: 2 })),
    )
    const settings = ['tools', 'tool_choice', 'stop', 'response_format', 'reasoning_effort', 'stream_options', 'user']
    const rest = mixed(settings, fc.oneof(word, fc.array(call, { maxLength: 2 }), call))
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), rest, (messages, fields) => {
        try {
          const { request } = client.decode(input({ ...(fields as object), model: 'm', messages }))
          encode(request)
        } catch (thrown) {
          if (!isCcrError(thrown) || thrown.code !== 'CCR_REQUEST_INVALID') throw thrown
        }
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a request of a client, sent to a target of the same protocol,', () => {
  const sent = (fields: object): Readonly<Record<string, unknown>> => encode(decode(fields))

  it.each<readonly [string, object]>([
    ['fields of this protocol', { seed: 1, user: 'u', verbosity: 'low', service_tier: 'flex', logit_bias: { 5: 1 } }],
    ['fields of a vendor', { provider: { only: ['x'] }, top_k: 4 }],
    ['the name of the limit', { max_completion_tokens: 6 }],
    ['the older name of the limit', { max_tokens: 6 }],
    ['an effort that others do not know', { reasoning_effort: 'minimal' }],
    ['that it wants no reasoning', { reasoning_effort: 'none' }],
    [
      'a whole response_format',
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'n', strict: true, schema: { type: 'object' } },
        },
      },
    ],
    ['JSON without a schema', { response_format: { type: 'json_object' } }],
    [
      'strict tools',
      {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: 'd', parameters: { type: 'object', properties: {} }, strict: true },
          },
        ],
      },
    ],
    [
      'how closely to look at an image',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
              { type: 'image_url', image_url: { url: 'https://e.org/a.png', detail: 'high' } },
            ],
          },
        ],
      },
    ],
    ['a file by its id', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'x' } }] }] }],
    [
      'audio',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }] }] },
    ],
  ])('keeps %s', (_what, fields) => {
    expect(sent(fields)).toMatchObject(fields)
  })

  it('ends with the user although they said nothing', () => {
    const messages = [asks, { role: 'assistant', content: 'a' }, { role: 'user', content: '' }]
    expect(sent({ messages })['messages']).toEqual([...messages.slice(0, 2), { role: 'user', content: '…' }])
  })

  it('has the usage of a stream counted, asked for or not', () => {
    expect(sent({ stream: true })).toMatchObject({ stream_options: { include_usage: true } })
  })

  it('gives way to what a handler has changed', () => {
    const decoded = decode({ reasoning_effort: 'minimal', response_format: { type: 'json_object' }, max_tokens: 9 })
    const changed = { ...decoded, thinking: { type: 'disabled' }, output_config: {}, max_tokens: 3 } as CanonicalRequest
    expect(encode(changed)).toMatchObject({ max_tokens: 3, response_format: { type: 'json_object' } })
    expect(encode(changed)).not.toHaveProperty('reasoning_effort')
  })

  it('leaves out what another client’s protocol would mean by such fields', () => {
    expect(encode({ extra: { gemini: { seed: 1 } } })).not.toHaveProperty('seed')
  })
})

describe('an error', () => {
  const failure = { status: 400, type: 'invalid_request_error', message: 'm' } as const

  it('has the shape of this protocol, and the id of the request', () => {
    expect(client.failure({ status: 404, type: 'not_found_error', message: 'no' }, 'req_1')).toEqual({
      error: { message: 'no', type: 'invalid_request_error', param: null, code: 'model_not_found' },
      request_id: 'req_1',
    })
  })

  it('names the place of the fault', () => {
    const message = 'the request body is not valid: /messages/0/role must be user'
    expect(client.failure({ ...failure, message }, 'r')).toMatchObject({ error: { param: 'messages.0.role' } })
  })

  it('of a type that a plugin made up is passed on', () => {
    expect(client.failure({ ...failure, type: 'novel' as never }, 'r')).toMatchObject({ error: { type: 'novel' } })
  })

  it('ends a stream as its last event', () => {
    const encoder = client.encoder({ request: decode({}), startedAt: 0 } as Exchange)
    const frame = encoder.failure({ status: 529, type: 'overloaded_error', message: 'm' })
    expect(frame).toBe(
      'data: {"error":{"message":"m","type":"server_error","param":null,"code":"server_overloaded"}}\n\n',
    )
    expect(encoder.ping()).toBe(': ping\n\n')
  })
})
