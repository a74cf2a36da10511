import { Secret, signReasoning, type CanonicalRequest, type ContentBlock, type Outbound, type Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { contentsOf, encode, fakeAttempt, target } from '../test/harness.ts'
import { sign, SKIPPED_SIGNATURE } from './signatures.ts'

type Messages = CanonicalRequest['messages']
const user = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'user', content })
const assistant = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'assistant', content })
const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const call = (id: string, name = 'f', input: unknown = {}): ContentBlock => ({ type: 'tool_use', id, name, input })
const result = (id: string, content?: unknown, rest: object = {}): ContentBlock =>
  ({ type: 'tool_result', tool_use_id: id, content, ...rest }) as ContentBlock
const png = (data = 'AAAA'): ContentBlock => ({
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data },
})
const pngPart = (data = 'AAAA'): object => ({ inlineData: { mimeType: 'image/png', data } })
const says = (...parts: readonly object[]): object => ({ role: 'user', parts })
const model = (...parts: readonly object[]): object => ({ role: 'model', parts })
const failed = (id: string, content: unknown): ContentBlock => result(id, content, { is_error: true })
const called = (id: string, name = 'f', args: object = {}, rest: object = {}): object => ({
  functionCall: { id, name, args },
  ...rest,
})
const answered = (id: string, response: object, name = 'f', rest: object = {}): object => ({
  functionResponse: { id, name, response, ...rest },
})
const asks = user(text('q'))
const asked = says({ text: 'q' })
const thinking = (thought: string, signature: string): ContentBlock => ({
  type: 'thinking',
  thinking: thought,
  signature,
})
const own = (on: 'thought' | 'call' | 'text' | 'empty', signature: string, provider = 'google'): string =>
  sign({ provider, signatures: [{ on, signature }] })
const SKIPPED = { thoughtSignature: SKIPPED_SIGNATURE }

describe('where a request goes', () => {
  const outbound = (baseUrl: string, stream: boolean, name = 'gemini-x'): Outbound => ({
    dialect: 'gemini',
    baseUrl,
    model: name,
    stream,
    body: {},
    headers: {},
  })
  const url = (base: string, stream: boolean, name?: string): string =>
    target.address(outbound(base, stream, name), undefined, fakeAttempt()).url

  it.each([
    ['https://host/v1beta/models/', 'https://host/v1beta/models/gemini-x'],
    ['https://host/v1beta/models', 'https://host/v1beta/models/gemini-x'],
    ['https://host/v1beta/', 'https://host/v1beta/models/gemini-x'],
    ['https://host', 'https://host/v1beta/models/gemini-x'],
    ['https://host/', 'https://host/v1beta/models/gemini-x'],
    ['https://host/v1beta/models/other:generateContent', 'https://host/v1beta/models/gemini-x'],
    ['https://host/v1/chat/completions', 'https://host/v1/models/gemini-x'],
    ['https://host/chat/completions', 'https://host/v1beta/models/gemini-x'],
    [
      'https://host/v1/projects/p/locations/l/publishers/google/models',
      'https://host/v1/projects/p/locations/l/publishers/google/models/gemini-x',
    ],
  ])('rule 136: %s', (base, folder) => {
    expect(url(base, false)).toBe(`${folder}:generateContent`)
    expect(url(base, true)).toBe(`${folder}:streamGenerateContent?alt=sse`)
  })

  it('rule 136: keeps the query of the base, and takes models that name their folder', () => {
    expect(url('https://host/v1beta?a=1', true)).toBe(
      'https://host/v1beta/models/gemini-x:streamGenerateContent?a=1&alt=sse',
    )
    expect(url('https://host', false, 'tunedModels/mine')).toBe('https://host/v1beta/tunedModels/mine:generateContent')
    expect(url('https://host', false, 'models/a')).toBe('https://host/v1beta/models/a:generateContent')
    expect(url('https://host', false, 'a?b#c')).toBe('https://host/v1beta/models/a%3Fb%23c:generateContent')
  })

  it('rule 136: sends the key as x-goog-api-key and in no other header', () => {
    const secret = new Secret('k')
    const { auth, headers } = target.address(outbound('https://host', true), secret, fakeAttempt())
    expect(auth).toEqual({ scheme: 'header', name: 'x-goog-api-key', secret })
    expect(headers).toEqual({ 'content-type': 'application/json', accept: 'text/event-stream' })
    expect(target.address(outbound('https://host', true), undefined, fakeAttempt()).auth).toBeUndefined()
  })
})

