import type { CanonicalRequest, ClientInput } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { DIALECT } from './own-tools.ts'

const client = createClient(new KeptItems())

const base = { model: 'm', input: 'q' }

function decode(body: object, headers: ClientInput['headers'] = {}): ReturnType<typeof client.decode> {
  return client.decode({ body: Buffer.from(JSON.stringify(body)), headers, url: '/v1/responses', params: {} })
}

const canonical = (body: object): CanonicalRequest => decode({ ...base, ...body }).request
const messages = (...input: object[]): CanonicalRequest['messages'] => canonical({ input }).messages
const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"a":1}' }
const result = { type: 'function_call_output', call_id: 'c', output: 'r' }
const use = { type: 'tool_use', id: 'c', name: 'f', input: { a: 1 } }
const said = (role: string, text: string) => ({ role, content: [{ type: 'text', text }] })
const answer = { type: 'tool_result', tool_use_id: 'c', content: 'r' }

describe('settings', () => {
  it.each<[string, object, object]>([
    ['a string is one user message', {}, { messages: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }] }],
    ['instructions', { instructions: 'be' }, { system: [{ type: 'text', text: 'be' }] }],
    [
      'limits and sampling',
      { max_output_tokens: 9, temperature: 0, top_p: 1 },
      { max_tokens: 9, temperature: 0, top_p: 1 },
    ],
    ['stream', { stream: true }, { stream: true }],
    [
      'effort',
      { reasoning: { effort: 'xhigh' } },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
    ],
    ['minimal effort is low', { reasoning: { effort: 'minimal' } }, { output_config: { effort: 'low' } }],
    ['no effort', { reasoning: { effort: 'none' } }, { thinking: { type: 'disabled' } }],
    ['a summary alone', { reasoning: { summary: 'auto' } }, { thinking: { type: 'adaptive' } }],
    [
      'a schema',
      { text: { format: { type: 'json_schema', name: 'n', schema: { a: 1 } } } },
      { output_config: { format: { type: 'json_schema', schema: { a: 1 } } } },
    ],
  ])('%s', (_name, body, expected) => {
    expect(canonical(body)).toMatchObject(expected)
  })

  it('without reasoning nothing is said of thinking', () => {
    expect(canonical({})).not.toHaveProperty('thinking')
    expect(canonical({})).not.toHaveProperty('output_config')
  })

  it('what is not canonical is kept for targets of this dialect, what is not stored is not', () => {
    const own = {
      prompt_cache_key: 'k',
      service_tier: 'flex',
      client_metadata: { a: 1 },
      truncation: null,
      store: true,
    }
    expect(canonical(own).extra).toEqual({
      [DIALECT]: { prompt_cache_key: 'k', service_tier: 'flex', client_metadata: { a: 1 } },
    })
  })
})

