import { REASONING_MARK, type ClientInput } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { client } from './client.ts'

const PAD = 'x'.repeat(20 * 1024)

function input(body: unknown, headers: ClientInput['headers'] = {}): ClientInput {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return { body: bytes, headers, url: '/v1/messages?beta=true', params: {} }
}

const minimal = { model: 'claude-x', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }

describe('decode', () => {
  it('gives the document itself, unknown fields included', () => {
    const { request } = client.decode(input({ ...minimal, context_management: { edits: [] } }))
    expect(request).toEqual({ ...minimal, context_management: { edits: [] } })
  })

  it('leaves the fields of a large body unparsed', () => {
    const messages = [{ role: 'user', content: PAD }]
    const { request, raw } = client.decode(input({ ...minimal, messages }))
    const field = Object.getOwnPropertyDescriptor(request, 'messages')
    expect(field?.get).toBeTypeOf('function')
    expect(request.messages).toEqual(messages)
    expect(raw?.marked).toBe(false)
  })

  it('does not read the messages of a large body', () => {
    const text = JSON.stringify({ ...minimal, messages: [{ role: 'user', content: PAD }] })
    const parse = JSON.parse
    const parsed: string[] = []
    JSON.parse = (part: string, ...rest: []) => {
      parsed.push(part)
      return parse(part, ...rest) as unknown
    }
    try {
      client.decode(input(text))
    } finally {
      JSON.parse = parse
    }
    expect(parsed.some((part) => part.length > 1000)).toBe(false)
  })

  it('tells where every model stands, and the bytes', () => {
    const text = '{"model":"a","messages":[{}],"x":{"model":"no"}, "model" : "b"}'
    const { raw, request } = client.decode(input(text))
    expect(raw?.bytes.toString()).toBe(text)
    expect(raw?.modelSpans.map(([start, end]) => text.slice(start, end))).toEqual(['"a"', '"b"'])
    expect(request.model).toBe('b')
  })

  it('marks a body that holds reasoning of this router', () => {
    const content = [{ type: 'thinking', thinking: 'a', signature: `${REASONING_MARK}deepseek.` }]
    expect(client.decode(input({ ...minimal, messages: [{ role: 'assistant', content }] })).raw?.marked).toBe(true)
    expect(client.decode(input(minimal)).raw?.marked).toBe(false)
  })

  it.each([
    ['no object', '[]', 'byte 0'],
    ['broken JSON', '{"model":', 'byte 9'],
    ['no model', { messages: [] }, '/model'],
    ['an empty model', { ...minimal, model: '' }, '/model'],
    ['a model that is no string', { ...minimal, model: 5 }, '/model'],
    ['a model with a line end', { ...minimal, model: 'a\nb' }, '/model'],
    ['a model with a C1 control', { ...minimal, model: 'a\u0085b' }, '/model'],
    ['no messages', { model: 'm' }, '/messages'],
    ['messages that are an object', { ...minimal, messages: {} }, '/messages'],
    ['messages that are null', { ...minimal, messages: null }, '/messages'],
    ['messages whose last duplicate is a string', '{"model":"m","messages":[],"messages":"x"}', '/messages'],
    ['no message', { ...minimal, messages: [] }, '/messages must not be empty'],
    ['no message but white space', '{"model":"m","messages" : [ \n ]}', '/messages must not be empty'],
    ['a large body without a message', { ...minimal, system: PAD, messages: [] }, '/messages must not be empty'],
    ['messages whose last duplicate is empty', '{"model":"m","messages":[{}],"messages":[]}', '/messages must not be'],
    ['stream as a string', { ...minimal, stream: 'true' }, '/stream'],
    ['stream as a number', { ...minimal, stream: 1 }, '/stream'],
    ['max_tokens as a string', { ...minimal, max_tokens: '5' }, '/max_tokens'],
    ['max_tokens below 0', { ...minimal, max_tokens: -3 }, '/max_tokens'],
    ['max_tokens between whole numbers', { ...minimal, max_tokens: 1.5 }, '/max_tokens'],
    ['max_tokens beyond all numbers', `{"model":"m","messages":[{}],"max_tokens":1e400}`, '/max_tokens'],
    ['max_tokens null', { ...minimal, max_tokens: null }, '/max_tokens'],
    ['a large body with messages that are no array', { model: 'm', system: PAD, messages: 'x' }, '/messages'],
  ])('refuses %s, naming the place', (_name, body, place) => {
    expect(() => client.decode(input(body))).toThrow(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID', message: expect.stringContaining(place) }),
    )
  })

  it.each([
    ['stream absent', minimal],
    ['stream null', { ...minimal, stream: null }],
    ['stream true', { ...minimal, stream: true }],
    ['max_tokens of 0', { ...minimal, max_tokens: 0 }],
    ['max_tokens in another form', '{"model":"m","messages":[{}],"max_tokens":1.6e1}'],
    ['no max_tokens', { model: 'm', messages: minimal.messages }],
    ['messages after white space', '{"model":"m","messages" : \n [ {}]}'],
  ])('accepts %s', (_name, body) => {
    expect(client.decode(input(body)).request.model).toBeTypeOf('string')
  })

  it('decodes any body or says what is wrong with it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('model', 'messages', 'stream', 'max_tokens', 'metadata'), fc.jsonValue()),
        (body) => {
          try {
            client.decode(input(body))
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: 'CCR_REQUEST_INVALID' })
          }
        },
      ),
    )
  })
})

