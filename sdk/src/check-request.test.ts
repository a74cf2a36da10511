import { describe, expect, it } from 'vitest'
import type { CanonicalRequest } from './canonical.ts'
import { checkRequest } from './check-request.ts'

const request = (more: object): CanonicalRequest => ({
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})
const content = (...blocks: unknown[]) => request({ messages: [{ role: 'user', content: blocks }] })

describe('a request for a foreign target', () => {
  it.each<[string, object, RegExp]>([
    [
      'a role',
      request({ messages: [{ role: 'robot', content: '' }] }),
      /\/messages\/0\/role must be user, assistant or system/,
    ],
    ['a list', request({ messages: {} }), /\/messages must be an array/],
    ['a text', content({ type: 'text', text: 1 }), /\/messages\/0\/content\/0\/text must be a string/],
    ['a call', content({ type: 'tool_use', id: 'a' }), /\/content\/0\/name must be a string/],
    [
      'a nested result',
      content({ type: 'tool_result', tool_use_id: 'a', content: [1] }),
      /\/content\/0\/content\/0 must be an object/,
    ],
    ['an image', content({ type: 'image', source: { type: 'url' } }), /\/source\/url must be a string/],
    [
      'an image of bytes',
      content({ type: 'image', source: { type: 'base64', media_type: 'image/png' } }),
      /\/source\/data must be a string/,
    ],
    [
      'the type of such an image',
      content({ type: 'image', source: { type: 'base64', data: '' } }),
      /\/source\/media_type must be a string/,
    ],
    ['a source', content({ type: 'document' }), /\/content\/0\/source must be an object/],
    ['the type of a source', content({ type: 'document', source: {} }), /\/source\/type must be a string/],
    [
      'a block in a document',
      content({ type: 'document', source: { type: 'content', content: [1] } }),
      /\/source\/content\/0 must be an object/,
    ],
    ['the type of a block', content({ text: 'a' }), /\/messages\/0\/content\/0\/type must be a string/],
    ['a system prompt', request({ system: [{ type: 'text' }] }), /\/system\/0\/text must be a string/],
    ['a name', request({ tools: [{ name: 1 }] }), /\/tools\/0\/name must be a string/],
    ['the type of a tool', request({ tools: [{ name: 'a', type: 1 }] }), /\/tools\/0\/type must be a string/],
    ...['tool_choice', 'thinking', 'output_config'].map((field): [string, object, RegExp] => [
      `a field, ${field}`,
      request({ [field]: 'x' }),
      new RegExp(`/${field} must be an object`),
    ]),
    ['a tool', request({ tools: [{ name: 'a', input_schema: [] }] }), /\/tools\/0\/input_schema must be an object/],
    ['a choice', request({ tool_choice: { type: 'tool' } }), /\/tool_choice\/name must be a string/],
  ])('names the place of %s', (_, bad, message) => {
    expect(() => checkRequest(bad as CanonicalRequest)).toThrow(message)
  })

  it('is refused with the code for which clients send their whole history, where that stands elsewhere', () => {
    const refusal = { code: 'CCR_REQUEST_THREAD', details: { error_code: 'thread_not_found' } }
    const continued = { type: 'continue', previous_message_id: 'msg_1' }
    expect(() => checkRequest(request({ thread: continued }))).toThrow(expect.objectContaining(refusal))
    for (const thread of [{ type: 'create' }, null, undefined])
      expect(() => checkRequest(request({ thread }))).not.toThrow()
  })

  it('may leave out what is null, and be of any role', () => {
    const more = { system: null, tools: null, tool_choice: null, thinking: null, output_config: null }
    expect(() => checkRequest(request(more))).not.toThrow()
    const tools = [
      { name: 'a', type: null, input_schema: null },
      { name: 'b', type: 'custom' },
    ]
    const messages = ['user', 'assistant', 'system'].map((role) => ({ role, content: 'a' }))
    expect(() => checkRequest(request({ tools, messages }))).not.toThrow()
    const result = { type: 'tool_result', tool_use_id: 'a' }
    const document = { type: 'document', source: { type: 'url', url: 'http://a' }, content: 1 }
    expect(() => checkRequest(content(result, { ...result, content: null }, document))).not.toThrow()
  })

  it('may hold blocks of a kind that nobody knows', () => {
    expect(() => checkRequest(content({ type: 'later', any: [1] }))).not.toThrow()
  })
})