describe('tools', () => {
  const f = { type: 'function', name: 'f', description: 'd', parameters: { type: 'object', properties: { a: {} } } }

  it.each<[string, unknown, object]>([
    ['a function', f, { name: 'f', description: 'd', input_schema: f.parameters }],
    ['one without parameters', { ...f, parameters: null }, { input_schema: { type: 'object', properties: {} } }],
    ['a strict one', { ...f, strict: true }, { strict: true }],
    ['free text', { type: 'custom', name: 'c' }, { name: 'c', input_schema: { required: ['input'] } }],
    ['a namespace', { type: 'namespace', name: 'n', tools: [f] }, { name: 'n__f' }],
    [
      'a search',
      { type: 'web_search', filters: { allowed_domains: ['a.b'] } },
      { type: 'web_search_20250305', name: 'web_search', allowed_domains: ['a.b'] },
    ],
  ])('%s', (_name, tool, expected) => {
    expect(canonical({ tools: [tool] }).tools).toMatchObject([expected])
  })

  it('strict is asked of nobody who was not asked', () => {
    expect(canonical({ tools: [{ ...f, strict: false }] }).tools![0]).not.toHaveProperty('strict')
  })

  it.each<[string, object[], string[]]>([
    [
      'by name',
      [
        { type: 'function', name: 'f' },
        { type: 'custom', name: 'c' },
      ],
      ['f', 'c'],
    ],
    ['by its namespace', [{ type: 'function', name: 'f', namespace: 'n' }], ['n__f']],
    ['as a whole namespace', [{ type: 'namespace', name: 'n' }], ['n__f', 'n__g']],
    ['a search', [{ type: 'web_search' }], ['web_search']],
    ['what only this protocol has', [{ type: 'mcp', server_label: 'f' }], []],
  ])('outside of those allowed are nobody’s: %s', (_name, allowed, left) => {
    const group = { type: 'namespace', name: 'n', tools: [f, { ...f, name: 'g' }] }
    const tools = [f, { type: 'custom', name: 'c' }, group, { type: 'web_search' }, { type: 'mcp', server_label: 'f' }]
    const tool_choice = { type: 'allowed_tools', mode: 'auto', tools: allowed }
    expect((canonical({ tools, tool_choice }).tools ?? []).map(({ name }) => name)).toEqual(left)
  })

  it.each<[string, object, unknown]>([
    ['auto', { tool_choice: 'auto' }, { type: 'auto' }],
    ['none', { tool_choice: 'none' }, { type: 'none' }],
    ['required', { tool_choice: 'required' }, { type: 'any' }],
    ['a function', { tool_choice: { type: 'function', name: 'f' } }, { type: 'tool', name: 'f' }],
    ['some of them', { tool_choice: { type: 'allowed_tools', mode: 'required', tools: [] } }, { type: 'any' }],
    ['a hosted one', { tool_choice: { type: 'file_search' } }, { type: 'auto' }],
    ['one at a time', { parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    ['nothing', { parallel_tool_calls: true }, undefined],
  ])('tool_choice %s', (_name, body, expected) => {
    expect(canonical({ tools: [f], ...body }).tool_choice).toEqual(expected)
  })
})

describe('items', () => {
  it.each<[string, object[], unknown]>([
    [
      'a message without a type',
      [{ role: 'user', content: 'q' }],
      [{ role: 'user', content: [{ type: 'text', text: 'q' }] }],
    ],
    [
      'parts',
      [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'input_image', image_url: 'data:image/png;base64,AA' },
            { type: 'input_image', image_url: 'http://i' },
            { type: 'input_file', filename: 'f.pdf', file_data: 'data:application/pdf;base64,BB' },
            { type: 'input_file', file_url: 'http://d' },
            {
              type: 'input_file',
              filename: 'f.txt',
              file_data: `data:text/plain;base64,${Buffer.from('hi').toString('base64')}`,
            },
          ],
        },
      ],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
            { type: 'image', source: { type: 'url', url: 'http://i' } },
            { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BB' }, title: 'f.pdf' },
            { type: 'document', source: { type: 'url', url: 'http://d' } },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' }, title: 'f.txt' },
          ],
        },
      ],
    ],
    [
      'a call and its result',
      [call, result],
      [
        { role: 'assistant', content: [use] },
        { role: 'user', content: [answer] },
      ],
    ],
    [
      'results go before what was said between',
      [call, { ...call, call_id: 'd' }, { role: 'user', content: 'x' }, result, { ...result, call_id: 'd' }],
      [
        { role: 'assistant', content: [use, { ...use, id: 'd' }] },
        { role: 'user', content: [answer, { ...answer, tool_use_id: 'd' }, { type: 'text', text: 'x' }] },
      ],
    ],
    [
      'and before a developer who spoke between',
      [call, { role: 'developer', content: 's' }, result],
      [
        { role: 'assistant', content: [use] },
        { role: 'user', content: [answer] },
        { role: 'system', content: [{ type: 'text', text: 's' }] },
      ],
    ],
    [
      'arguments that are no object',
      [{ ...call, arguments: '{"a' }],
      [{ role: 'assistant', content: [{ ...use, input: { arguments: '{"a' } }] }],
    ],
    [
      'a refusal',
      [{ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] }],
      [{ role: 'assistant', content: [{ type: 'text', text: 'no' }] }],
    ],
  ])('%s', (_name, input, expected) => {
    expect(messages(...input)).toEqual(expected)
  })

  it.each<[string, object[], unknown]>([
    [
      'a message',
      [
        { role: 'user', content: 'q' },
        { role: 'user', content: '' },
      ],
      [said('user', 'q')],
    ],
    [
      'the text of the assistant',
      [{ role: 'user', content: 'q' }, { role: 'assistant', content: [{ type: 'output_text', text: '' }] }, call],
      [said('user', 'q'), { role: 'assistant', content: [use] }],
    ],
    [
      'what a developer says',
      [
        { role: 'user', content: 'q' },
        { role: 'developer', content: '' },
      ],
      [said('user', 'q')],
    ],
    [
      'a turn between two of the assistant',
      [
        { role: 'assistant', content: 'a' },
        { role: 'user', content: [{ type: 'input_text', text: '' }] },
        { role: 'assistant', content: 'b' },
      ],
      [{ role: 'assistant', content: [...said('assistant', 'a').content, ...said('assistant', 'b').content] }],
    ],
    [
      'a result',
      [call, { ...result, output: [{ type: 'input_text', text: '' }] }],
      [
        { role: 'assistant', content: [use] },
        { role: 'user', content: [{ ...answer, content: '' }] },
      ],
    ],
  ])('rule 66 an empty text is left out: %s', (_name, input, expected) => {
    expect(messages(...input)).toEqual(expected)
  })

  it('what the developer says first is the system prompt, later it stays in its place', () => {
    const input = [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'q' },
      { role: 'system', content: 'b' },
    ]
    expect(canonical({ instructions: 'i', input })).toMatchObject({
      system: [{ text: 'i' }, { text: 'a' }],
      messages: [{ role: 'user' }, { role: 'system', content: [{ text: 'b' }] }],
    })
  })

  it('items of other tools are named in text', () => {
    const [message] = messages({ type: 'local_shell_call', call_id: 'c', action: {} })
    expect(JSON.parse(JSON.stringify(message))).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: expect.stringContaining('[local_shell_call]') as unknown }],
    })
  })

  it('reasoning that OpenAI gave the client itself goes to no other vendor', () => {
    const item = {
      type: 'reasoning',
      id: 'rs',
      summary: [{ type: 'summary_text', text: 's' }],
      encrypted_content: 'gAAA',
    }
    const [message] = messages(item)
    expect(message).toMatchObject({
      content: [{ thinking: 's', signature: expect.stringMatching(/^~ccr-reasoning\./) as unknown }],
    })
  })
})

