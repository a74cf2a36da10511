import type { CanonicalRequest, Message } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode, encodedItems } from '../test/harness.ts'
import { createAdaptation, type Trait } from './adapt.ts'
import { signItems } from './reasoning.ts'
import type { InputItem, ReasoningItem } from './wire.ts'

const user = (content: Message['content']): Message => ({ role: 'user', content })
const assistant = (...content: Exclude<Message['content'], string>[number][]): Message => ({
  role: 'assistant',
  content,
})
const use = (id: string, name = 'f', input: unknown = {}) => ({ type: 'tool_use', id, name, input }) as const
const result = (tool_use_id: string, content?: Exclude<Message['content'], string>[number][] | string) =>
  ({ type: 'tool_result', tool_use_id, ...(content !== undefined && { content }) }) as const
const kinds = (items: readonly InputItem[]): string =>
  items.map((item) => ('role' in item ? String(item['role']) : item.type)).join(' ')
const png = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } } as const
const encrypted: ReasoningItem = {
  type: 'reasoning',
  id: 'rs_1',
  summary: [{ type: 'summary_text', text: 's' }],
  encrypted_content: 'E',
}
const thinking = (signature: string) => ({ type: 'thinking', thinking: 's', signature }) as const

const refusal = (message: string) =>
  ({ kind: 'status', status: 400, message, reply: { status: 400, type: 'invalid_request_error', message } }) as const

/** The body that goes out to a target that has refused this part. */
function encodeRefused(trait: Trait, message: string, request: Partial<CanonicalRequest>): ReturnType<typeof encode> {
  const adaptation = createAdaptation()
  expect(adaptation.learn({ provider: 'local', model: 'real' }, refusal(message), [])).toBe(trait)
  expect(adaptation.learn({ provider: 'other', model: 'real' }, refusal(message), [])).toBe(trait)
  return encode(request, { adaptation })
}

describe('limits and sampling', () => {
  it.each<[string, Partial<CanonicalRequest>, object, readonly string[]]>([
    ['max_tokens is max_output_tokens', { max_tokens: 9 }, { max_output_tokens: 9 }, ['max_tokens', 'temperature']],
    ['temperature goes out', { temperature: 0, top_p: 0.5 }, { temperature: 0, top_p: 0.5 }, ['max_output_tokens']],
    [
      'temperature stays away from models that reason',
      { temperature: 1, top_p: 0.5, thinking: { type: 'adaptive' } },
      {},
      ['temperature', 'top_p'],
    ],
    [
      'settings that are null are not there',
      { thinking: null, tool_choice: null, temperature: 1 } as never,
      { temperature: 1 },
      ['reasoning', 'tool_choice'],
    ],
    [
      'what has no place here is left out',
      { top_k: 5, stop_sequences: ['x'] },
      {},
      ['top_k', 'stop', 'stop_sequences'],
    ],
  ])('rule 153 %s', (_name, request, expected, absent) => {
    const body = encode(request)
    expect(body).toMatchObject(expected)
    for (const field of absent) expect(body).not.toHaveProperty(field)
  })

  it.each<[Trait, string, Partial<CanonicalRequest>, object]>([
    [
      'temperature',
      "Unsupported parameter: 'temperature' is not supported with this model.",
      { temperature: 1 },
      { temperature: undefined },
    ],
    ['top_p', "Unsupported parameter: 'top_p' is not supported with this model.", { top_p: 1 }, { top_p: undefined }],
    [
      'max_output_tokens',
      'Unsupported parameter: max_output_tokens',
      { max_tokens: 9 },
      { max_output_tokens: undefined },
    ],
    [
      'short_limit',
      "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
      { max_tokens: 1 },
      { max_output_tokens: 16 },
    ],
    [
      'at_most_16384',
      'max_output_tokens is too large: 128000. This model supports at most 16384 completion tokens.',
      { max_tokens: 128_000 },
      { max_output_tokens: 16_384 },
    ],
    [
      'at_most_16384',
      "Invalid 'max_output_tokens': it must be <= 16384.",
      { max_tokens: 128_000 },
      { max_output_tokens: 16_384 },
    ],
    ['encrypted_reasoning', 'Encrypted content is not supported with this model.', {}, { include: undefined }],
    [
      'reasoning',
      "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
      { thinking: { type: 'adaptive' } },
      { reasoning: undefined },
    ],
    [
      'reasoning_summary',
      'Your organization must be verified to generate reasoning summaries.',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
      { reasoning: { effort: 'low' } },
    ],
    [
      'effort_range',
      "Unsupported value: 'xhigh' is not supported with the 'm' model.",
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      { reasoning: { effort: 'high', summary: 'auto' } },
    ],
    [
      'web_search',
      "'type' of tool must be 'function'",
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      { tools: undefined },
    ],
  ])('rule 153 a target that refuses %s is not asked again', (trait, message, request, expected) => {
    const body = encodeRefused(trait, message, request)
    for (const [field, value] of Object.entries(expected)) expect(body[field]).toEqual(value)
  })

  it('a full context is no refusal, whatever it says of parameters', () => {
    const message = 'prompt is too long: 9 tokens > 8 maximum (the provider said: max_output_tokens must be at least 1)'
    expect(createAdaptation().learn({ provider: 'local', model: 'real' }, refusal(message), [])).toBeUndefined()
  })
})