describe('who asks', () => {
  const uuid = '00000000-0000-4000-8000-000000000000'
  const who = (headers: ClientInput['headers'], metadata?: unknown) =>
    client.decode(input({ ...minimal, metadata }, headers)).client

  it.each([
    ['claude-cli/2.1.330 (external, sdk-cli)', 'claude-cli'],
    ['Anthropic/JS 1.12.0', 'Anthropic'],
    ['node', 'node'],
    ['', 'unknown'],
    ['(weird)', 'unknown'],
    [undefined, 'unknown'],
  ])('%j is %s', (agent, app) => {
    expect(who({ 'user-agent': agent }).app).toBe(app)
  })

  it('takes session, agent and class from their headers', () => {
    expect(
      who({
        'x-claude-code-session-id': uuid,
        'x-claude-code-agent-id': 'aab53d74c8ef47db2',
        'x-claude-code-request-class': 'subagent',
      }),
    ).toEqual({ app: 'unknown', sessionId: uuid, agentId: 'aab53d74c8ef47db2', requestClass: 'subagent' })
  })

  it.each<[string, unknown, string | undefined]>([
    ['at the end', `user_${'0'.repeat(64)}_account__session_${uuid}`, uuid],
    ['in a JSON object', JSON.stringify({ device_id: '0', account_uuid: '', session_id: uuid }), uuid],
    ['nowhere', 'user-7', undefined],
    ['in broken JSON', `{"session_id":"${uuid}"`, undefined],
    ['as no string', '{"session_id":5}', undefined],
    ['with characters that are no identifier', '{"session_id":"a\\nb"}', undefined],
    ['too long', `{"session_id":"${'a'.repeat(65)}"}`, undefined],
    ['in no string', 5, undefined],
    ['as JSON null', 'null', undefined],
  ])('finds a session in metadata.user_id %s', (_name, user_id, sessionId) => {
    expect(who({}, { user_id }).sessionId).toBe(sessionId)
  })

  it('bears metadata of any kind', () => {
    for (const metadata of [null, 5, 'x', []]) expect(who({}, metadata).sessionId).toBeUndefined()
  })

  it('prefers the header to metadata, unless it is no identifier', () => {
    const metadata = { user_id: '_session_from-metadata' }
    expect(who({ 'x-claude-code-session-id': 'from-header' }, metadata).sessionId).toBe('from-header')
    expect(who({ 'x-claude-code-session-id': 'a b' }, metadata).sessionId).toBe('from-metadata')
  })
})

describe('a non-streaming answer', () => {
  it('is the message, or the error with the id of the request', () => {
    const message = { id: 'msg_1' } as never
    expect(client.message(message, {} as never)).toBe(message)
    expect(client.failure({ status: 404, type: 'not_found_error', message: 'no' }, 'req_1')).toEqual({
      type: 'error',
      error: { type: 'not_found_error', message: 'no' },
      request_id: 'req_1',
    })
  })
})
