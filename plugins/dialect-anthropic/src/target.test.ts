import { Secret, signReasoning, type Attempt, type CanonicalRequest, type HeaderBag, type Outbound } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { createModelTraits } from './model-traits.ts'
import { createTarget } from './target.ts'

const target = createTarget(createModelTraits())

function attempt(headers: HeaderBag = {}, dialect = 'anthropic'): Attempt {
  const exchange = { dialect, headers, locals: {}, newId: (prefix: string) => `${prefix}new` }
  return { exchange, target: { provider: 'p', model: 'target-model' }, provider: {} } as unknown as Attempt
}

function outbound(more: Partial<Outbound> = {}): Outbound {
  return {
    dialect: 'canonical',
    baseUrl: 'https://api.example.com',
    model: 'target-model',
    stream: true,
    body: {},
    headers: {},
    ...more,
  }
}

describe('encode', () => {
  const request: CanonicalRequest = {
    model: 'p,target-model',
    max_tokens: 5,
    stream: false,
    messages: [{ role: 'user', content: 'hi' }],
    context_management: { edits: [] },
    extra: { openai: { n: 1 } },
  }

  it('names the target and whether to stream, keeps unknown fields, and drops those of other dialects', () => {
    const before = JSON.stringify(request)
    expect(target.encode(request, outbound(), attempt())).toEqual({
      model: 'target-model',
      max_tokens: 5,
      stream: true,
      messages: request.messages,
      context_management: { edits: [] },
    })
    expect(target.encode(request, outbound({ stream: false }), attempt())).toMatchObject({ stream: false })
    expect(JSON.stringify(request)).toBe(before)
  })

  it('says how long an answer may be where the client has not', () => {
    const { max_tokens: _absent, ...open } = request
    expect(target.encode(open, outbound(), attempt())).toMatchObject({ max_tokens: 8192 })
  })

  it('meets the demands of this protocol for clients of others, and leaves its own clients what they say', () => {
    const { max_tokens: _absent, ...open } = request
    const wanting = { ...open, thinking: { type: 'enabled' as const, budget_tokens: 24_576 }, temperature: 2 }
    expect(target.encode(wanting, outbound(), attempt({}, 'gemini'))).toMatchObject({
      max_tokens: 32_768,
      thinking: wanting.thinking,
    })
    expect(target.encode(wanting, outbound(), attempt())).toMatchObject({
      max_tokens: 8192,
      thinking: wanting.thinking,
      temperature: 2,
    })
  })

  it('names tools as the protocol takes them, and gives the answer the names of the client', () => {
    const from = attempt({}, 'openai')
    const sent = target.encode({ ...request, tools: [{ name: 'fs.read' }] }, outbound(), from) as CanonicalRequest
    const [tool] = sent.tools!
    expect(tool).toMatchObject({ name: expect.stringMatching(/^fs_read_\w+$/), input_schema: { type: 'object' } })
    const content = [{ type: 'tool_use', id: 'toolu_1', name: tool!.name, input: { a: 1 } }]
    const read: unknown[] = []
    const decoder = target.decoder(from)
    for (const event of target.explode({ content, stop_reason: 'tool_use' }, from))
      decoder.chunk(event, (one) => read.push(one))
    expect(read).toContainEqual(
      expect.objectContaining({ content_block: { ...content[0], name: 'fs.read', input: {} } }),
    )
  })

  it('names what it cannot hold of the clients of others', () => {
    const audio = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }
    const heard = { ...request, messages: [{ role: 'user' as const, content: [audio] }] }
    const said = [{ type: 'text', text: '[content of type input_audio cannot be shown to this model]' }]
    expect(target.encode(heard, outbound(), attempt({}, 'openai'))).toMatchObject({ messages: [{ content: said }] })
    expect(target.encode(heard, outbound(), attempt())).toMatchObject({ messages: heard.messages })
  })

  it('answers every call of the clients of others at once, and leaves its own clients what they say', () => {
    const call = { type: 'tool_use', id: 'function_call', name: 'f', input: {} }
    const messages = [
      ...request.messages,
      { role: 'assistant' as const, content: [call] },
      ...request.messages,
      call,
    ].map((one) => ('role' in one ? one : { role: 'assistant' as const, content: [one] }))
    const sent = target.encode({ ...request, messages }, outbound(), attempt({}, 'openai')) as CanonicalRequest
    expect(sent.messages.map(({ content }) => (typeof content === 'string' ? content : content[0]))).toMatchObject([
      'hi',
      { id: 'function_call' },
      { tool_use_id: 'function_call', is_error: true },
      'hi',
      { id: 'function_call_2' },
      { tool_use_id: 'function_call_2', is_error: true },
    ])
    expect(target.encode({ ...request, messages }, outbound(), attempt())).toMatchObject({ messages })
  })

  it('takes the schema of an answer and the choice of tools as far as this protocol does', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', minLength: 1 } } }
    const asking = {
      ...request,
      tool_choice: { type: 'auto' as const },
      output_config: { format: { type: 'json_schema', schema } },
    }
    const sent = target.encode(asking, outbound(), attempt({}, 'gemini'))
    expect(sent).toMatchObject({ output_config: { format: { schema: { additionalProperties: false } } } })
    expect(sent).not.toHaveProperty('tool_choice')
    expect(target.encode(asking, outbound(), attempt())).toMatchObject({
      output_config: asking.output_config,
      tool_choice: asking.tool_choice,
    })
  })

  it('drops reasoning that this router signed', () => {
    const foreign = { type: 'thinking', thinking: 'a', signature: signReasoning({ family: 'x', payload: '' }) }
    const messages = [{ role: 'assistant' as const, content: [foreign, { type: 'text', text: 'b' }] }]
    expect(target.encode({ ...request, messages }, outbound(), attempt())).toMatchObject({
      messages: [{ role: 'assistant', content: [{ type: 'text', text: 'b' }] }],
    })
  })
})