describe('system text', () => {
  it.each<[string, Partial<CanonicalRequest>, string | undefined, string]>([
    ['a string', { system: 'be' }, 'be', 'user'],
    [
      'all blocks',
      {
        system: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      'a\n\nb',
      'user',
    ],
    [
      'without the billing block',
      {
        system: [
          { type: 'text', text: 'x-anthropic-billing-header: 1' },
          { type: 'text', text: 'b' },
        ],
      },
      'b',
      'user',
    ],
    ['in its place', { messages: [user('q'), { role: 'system', content: 's' }] }, undefined, 'user system'],
    ['before anybody spoke', { messages: [{ role: 'system', content: 's' }, user('q')] }, undefined, 'system user'],
  ])('rule 154 %s', (_name, request, instructions, items) => {
    const body = encode(request)
    expect(body.instructions).toBe(instructions)
    expect(kinds(body.input)).toBe(items)
  })
})

describe('turns', () => {
  it.each<[string, Message[], string]>([
    [
      'text and calls',
      [user('q'), assistant({ type: 'text', text: 'a' }, use('1'), use('2'))],
      'user assistant function_call function_call function_call_output function_call_output',
    ],
    [
      'text after a call',
      [user('q'), assistant(use('1'), { type: 'text', text: 'b' }), user([result('1', 'r')])],
      'user function_call assistant function_call_output',
    ],
    [
      'messages in a row',
      [user('q'), assistant({ type: 'text', text: 'a' }), assistant(use('1')), user([result('1', 'r')])],
      'user assistant function_call function_call_output',
    ],
    [
      'results before what the user says',
      [assistant(use('1')), user([{ type: 'text', text: 'x' }, result('1', 'r')])],
      'function_call function_call_output user',
    ],
    [
      'a system message among them',
      [assistant(use('1')), { role: 'system', content: 's' }, user([result('1', 'r')])],
      'function_call function_call_output system',
    ],
    ['a result without a call', [user([result('9', 'r')])], 'user'],
    ['an empty user turn', [assistant({ type: 'text', text: 'a' }), user('')], 'assistant user'],
    ['nothing at all', [], 'user'],
  ])('rule 155, 36, 43, 66 %s', (_name, messages, expected) => {
    expect(kinds(encodedItems(...messages))).toBe(expected)
  })

  it('rule 52 what stands for the results of a search ends with its line', () => {
    const found = { type: 'web_search_tool_result', content: [{ title: 'T', url: 'https://e.org' }] }
    const [, turn] = encodedItems(user('q'), assistant(found, { type: 'text', text: 'So' }))
    expect(turn).toMatchObject({ content: [{ text: '[web_search_tool_result]\nT https://e.org\nSo' }] })
  })

  it('rule 155, 46 text blocks of a turn are one text without added characters', () => {
    const [item] = encodedItems(assistant({ type: 'text', text: 'a' }, { type: 'text', text: 'b' }))
    expect(item).toMatchObject({ content: [{ type: 'output_text', text: 'ab' }] })
  })

  it('ids that repeat or are too long still belong together', () => {
    const long = 'x'.repeat(100)
    const items = encodedItems(
      assistant(use('1'), use(long)),
      user([result('1', 'a'), result(long, 'b')]),
      assistant(use('1')),
      user([result('1', 'c')]),
    ) as readonly { readonly call_id: string; readonly output?: string }[]
    const calls = items.filter(({ output }) => output === undefined).map(({ call_id }) => call_id)
    const outputs = items.filter(({ output }) => output !== undefined)
    expect(new Set(calls).size).toBe(3)
    expect(outputs.map(({ call_id }) => call_id)).toEqual(calls)
    expect(outputs.map(({ output }) => output)).toEqual(['a', 'b', 'c'])
    expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(64)
  })
})

describe('tool results', () => {
  it.each<[string, Parameters<typeof result>[1], unknown]>([
    ['a string', 'r', 'r'],
    ['nothing', undefined, ''],
    [
      'texts',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      'ab',
    ],
    ['an image', [png], [{ type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,AAAA' }]],
    [
      'text and image',
      [{ type: 'text', text: 'a' }, png],
      [
        { type: 'input_text', text: 'a' },
        { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,AAAA' },
      ],
    ],
    ['a loaded tool', [{ type: 'tool_reference', tool_name: 'T' }], '[tool T]'],
  ])('rule 156 %s', (_name, content, output) => {
    const items = encodedItems(assistant(use('1')), user([result('1', content)]))
    expect(items[1]).toEqual({ type: 'function_call_output', call_id: '1', output })
  })

  it('rule 156, 42 a failure is visible', () => {
    const failed = { ...result('1', 'no'), is_error: true }
    expect(encodedItems(assistant(use('1')), user([failed]))[1]).toMatchObject({ output: 'Error: no' })
    const image = { ...result('1', [png]), is_error: true }
    const [, item] = encodedItems(assistant(use('1')), user([image]))
    expect(item).toMatchObject({ output: [{ type: 'input_text', text: 'Error:' }, { type: 'input_image' }] })
  })

  it('rule 156 images go behind the result of a target that takes none in it', () => {
    const message = "Output of tool call should be 'Input text'; other types are not supported"
    const body = encodeRefused('tool_images', message, { messages: [assistant(use('1')), user([result('1', [png])])] })
    expect(kinds(body.input)).toBe('function_call function_call_output user')
  })
})

describe('tools', () => {
  const tools = [{ name: 'f', description: 'd', input_schema: { type: 'object', properties: { a: {} } } }]

  it.each<[string, CanonicalRequest['tool_choice'], unknown]>([
    ['auto', { type: 'auto' }, 'auto'],
    ['none', { type: 'none' }, 'none'],
    ['any', { type: 'any' }, 'required'],
    ['a tool', { type: 'tool', name: 'f' }, { type: 'function', name: 'f' }],
    ['a tool that is not there', { type: 'tool', name: 'g' }, undefined],
    ['nothing', undefined, undefined],
  ])('rule 157 tool_choice %s', (_name, tool_choice, expected) => {
    expect(encode({ tools, tool_choice }).tool_choice).toEqual(expected)
  })

  it('rule 157 nothing but the protocol’s own keys goes out', () => {
    const cache_control = { type: 'ephemeral' } as const
    const body = encode({
      tools: [{ ...tools[0]!, cache_control, eager_input_streaming: true }],
      messages: [
        user([{ type: 'text', text: 'q', cache_control }]),
        assistant({ ...use('1'), cache_control }, thinking('foreign')),
        user([{ ...result('1', 'r'), cache_control }]),
      ],
      thinking: { type: 'adaptive' },
      metadata: { user_id: 'u' },
      context_management: { edits: [] },
    })
    expect(JSON.stringify(body)).not.toMatch(/cache_control|"thinking"|eager|user_id|context_management|ccr_/)
    const allowed = ['model', 'input', 'stream', 'store', 'tools', 'reasoning', 'include']
    expect(Object.keys(body).filter((key) => !allowed.includes(key))).toEqual([])
  })

  it('rule 58 one call at a time', () => {
    const tool_choice = { type: 'auto', disable_parallel_tool_use: true } as const
    expect(encode({ tools, tool_choice }).parallel_tool_calls).toBe(false)
    expect(encode({ tools }).parallel_tool_calls).toBeUndefined()
  })

  it.each<[string, string, unknown, unknown]>([
    [
      'optional stays optional',
      'WebSearch',
      { type: 'object', properties: { a: {}, b: {} }, required: ['a'] },
      undefined,
    ],
    ['keywords stay', 'Bash', { $schema: 's', type: 'object', properties: {}, additionalProperties: {} }, undefined],
    ['a missing schema is an empty object', 'X', undefined, { type: 'object', properties: {} }],
    ['missing properties are none', 'X', { type: 'object' }, { type: 'object', properties: {} }],
  ])('rule 162, 55 a schema is not rewritten by the name of its tool: %s', (_name, name, input_schema, expected) => {
    const [tool] = encode({ tools: [{ name, input_schema: input_schema as never }] }).tools!
    expect(tool).toMatchObject({ type: 'function', name, parameters: expected ?? input_schema })
    expect(tool).toMatchObject({ strict: false })
  })

  it.each<[string, object]>([
    ['a union', { oneOf: [{ properties: { a: { type: 'string' } } }, { properties: { b: { type: 'string' } } }] }],
    ['a reference', { $ref: '#/$defs/d', $defs: { d: { type: 'object', properties: { a: { type: 'string' } } } } }],
    ['no object', { type: 'string' }],
  ])('rule 162 only a root that the protocol refuses is changed: %s', (_name, input_schema) => {
    const [tool] = encode({ tools: [{ name: 'f', input_schema: input_schema as never }] }).tools!
    const { parameters } = tool as { parameters: object }
    expect(parameters).toMatchObject({ type: 'object' })
    for (const keyword of ['anyOf', 'oneOf', 'allOf', '$ref']) expect(parameters).not.toHaveProperty([keyword])
  })

  it('rule 162 strict is passed on where it is asked for', () => {
    expect(encode({ tools: [{ ...tools[0]!, strict: true }] }).tools).toMatchObject([{ strict: true }])
  })

  it('rule 56 a web search is the provider’s own, and asks for its sources', () => {
    const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 8, allowed_domains: ['a.b'] }
    const body = encode({ tools: [search] })
    expect(body.tools).toEqual([{ type: 'web_search', filters: { allowed_domains: ['a.b'] } }])
    expect(body.include).toContain('web_search_call.action.sources')
  })

  it('placeholders of unloaded tools and other server tools are left out', () => {
    const gone = [
      { name: 'DeferredToolPlaceholder', defer_loading: true },
      { type: 'bash_20250124', name: 'bash' },
    ]
    expect(encode({ tools: gone })).not.toHaveProperty('tools')
  })

  it('rule 65 names that the protocol does not take are mapped', () => {
    const [tool] = encode({ tools: [{ name: 'a.b'.repeat(40) }] }).tools as [{ name: string }]
    expect(tool.name).toMatch(/^[\w-]{1,64}$/)
  })
})

describe('reasoning', () => {
  const loop = (signature: string): Message[] => [
    user('q'),
    assistant(thinking(signature), { type: 'text', text: 'a' }, use('1')),
    user([result('1', 'r')]),
  ]

  it.each<[string, Message[], string]>([
    [
      'before what it led to',
      loop(signItems('local', [encrypted])),
      'user reasoning assistant function_call function_call_output',
    ],
    [
      'before a call',
      [assistant(thinking(signItems('local', [encrypted])), use('1'))],
      'reasoning function_call function_call_output',
    ],
    [
      'several items in order',
      [assistant(thinking(signItems('local', [encrypted, { ...encrypted, id: 'rs_2' }])), use('1'))],
      'reasoning reasoning function_call function_call_output',
    ],
    [
      'not to another provider',
      loop(signItems('elsewhere', [encrypted])),
      'user assistant function_call function_call_output',
    ],
    ['not when another vendor reasoned', loop('EqQBCgIYAhIM'), 'user assistant function_call function_call_output'],
    [
      'not when it led to nothing',
      [user('q'), assistant(thinking(signItems('local', [encrypted]))), user('r')],
      'user user',
    ],
    [
      'not when nothing could be read again',
      loop(signItems('local', [{ type: 'reasoning', id: 'rs_1', summary: [] }])),
      'user assistant function_call function_call_output',
    ],
  ])('rule 159 reasoning is replayed %s', (_name, messages, expected) => {
    expect(kinds(encodedItems(...messages))).toBe(expected)
  })

  it('rule 159 the item goes back exactly, nothing is stored, and it is asked for again', () => {
    const body = encode({ messages: loop(signItems('local', [encrypted])) })
    expect(body.input[1]).toEqual(encrypted)
    expect(body).toMatchObject({ store: false, include: ['reasoning.encrypted_content'] })
  })

  it('reasoning that its maker cannot read any more is left out from then on, and only that', () => {
    const adaptation = createAdaptation()
    const failure = refusal('The encrypted content gAAA could not be verified.')
    const target = { provider: 'local', model: 'real' }
    expect(adaptation.learn(target, failure, ['rs_1'])).toBe('replayed_reasoning')
    expect(adaptation.learn(target, failure, ['rs_1'])).toBeUndefined()
    const both = [encrypted, { ...encrypted, id: 'rs_2' }]
    const { input } = encode({ messages: loop(signItems('local', both)) }, { adaptation })
    expect(input.filter(({ type }) => type === 'reasoning')).toEqual([both[1]])
  })

  it.each<[string, Partial<CanonicalRequest>, unknown]>([
    ['60 a budget of 1024', { thinking: { type: 'enabled', budget_tokens: 1024 } }, { effort: 'low', summary: 'auto' }],
    [
      '60 a budget of 8192',
      { thinking: { type: 'enabled', budget_tokens: 8192 } },
      { effort: 'medium', summary: 'auto' },
    ],
    [
      '60 a budget of 8193',
      { thinking: { type: 'enabled', budget_tokens: 8193 } },
      { effort: 'high', summary: 'auto' },
    ],
    ['60 a budget of 0', { thinking: { type: 'enabled', budget_tokens: 0 } }, undefined],
    ['61 disabled', { thinking: { type: 'disabled' } }, undefined],
    ['61 not asked for', {}, undefined],
    ['62 adaptive', { thinking: { type: 'adaptive' } }, { summary: 'auto' }],
    [
      '62 with an effort',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } },
      { effort: 'max', summary: 'auto' },
    ],
    [
      '62 with an unknown effort',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'vast' } },
      { summary: 'auto' },
    ],
    [
      '62 not shown',
      { thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'low' } },
      { effort: 'low' },
    ],
  ])('rule %s', (_name, request, expected) => {
    expect(encode(request).reasoning).toEqual(expected)
  })
})

