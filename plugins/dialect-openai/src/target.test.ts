import { Secret, type CanonicalRequest, type Outbound } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encodeWith, fakeAttempt, target } from '../test/harness.ts'
import plugin from './index.ts'

const outbound = (baseUrl: string, stream = true): Outbound => ({
  dialect: 'openai',
  baseUrl,
  model: 'm',
  stream,
  body: {},
  headers: {},
})

describe('the target', () => {
  it.each([
    ['http://127.0.0.1:1', 'http://127.0.0.1:1/v1/chat/completions'],
    ['http://127.0.0.1:1/v1/', 'http://127.0.0.1:1/v1/chat/completions'],
    ['https://host/api/paas/v4', 'https://host/api/paas/v4/chat/completions'],
    ['https://host/v1/chat/completions?a=1', 'https://host/v1/chat/completions?a=1'],
  ])('%s is asked at %s', (base, url) => {
    expect(target.address(outbound(base), undefined, fakeAttempt()).url).toBe(url)
  })

  it('sends the key as a bearer token, and none where there is none', () => {
    const secret = new Secret('k')
    expect(target.address(outbound('http://h'), secret, fakeAttempt()).auth).toEqual({ scheme: 'bearer', secret })
    expect(target.address(outbound('http://h'), undefined, fakeAttempt()).auth).toBeUndefined()
  })

  it('says what it accepts', () => {
    expect(target.address(outbound('http://h'), undefined, fakeAttempt()).headers).toEqual({
      'content-type': 'application/json',
      accept: 'text/event-stream',
    })
    expect(target.address(outbound('http://h', false), undefined, fakeAttempt()).headers['accept']).toBe(
      'application/json',
    )
  })

  it.each([
    ['text/event-stream', true],
    ['text/event-stream; charset=utf-8', true],
    ['application/json', false],
    ['text/html', false],
    ['', false],
  ])('reads %j as a stream: %s', (type, is) => {
    expect(target.reader(type, fakeAttempt()) !== undefined).toBe(is)
  })

  it('keeps what patches add for their vendor, and strips what is for patches only', () => {
    const request: CanonicalRequest = { model: 'asked', messages: [{ role: 'user', content: 'q' }] }
    const body = target.encode(request, outbound('http://h'), fakeAttempt())
    expect(body.ccr_request).toBe(request)
    const sent = target.strip!({ ...body, thinking: { type: 'disabled' }, ccr_note: 1 })
    expect(Object.keys(sent)).toEqual(['model', 'messages', 'stream', 'stream_options', 'thinking'])
  })

  it('shares schemas with the request and changes nothing in it', () => {
    const input_schema = { type: 'object', properties: {} }
    const request: CanonicalRequest = { model: 'asked', messages: [], tools: [{ name: 'f', input_schema }] }
    expect(target.encode(request, outbound('http://h'), fakeAttempt()).tools?.[0]?.function.parameters).toBe(
      input_schema,
    )
    expect(encodeWith(target, request, fakeAttempt())).toMatchObject({ model: 'real' })
  })

  it('is what the plugin registers, under the name that configs use', () => {
    expect(plugin).toMatchObject({ name: 'dialect-openai', transformers: [{ name: 'OpenAI', dialect: 'openai' }] })
  })
})
