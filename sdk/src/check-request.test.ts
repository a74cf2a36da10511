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

  it('may hold blocks of a kind that nobody knows', () => {
    expect(() => checkRequest(content({ type: 'later', any: [1] }))).not.toThrow()
  })
})