describe('address', () => {
  const url = (baseUrl: string, headers: HeaderBag = {}) =>
    target.address(outbound({ baseUrl }), undefined, attempt(headers)).url

  it.each([
    ['https://api.example.com', 'https://api.example.com/v1/messages'],
    ['https://api.example.com/v1/', 'https://api.example.com/v1/messages'],
    ['https://api.example.com/anthropic', 'https://api.example.com/anthropic/v1/messages'],
    ['https://api.example.com/v1/messages', 'https://api.example.com/v1/messages'],
    ['https://api.example.com/v1/messages?a=1', 'https://api.example.com/v1/messages?a=1'],
  ])('completes %s', (base, whole) => {
    expect(url(base)).toBe(whole)
  })

  it('asks for beta in the query when the client uses beta features', () => {
    const headers = { 'anthropic-beta': 'effort-2025-11-24' }
    expect(url('https://a.example', headers)).toBe('https://a.example/v1/messages?beta=true')
    expect(url('https://a.example?x=1', headers)).toBe('https://a.example/v1/messages?x=1&beta=true')
    expect(url('https://a.example?beta=false', headers)).toBe('https://a.example/v1/messages?beta=false')
    const own = outbound({ headers: { 'anthropic-beta': 'set-by-a-handler' } })
    expect(target.address(own, undefined, attempt(headers))).toMatchObject({
      url: expect.stringMatching(/\?beta=true$/),
    })
  })

  it('rule 10: sends the key as a bearer token alone where it is to', () => {
    const secret = new Secret('k')
    const told = (dialectOptions: object): Attempt => ({ ...attempt(), provider: { dialectOptions } }) as Attempt
    expect(target.address(outbound(), secret, told({ UseBearer: true })).auth).toEqual({ scheme: 'bearer', secret })
    for (const options of [{ UseBearer: false }, {}])
      expect(target.address(outbound(), secret, told(options)).auth).toMatchObject({ name: 'x-api-key' })
  })

  it('sends the key as x-api-key, and nothing without one', () => {
    const secret = new Secret('k')
    expect(target.address(outbound(), secret, attempt()).auth).toEqual({ scheme: 'header', name: 'x-api-key', secret })
    expect(target.address(outbound(), undefined, attempt()).auth).toBeUndefined()
  })

  const sent: HeaderBag = {
    'anthropic-version': '2024-01-01',
    'anthropic-beta': ['a', 'b'],
    'anthropic-dangerous-direct-browser-access': 'true',
    'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)',
    'x-app': 'cli',
    'x-stainless-retry-count': '0',
    'x-claude-code-session-id': 'id',
    'x-claude-1p-request-class': 'main',
    authorization: 'Bearer client-key',
    'x-api-key': 'client-key',
    cookie: 'c',
    host: '127.0.0.1:1',
    connection: 'keep-alive',
    'content-length': '5',
    'transfer-encoding': 'chunked',
    'accept-encoding': 'zstd',
    'x-forwarded-for': '10.0.0.1',
    'x-appendix': 'no',
  }

  it('lets only the headers of its list travel', () => {
    expect(target.address(outbound(), undefined, attempt(sent)).headers).toEqual({
      'anthropic-version': '2024-01-01',
      'anthropic-beta': 'a, b',
      'anthropic-dangerous-direct-browser-access': 'true',
      'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)',
      'x-app': 'cli',
      'x-stainless-retry-count': '0',
      'x-claude-code-session-id': 'id',
      'x-claude-1p-request-class': 'main',
    })
  })

  it('lets none travel from a client of another dialect', () => {
    expect(target.address(outbound(), undefined, attempt(sent, 'openai'))).toEqual({
      url: 'https://api.example.com/v1/messages',
      headers: { 'anthropic-version': '2023-06-01' },
    })
  })

  it('leaves what a handler has set', () => {
    const headers = { 'anthropic-version': 'theirs', 'user-agent': 'theirs' }
    const address = target.address(outbound({ headers }), undefined, attempt(sent))
    expect(address.headers).not.toHaveProperty('anthropic-version')
    expect(address.headers).not.toHaveProperty('user-agent')
  })
})