describe('content', () => {
  const parts = (...blocks: Exclude<Message['content'], string>[number][]): unknown =>
    (encodedItems(user(blocks))[0] as { content: unknown }).content

  it.each<[string, Exclude<Message['content'], string>[number], unknown]>([
    ['48 a base64 image', png, { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,AAAA' }],
    [
      '48 a prefixed image',
      { ...png, source: { ...png.source, data: 'data:image/gif;base64,BB' } },
      { image_url: 'data:image/gif;base64,BB' },
    ],
    ['49 an image by URL', { type: 'image', source: { type: 'url', url: 'http://i' } }, { image_url: 'http://i' }],
    [
      '51 an image of a stranger’s files',
      { type: 'image', source: { type: 'file', file_id: 'f' } },
      { type: 'input_text', text: '[image f cannot be shown to this model]' },
    ],
    [
      '50 a text document in base64',
      { type: 'document', source: { type: 'base64', media_type: 'text/csv', data: 'YSzDvA==' }, title: 't' },
      { type: 'input_text', text: 't\na,ü' },
    ],
    [
      '50 a text document',
      { type: 'document', source: { type: 'text', data: 'body' }, title: 't' },
      { type: 'input_text', text: 't\nbody' },
    ],
    [
      '50 a PDF',
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } },
      { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,AA' },
    ],
    [
      '50 a PDF by URL',
      { type: 'document', source: { type: 'url', url: 'http://d' } },
      { type: 'input_file', file_url: 'http://d' },
    ],
    [
      '52 an unknown block',
      { type: 'new_thing' },
      { type: 'input_text', text: '[content of type new_thing cannot be shown to this model]' },
    ],
  ])('rule %s', (_name, block, expected) => {
    expect(parts(block)).toMatchObject([expected])
  })

  it('a target that takes no files gets their names', () => {
    const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } } as const
    const body = encodeRefused('files', "'input_file' is not supported", { messages: [user([pdf])] })
    expect(JSON.stringify(body.input)).toContain('[document of type application/pdf cannot be shown to this model]')
  })

  it('a schema of the answer is its format', () => {
    const format = { type: 'json_schema', schema: { type: 'object' } }
    expect(encode({ output_config: { format } }).text).toEqual({ format: { ...format, name: 'answer' } })
  })
})