interface Row {
  readonly rule: string
  readonly messages: Messages
  readonly sent: readonly object[]
  /** `gemini-2.5-flash` unless given. */
  readonly model?: string
}

const THIRD = 'gemini-3-pro-preview'

const HISTORIES: readonly Row[] = [
  {
    rule: 'rule 139: images are inlineData with mimeType',
    messages: [user(png(), text('what?'))],
    sent: [says(pngPart(), { text: 'what?' })],
  },
  {
    rule: 'rule 139: a data URL inside of the data is taken off once, the word base64 elsewhere is kept',
    messages: [user(png('data:image/png;base64,AbaseC64base64'))],
    sent: [says(pngPart('AbaseC64base64'))],
  },
  {
    rule: 'rule 139: images by URL are fileData with mimeType',
    messages: [
      user(
        { type: 'image', source: { type: 'url', url: 'https://e.org/a.PNG?x=1' } },
        { type: 'image', source: { type: 'url', url: 'https://e.org/a' } },
        { type: 'image', source: { type: 'file', file_id: 'file_1' } },
      ),
    ],
    sent: [
      says(
        { fileData: { mimeType: 'image/png', fileUri: 'https://e.org/a.PNG?x=1' } },
        { fileData: { mimeType: 'image/jpeg', fileUri: 'https://e.org/a' } },
        { text: '[image file_1 cannot be shown to this model]' },
      ),
    ],
  },
  {
    rule: 'rule 139: documents are their text or their bytes',
    messages: [
      user(
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'body' }, title: 'T' },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' } },
        { type: 'document', source: { type: 'url', url: 'https://e.org/a.pdf' } },
        { type: 'document', source: { type: 'content', content: [text('inner'), png()] } },
        { type: 'odd', x: 1 },
      ),
    ],
    sent: [
      says(
        { text: 'T\nbody' },
        { inlineData: { mimeType: 'application/pdf', data: 'JVBE' } },
        { fileData: { mimeType: 'application/pdf', fileUri: 'https://e.org/a.pdf' } },
        { text: 'inner' },
        pngPart(),
        { text: '[content of type odd cannot be shown to this model]' },
      ),
    ],
  },
  {
    rule: 'rule 140: results carry name and id, output or error',
    messages: [
      asks,
      assistant(call('a', 'read'), call('b', 'write')),
      user(result('a', 'r'), result('b', 'no', { is_error: true })),
    ],
    sent: [
      asked,
      model(called('a', 'read'), called('b', 'write')),
      says(answered('a', { output: 'r' }, 'read'), answered('b', { error: 'no' }, 'write')),
    ],
  },
  {
    rule: 'rule 140: parallel results come in the order of their calls, before the text, from all messages of the turn',
    messages: [
      asks,
      assistant(call('a'), call('b'), call('c')),
      user(text('t'), result('c', '3')),
      user(result('b', [text('2'), text('.')]), result('a')),
    ],
    sent: [
      asked,
      model(called('a'), called('b'), called('c')),
      says(answered('a', { output: '' }), answered('b', { output: '2.' }), answered('c', { output: '3' })),
      says({ text: 't' }),
    ],
  },
  {
    rule: 'rule 140: calls without a result get one, results without a call are text',
    messages: [asks, assistant(call('a')), user(result('gone', 'r')), assistant(call('b'))],
    sent: [
      asked,
      model(called('a')),
      says(answered('a', { error: '[this call was not answered]' })),
      says({ text: '[result of the tool call gone]\nr' }),
      model(called('b')),
      says(answered('b', { error: '[this call was not answered]' })),
    ],
  },
  {
    rule: 'rule 42: of a result without a call it is told where it was an error, but not twice',
    messages: [asks, user(failed('x', 'exit 1'), failed('y', 'Error: no'))],
    sent: [
      asked,
      says({ text: '[result of the tool call x]\nError: exit 1' }, { text: '[result of the tool call y]\nError: no' }),
    ],
  },
  {
    rule: 'rule 37: calls of one turn that share an id get their results in order',
    messages: [asks, assistant(call('a'), call('a')), user(result('a', '1'), result('a', '2'), result('a', '3'))],
    sent: [
      asked,
      model(called('a'), called('a_2')),
      says(answered('a', { output: '1' }), answered('a_2', { output: '2' })),
      says({ text: '[result of the tool call a]\n3' }),
    ],
  },
  {
    rule: 'rule 140: an id that is used again gets a suffix, and so does its result',
    messages: [asks, assistant(call('a')), user(result('a', '1')), assistant(call('a')), user(result('a', '2'))],
    sent: [
      asked,
      model(called('a')),
      says(answered('a', { output: '1' })),
      model(called('a_2')),
      says(answered('a_2', { output: '2' })),
    ],
  },
  {
    rule: 'rule 140: images of results follow behind them',
    messages: [asks, assistant(call('a')), user(result('a', [png()]), text('t'))],
    sent: [
      asked,
      model(called('a')),
      says(answered('a', { output: '[the result is below]' })),
      says(pngPart(), { text: 't' }),
    ],
  },
  {
    rule: 'rule 140: or stand inside of them where the model takes that',
    model: THIRD,
    messages: [asks, assistant(call('a')), user(result('a', [text('see'), png()]))],
    sent: [
      asked,
      model(called('a', 'f', {}, SKIPPED)),
      says(answered('a', { output: 'see' }, 'f', { parts: [pngPart()] })),
    ],
  },
  {
    rule: 'rule 142: a signature of a call goes back to it, and to no other',
    model: THIRD,
    messages: [
      asks,
      assistant(thinking('hm', own('call', 'S')), call('a'), call('b')),
      user(result('a', '1'), result('b', '2')),
    ],
    sent: [
      asked,
      model({ text: 'hm', thought: true }, called('a', 'f', {}, { thoughtSignature: 'S' }), called('b')),
      says(answered('a', { output: '1' }), answered('b', { output: '2' })),
    ],
  },
  {
    rule: 'rule 142: each step has its own',
    model: THIRD,
    messages: [
      asks,
      assistant(thinking('', own('call', 'S1')), call('a')),
      user(result('a', '1')),
      assistant(thinking('', own('call', 'S2')), call('b')),
      user(result('b', '2')),
    ],
    sent: [
      asked,
      model(called('a', 'f', {}, { thoughtSignature: 'S1' })),
      says(answered('a', { output: '1' })),
      model(called('b', 'f', {}, { thoughtSignature: 'S2' })),
      says(answered('b', { output: '2' })),
    ],
  },
  {
    rule: 'rule 142: a signature of a text goes back to it, and not to a call as well',
    model: THIRD,
    messages: [asks, assistant(thinking('', own('text', 'S')), text('t'), call('a')), user(result('a', '1'))],
    sent: [
      asked,
      model({ text: 't', thoughtSignature: 'S' }, called('a', 'f', {}, SKIPPED)),
      says(answered('a', { output: '1' })),
    ],
  },
  {
    rule: 'rule 142: signatures of a thought and of a part without text keep their own parts',
    messages: [
      asks,
      assistant(thinking('hm', own('thought', 'S1')), text('t'), thinking('', own('empty', 'S2')), text('u')),
    ],
    sent: [
      asked,
      model(
        { text: 'hm', thought: true, thoughtSignature: 'S1' },
        { text: 't' },
        { text: '', thoughtSignature: 'S2' },
        { text: 'u' },
      ),
    ],
  },
  {
    rule: 'rule 143: a call without a signature gets the documented value, the first of each step alone',
    model: THIRD,
    messages: [
      asks,
      assistant(call('a'), call('b')),
      user(result('a', '1'), result('b', '2')),
      assistant(call('c')),
      user(result('c', '3')),
    ],
    sent: [
      asked,
      model(called('a', 'f', {}, SKIPPED), called('b')),
      says(answered('a', { output: '1' }), answered('b', { output: '2' })),
      model(called('c', 'f', {}, SKIPPED)),
      says(answered('c', { output: '3' })),
    ],
  },
  ...(['gemini-3-pro-preview', 'gemini-3.1-flash', 'gemini-flash-latest', 'models/gemini-10-ultra'] as const).map(
    (name): Row => ({
      rule: `rule 143: ${name} demands one`,
      model: name,
      messages: [asks, assistant(call('a')), user(result('a', '1'))],
      sent: [asked, model(called('a', 'f', {}, SKIPPED)), says(answered('a', { output: '1' }))],
    }),
  ),
  ...(['gemini-2.5-pro', 'gemini-2.0-flash', 'gemini-1.5-pro-latest', 'gemma-3-27b'] as const).map((name): Row => ({
    rule: `rule 143: ${name} does not`,
    model: name,
    messages: [asks, assistant(call('a')), user(result('a', '1'))],
    sent: [asked, model(called('a')), says(answered('a', { output: '1' }))],
  })),
  ...(
    [
      ['another vendor', signReasoning({ family: 'openai', payload: '{"provider":"google"}' })],
      ['Anthropic', 'EqQBCkYIBxgC'],
      ['another provider of this API', own('call', 'S', 'vertex')],
      ['nobody', ''],
    ] as const
  ).map(([who, signature]): Row => ({
    rule: `rule 143: reasoning of ${who} is left out, its signature too`,
    model: THIRD,
    messages: [asks, assistant(thinking('hm', signature), call('a')), user(result('a', '1'))],
    sent: [asked, model(called('a', 'f', {}, SKIPPED)), says(answered('a', { output: '1' }))],
  })),
  {
    rule: 'rule 143: a signature that a client of this API named itself is replayed to any provider',
    model: THIRD,
    messages: [
      asks,
      assistant(thinking('', sign({ signatures: [{ on: 'call', signature: 'S' }] })), call('a')),
      user(result('a', '1')),
    ],
    sent: [asked, model(called('a', 'f', {}, { thoughtSignature: 'S' })), says(answered('a', { output: '1' }))],
  },
  {
    rule: 'rule 145: parts are not joined, nothing is put between or in place of them',
    messages: [
      asks,
      assistant(text('a'), text('b')),
      user(text('c'), text(''), text('d')),
      assistant(text('')),
      user(text('e')),
    ],
    sent: [asked, model({ text: 'a' }, { text: 'b' }), says({ text: 'c' }, { text: 'd' }), says({ text: 'e' })],
  },
  {
    rule: 'rule 150: arguments that are no object never throw',
    messages: [
      asks,
      assistant(
        call('a', 'f', '{"x":1}'),
        call('b', 'f', '{"x"'),
        call('c', 'f', [1]),
        call('d', 'f', null),
        call('e', 'f', 7),
      ),
      user(result('a'), result('b'), result('c'), result('d'), result('e')),
    ],
    sent: [
      asked,
      model(
        called('a', 'f', { x: 1 }),
        called('b', 'f', { input: '{"x"' }),
        called('c', 'f', { input: [1] }),
        called('d'),
        called('e', 'f', { input: 7 }),
      ),
      says(...['a', 'b', 'c', 'd', 'e'].map((id) => answered(id, { output: '' }))),
    ],
  },
  {
    rule: 'a system message inside of the history keeps its place',
    messages: [asks, { role: 'system', content: 'be brief' }, assistant(text('a'))],
    sent: [asked, says({ text: '<system-reminder>\nbe brief\n</system-reminder>' }), model({ text: 'a' })],
  },
  {
    rule: 'a history that begins or goes on with nothing keeps its turns apart',
    messages: [assistant(text('a')), user(text('')), assistant(text('b'))],
    sent: [says({ text: '…' }), model({ text: 'a' }), says({ text: '…' }), model({ text: 'b' })],
  },
]