describe('explode', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 2 },
  }

  it('gives the events of a whole message', () => {
    expect(target.explode(message, attempt()).map((event) => event.type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  it('fills in what clients rely on', () => {
    const [start] = target.explode({ content: [], stop_reason: 'end_turn' }, attempt())
    expect(start).toMatchObject({
      message: { id: 'msg_new', type: 'message', role: 'assistant', model: 'target-model', usage: { input_tokens: 0 } },
    })
  })

  it('keeps what the message says itself, and takes nothing for what it is not', () => {
    const own = { ...message, later: 1, stop_sequence: 'END' }
    const [start, ...rest] = target.explode(own, attempt())
    expect(start).toMatchObject({ message: { id: 'msg_1', model: 'm', later: 1, usage: { input_tokens: 1 } } })
    expect(rest.at(-2)).toMatchObject({
      delta: { stop_reason: 'end_turn', stop_sequence: 'END' },
      usage: message.usage,
    })
    const odd = target.explode({ content: [], stop_reason: 'later', stop_sequence: {}, usage: [] }, attempt())
    const usage = { input_tokens: 0, output_tokens: 0 }
    expect(odd.at(-2)).toMatchObject({ delta: { stop_reason: 'later', stop_sequence: null }, usage })
  })

  it.each([null, undefined, 5])('row 65: invents no stop reason where it has %j', (stop_reason) => {
    const ended = expect.objectContaining({ code: 'CCR_STREAM_ENDED' }) as Error
    expect(() => target.explode({ ...message, stop_reason }, attempt())).toThrow(ended)
  })

  it.each([
    ['a string', '<html>'],
    ['null', null],
    ['an array', []],
    ['an empty object', {}],
    ['another type', { ...message, type: 'completion' }],
    ['content that is a string', { ...message, content: 'hi' }],
    ['content that is null', { ...message, content: null }],
    ['a block without a type', { ...message, content: [{ text: 'hi' }] }],
    ['a block that is null', { ...message, content: [null] }],
  ])('refuses %s', (_name, answer) => {
    expect(() => target.explode(answer, attempt())).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })

  it.each([
    [
      'an error',
      { type: 'error', error: { type: 'overloaded_error', message: 'busy' } },
      { type: 'overloaded_error', message: 'busy' },
    ],
    ['an error without its type', { error: { message: 'busy' } }, { message: 'busy' }],
    [
      'an error of a type that is none of ours',
      { error: { type: 'server_busy', message: 'busy' } },
      { message: 'busy' },
    ],
    ['an error as a string', { error: 'busy' }, { message: 'busy' }],
    ['an error without content', { type: 'error' }, {}],
  ])('throws what the upstream says in %s', (_name, answer, cause) => {
    expect(() => target.explode(answer, attempt())).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_ERROR', cause }),
    )
  })
})

describe('error', () => {
  it.each([
    [
      { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' }, request_id: 'r' },
      { type: 'rate_limit_error', message: 'slow down' },
    ],
    [{ error: { type: 'billing_error', message: 'pay' } }, { type: undefined, message: 'pay' }],
    [
      { error: { message: 'm', details: { error_code: 'x' } } },
      { type: undefined, message: 'm', details: { error_code: 'x' } },
    ],
    [{ error: { message: 'm', details: 'x', type: 5 } }, { type: undefined, message: 'm', details: undefined }],
    [
      { error: { message: 'm', type: 'x', code: 'context_length_exceeded' } },
      { type: 'invalid_request_error', message: 'prompt is too long (the provider said: m)' },
    ],
    [{ error: { message: 5 } }, { type: undefined, message: undefined }],
    [{ error: 'text' }, { message: 'text' }],
    [{ message: 'text' }, undefined],
    ['<html>', undefined],
    [null, undefined],
    [undefined, undefined],
    [{ error: null }, undefined],
  ])('reads %j', (body, error) => {
    expect(target.error(body)).toEqual(error)
  })
})

describe('reader', () => {
  it.each([
    ['text/event-stream', true],
    ['text/event-stream; charset=utf-8', true],
    ['Text/Event-Stream;charset=utf-8', true],
    ['application/json', false],
    ['text/event-streams', false],
    ['text/html', false],
    ['', false],
  ])('reads %j: %s', (contentType, reads) => {
    expect(target.reader(contentType, attempt()) !== undefined).toBe(reads)
  })
})

it.each([undefined, null, ''])('a call of a whole answer whose id is %j gets one', (id) => {
  const decoder = target.decoder(attempt())
  const read: unknown[] = []
  const content = [{ type: 'tool_use', id, name: 'Read', input: { file: 'a' } }]
  for (const event of target.explode({ content, stop_reason: 'tool_use' }, attempt()))
    void decoder.chunk(event, (one) => read.push(one))
  expect(read).toContainEqual({
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'tool_use', id: 'toolu_new', name: 'Read', input: {} },
  })
})