describe('who asks', () => {
  it.each<[string, ClientInput['headers'], object, object]>([
    ['nobody', {}, {}, { app: 'unknown', sessionId: undefined, requestClass: undefined }],
    [
      'Codex',
      { 'user-agent': 'codex_cli_rs/0.169.0 (Linux)', session_id: 'a-1' },
      {},
      { app: 'codex_cli_rs', sessionId: 'a-1' },
    ],
    ['its compaction', { 'x-openai-subagent': 'compact' }, {}, { requestClass: 'compaction' }],
    ['its subagent', { 'x-openai-subagent': 'review' }, {}, { requestClass: 'subagent' }],
    ['a cache key', {}, { prompt_cache_key: 'a-1' }, { sessionId: 'a-1' }],
    ['no identifier', { session_id: 'a b\n' }, { prompt_cache_key: 'x'.repeat(99) }, { sessionId: undefined }],
  ])('%s', (_name, headers, body, expected) => {
    expect(decode({ ...base, ...body }, headers).client).toMatchObject(expected)
  })
})

describe('a malformed request', () => {
  it('is not one that says nothing but which prompt of the server it is about', () => {
    expect(canonical({ input: [], prompt: { id: 'pmpt_1' } }).messages).toEqual([])
  })

  it.each<[string, object]>([
    ['/model', { model: '' }],
    ['/model', { model: 'a\nb' }],
    ['/stream', { stream: 'yes' }],
    ['/input', { input: undefined }],
    ['/input', { input: {} }],
    ['/input', { input: [] }],
    ['/instructions', { instructions: [] }],
    ['/max_output_tokens', { max_output_tokens: '9' }],
    ['/tools', { tools: {} }],
    ['/tools/0/type', { tools: [{}] }],
    ['/tools/0/name', { tools: [{ type: 'function' }] }],
    ['/tools/0/tools/0/name', { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'custom' }] }] }],
    ['/input/0/type', { input: [{}] }],
    ['/input/0/role', { input: [{ role: 'nobody', content: '' }] }],
    ['/input/0/content', { input: [{ role: 'user' }] }],
    ['/input/0/content/0/type', { input: [{ role: 'user', content: [{ type: 'input_audio' }] }] }],
    ['/input/0/content/0/text', { input: [{ role: 'user', content: [{ type: 'input_text' }] }] }],
    ['/input/0/content/0/image_url', { input: [{ role: 'user', content: [{ type: 'input_image' }] }] }],
    ['/input/0/call_id', { input: [{ type: 'function_call' }] }],
    ['/input/0/arguments', { input: [{ type: 'function_call', call_id: 'c', name: 'f' }] }],
    ['/input/0/output', { input: [{ type: 'function_call_output', call_id: 'c' }] }],
  ])('is refused at %s', (at, body) => {
    const fault = { code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(`: ${at} `) as unknown }
    expect(() => canonical(body)).toThrow(expect.objectContaining(fault))
  })
})