describe('a history', () => {
  it.each(HISTORIES)('$rule', ({ messages, sent, model: name }) => {
    expect(contentsOf(messages, name === undefined ? {} : { model: name })).toEqual(sent)
  })
})

describe('settings', () => {
  it.each<readonly [string, Partial<CanonicalRequest>, unknown]>([
    ['a text', { system: 'be kind' }, { parts: [{ text: 'be kind' }] }],
    [
      'blocks, without the billing block',
      {
        system: [
          { type: 'text', text: 'x-anthropic-billing-header: cc_version=1;' },
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { parts: [{ text: 'a\n\nb' }] },
    ],
    [
      'the system messages before the first turn',
      {
        system: 'a',
        messages: [
          { role: 'system', content: 'b' },
          { role: 'user', content: 'q' },
        ],
      },
      { parts: [{ text: 'a\n\nb' }] },
    ],
    ['nothing', {}, undefined],
  ])('rule 137: the system instruction is %s', (_what, request, instruction) => {
    const body = encode({ messages: [asks], ...request })
    expect(body.systemInstruction).toEqual(instruction)
    expect(body.contents).toEqual([asked])
  })

  it('rule 138: limits and sampling stand in generationConfig', () => {
    const body = encode({
      max_tokens: 7,
      temperature: 0,
      top_p: 0.9,
      top_k: 5,
      stop_sequences: ['a', '', 'b', 'c', 'd', 'e', 'f'],
    })
    expect(body.generationConfig).toEqual({
      maxOutputTokens: 7,
      temperature: 0,
      topP: 0.9,
      topK: 5,
      stopSequences: ['a', 'b', 'c', 'd', 'e'],
    })
    expect(encode({}).generationConfig).toBeUndefined()
  })

  it.each([
    ['gemini-3-pro-preview', 65_536],
    ['gemini-2.5-flash', 65_536],
    ['gemini-2.0-flash', 8192],
    ['gemini-7-pro', 128_000],
    ['my-tuned-model', 128_000],
  ])('rule 138: more tokens than %s can give are not asked for', (model, most) => {
    expect(encode({ max_tokens: 128_000 }, { model }).generationConfig).toEqual({ maxOutputTokens: most })
    expect(encode({ max_tokens: 0 }, { model }).generationConfig).toEqual({ maxOutputTokens: 1 })
  })

  const f: Tool = {
    name: 'f',
    description: 'd',
    input_schema: { type: 'object', properties: { a: { type: 'string' } } },
  }

  it.each<readonly [string, CanonicalRequest['tool_choice'], unknown]>([
    ['auto', { type: 'auto' }, { mode: 'AUTO' }],
    ['none', { type: 'none' }, { mode: 'NONE' }],
    ['any', { type: 'any' }, { mode: 'ANY' }],
    ['tool', { type: 'tool', name: 'f' }, { mode: 'ANY', allowedFunctionNames: ['f'] }],
  ])('rule 141: tool_choice %s', (_what, tool_choice, config) => {
    expect(encode({ tools: [f], tool_choice }).toolConfig).toEqual({ functionCallingConfig: config })
  })

  it('rule 141: a tool that is not there is not chosen, and no other one for it', () => {
    expect(encode({ tools: [f], tool_choice: { type: 'tool', name: 'g' } }).toolConfig).toBeUndefined()
  })

  it('rule 141: there is nothing to choose without functions', () => {
    expect(encode({ tool_choice: { type: 'any' } }).toolConfig).toBeUndefined()
  })

  const search: Tool = { type: 'web_search_20250305', name: 'web_search', max_uses: 8 }

  it.each<readonly [string, readonly Tool[], unknown]>([
    ['a search alone', [search], [{ googleSearch: {} }]],
    [
      'a search beside functions is left out',
      [search, f],
      [{ functionDeclarations: [expect.objectContaining({ name: 'f' })] }],
    ],
    ['other server tools are left out', [{ type: 'code_execution_20250522', name: 'code_execution' }], undefined],
    [
      'the placeholder of unloaded tools is left out',
      [
        { name: 'DeferredToolPlaceholder', defer_loading: true },
        { ...f, defer_loading: true },
      ],
      [{ functionDeclarations: [expect.objectContaining({ name: 'f' })] }],
    ],
  ])('rule 149: %s', (_what, tools, sent) => {
    expect(encode({ tools }).tools).toEqual(sent)
  })

  it.each<readonly [string, unknown, unknown]>([
    ['$schema and formats', { $schema: 'x', type: 'string', format: 'uri' }, { type: 'string' }],
    ['const', { const: 'a' }, { type: 'string', enum: ['a'] }],
    ['exclusiveMinimum', { type: 'integer', exclusiveMinimum: 0 }, { type: 'integer', minimum: 1 }],
    [
      'propertyNames',
      { type: 'object', propertyNames: { pattern: 'x' }, additionalProperties: {} },
      { type: 'object' },
    ],
    ['type and null', { type: ['string', 'null'] }, { type: 'string', nullable: true }],
    ['a reference', { $ref: '#/$defs/d' }, { type: 'object', properties: { type: { type: 'string' } } }],
    [
      'properties called like keywords',
      { type: 'object', properties: { type: { type: 'string' } } },
      { type: 'object', properties: { type: { type: 'string' } } },
    ],
  ])('rule 148: %s', (_what, schema, sent) => {
    const input_schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { it: schema },
      additionalProperties: false,
      $defs: { d: { type: 'object', properties: { type: { type: 'string' } } } },
    }
    expect(encode({ tools: [{ name: 'f', input_schema }] }).tools).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: '', parameters: { type: 'object', properties: { it: sent } } },
        ],
      },
    ])
  })

  it('rule 148: a function without parameters declares none', () => {
    for (const input_schema of [undefined, { type: 'object' }, { type: 'object', properties: {} }])
      expect(encode({ tools: [{ name: 'f', input_schema }] }).tools).toEqual([
        { functionDeclarations: [{ name: 'f', description: '' }] },
      ])
  })

  it('asks for JSON by a schema, unless functions would then be refused', () => {
    const output_config = {
      format: { type: 'json_schema', schema: { type: 'object', properties: { a: { const: 1 } } } },
    }
    const config = {
      responseMimeType: 'application/json',
      responseSchema: { type: 'object', properties: { a: { type: 'integer', description: 'Always 1.' } } },
    }
    expect(encode({ output_config }).generationConfig).toEqual(config)
    expect(encode({ output_config, tools: [f] }).generationConfig).toBeUndefined()
    expect(encode({ output_config, tools: [f] }, { model: THIRD }).generationConfig).toEqual(config)
  })

  it('says nothing else of what Claude Code sends', () => {
    const request = {
      metadata: { user_id: 'u' },
      context_management: { edits: [] },
      safeguards: [{ type: 'x' }],
      cache_control: { type: 'ephemeral' },
      betas: ['b'],
      extra: { openai: { seed: 1 } },
    }
    expect(Object.keys(encode(request))).toEqual(['contents'])
  })

  it('keeps what patches add, strips what is for patches only, and changes nothing of the request', () => {
    const request = { model: 'asked', messages: [asks] }
    const outbound = { dialect: 'canonical', baseUrl: '', model: 'm', stream: true, body: request, headers: {} }
    const body = target.encode(request, outbound, fakeAttempt())
    expect(body.ccr_request).toBe(request)
    expect(Object.keys(target.strip!({ ...body, labels: {}, ccr_note: 1 }))).toEqual(['contents', 'labels'])
  })
})
