import type { CanonicalRequest, Exchange, PluginLog } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { lazyBody } from './lazy-body.ts'
import { legacyRequest } from './legacy-request.ts'

const request: CanonicalRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 }

describe('what a custom router is given', () => {
  const lines: unknown[][] = []
  const at =
    (level: string) =>
    (...line: unknown[]): void =>
      void lines.push([level, ...line])
  const log: PluginLog = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const exchange = {
    id: 'req_1',
    profile: 'default',
    client: { app: 'a', sessionId: 's' },
    headers: { a: '1' },
  } as unknown as Exchange

  it('counts tokens once, for those who ask', () => {
    let counts = 0
    const { given } = legacyRequest(request, exchange, log, () => ++counts)
    expect(counts).toBe(0)
    expect([given.tokenCount, given.tokenCount, counts]).toEqual([1, 1, 1])
    expect(given.headers).toEqual({ a: '1' })
    expect(given.headers).not.toBe(exchange.headers)
  })

  it.each([
    ['default', '/v1/messages'],
    ['work', '/preset/work/v1/messages'],
  ])('is a request of the Messages API to the profile %s', (profile, url) => {
    const { given } = legacyRequest(request, { ...exchange, profile }, log, () => 0)
    expect(given).toMatchObject({ id: 'req_1', method: 'POST', url, query: {}, params: {} })
  })

  it.each([
    ['trace', 'debug'],
    ['debug', 'debug'],
    ['info', 'info'],
    ['warn', 'warn'],
    ['error', 'error'],
    ['fatal', 'error'],
  ] as const)('has a log whose %s is %s', (level, written) => {
    lines.length = 0
    const { [level]: write } = legacyRequest(request, exchange, log, () => 0).given.log
    write('text')
    write({ a: 1 }, 'text')
    write({ a: 1 })
    write(null, 'text')
    write(5, 7)
    expect(lines).toEqual([
      [written, {}, 'text'],
      [written, { a: 1 }, 'text'],
      [written, { a: 1 }, 'custom router'],
      [written, {}, 'text'],
      [written, {}, '7'],
    ])
  })
})

describe('a body that was changed', () => {
  it('keeps what dialects noted beside the fields, whatever it changed', () => {
    const note = Symbol('note')
    const noted: CanonicalRequest = Object.assign({ ...request }, { [note]: 'kept' })
    const { body, changed } = lazyBody(noted)
    expect(body).toEqual(request)
    body['model'] = 'n'
    expect(changed()).toEqual({ ...noted, model: 'n' })
  })

  it('is what will be sent: nothing of it is what the router still holds, or no JSON', () => {
    const { body, changed } = lazyBody(request)
    const metadata = { user_id: 'x' }
    Object.assign(body, { metadata, max_tokens: undefined, later: undefined })
    const sent = changed()
    metadata.user_id = 'changed too late'
    expect(sent).toEqual({ model: 'm', messages: request.messages, metadata: { user_id: 'x' } })
    expect(Object.keys(sent!)).toEqual(['model', 'messages', 'metadata'])
    expect(sent!.messages).toBe(request.messages)
  })

  it('is none where its fields were only read, or set to what they were', () => {
    const { body, changed } = lazyBody(request)
    expect(body['messages']).toEqual(request.messages)
    body['messages'] = [{ role: 'user', content: 'hi' }]
    body['model'] = 'm'
    expect(changed()).toBeUndefined()
    Object.defineProperty(body, 'model', { value: 'n', enumerable: true })
    expect(changed()).toEqual({ ...request, model: 'n' })
  })
})
