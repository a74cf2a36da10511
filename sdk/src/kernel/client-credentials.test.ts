import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hiding, ofOwnAccount, ownCredentials } from './client-credentials.ts'
import type { Attempt } from '../exchange.ts'
import type { AttemptFailure } from '../failure.ts'

const client = { authorization: 'Bearer token-0123', 'x-api-key': 'key-0123456', cookie: 'a=b' }
const both = { authorization: client.authorization, 'x-api-key': client['x-api-key'] }

describe("a client's own credentials", () => {
  it.each([
    ['https://a.example/v1/messages', both],
    ['https://a.example:443/other', both],
    ['https://a.example:8443/v1', {}],
    ['http://a.example/v1', {}],
    ['https://b.example/v1', {}],
    ['https://a.example.evil/v1', {}],
    ['https://a.example@evil/v1', {}],
    ['not a url', {}],
  ])('for %s are %j', (url, expected) => {
    expect(ownCredentials(client, 'https://a.example/v1', url)).toEqual(expected)
  })

  it('are none where the client sent none', () => {
    expect(ownCredentials({ cookie: 'a=b' }, 'https://a', 'https://a')).toEqual({})
  })

  it('are hidden wherever they stand in any text', () => {
    const word = fc.stringMatching(/^[!-~]{7,40}$/).filter((text) => !'[secret]'.includes(text))
    fc.assert(
      fc.property(word, fc.string(), fc.string(), (token, before, after) => {
        const redact = hiding({ authorization: `Bearer ${token}` }, (text) => text)
        expect(redact(`${before}${token}${after}`)).toContain('[secret]')
        expect(hiding({ 'x-api-key': token }, (text) => text)(token)).toBe('[secret]')
      }),
    )
  })

  it('hide no scheme and nothing short', () => {
    expect(hiding({ authorization: 'Bearer abc' }, (text) => text)('Bearer abc')).toBe('Bearer abc')
  })
})

describe('a refusal of them', () => {
  const attempt = (dialect: string): Attempt =>
    ({ exchange: { dialect: 'one' }, provider: { dialect }, target: { provider: 'p', model: 'm' } }) as Attempt
  const body = Buffer.from('{"error":"no"}')
  const headers = { 'content-type': 'application/json', 'www-authenticate': 'Bearer', 'set-cookie': 'a=b' }
  const failure: AttemptFailure = {
    kind: 'status',
    status: 500,
    message: 'm',
    retryAfterMs: 7,
    reply: { status: 502, type: 'rate_limit_error', message: 'told', retryAfter: '8', shouldRetry: false },
  }
  const refused = (dialect: string, status: number, message = 'secret words'): AttemptFailure =>
    ofOwnAccount(failure, attempt(dialect), { status, headers }, body, { message }, (text) =>
      text.replace('secret', 'hidden'),
    )

  it.each([400, 404, 408, 500, 529])('is not what %i says', (status) => {
    expect(refused('one', status)).toBe(failure)
  })

  it.each([402, 429])('is not all that %i says, which is passed on to the same dialect', (status) => {
    const seen = { 'content-type': 'application/json', 'www-authenticate': 'Bearer' }
    const reply = { status, type: 'rate_limit_error', message: 'told', headers: seen, body }
    expect(refused('one', status)).toStrictEqual({ ...failure, reply })
    expect(refused('two', status)).toBe(failure)
  })

  it('is passed on to the same dialect where a 400 says that no money is left', () => {
    const { status, body: told } = refused('one', 400, 'Your credit balance is too low.').reply
    expect([status, told]).toEqual([400, body])
  })

  it.each([
    [401, 'authentication_error'],
    [403, 'permission_error'],
  ])('%i is passed on to the same dialect, blames nobody, and logs no words', (status, type) => {
    expect(refused('one', status)).toEqual({
      kind: 'status',
      status,
      neutral: true,
      message: `answered ${status} to the credentials of the client`,
      reply: {
        status,
        type,
        message: expect.stringContaining('hidden words') as string,
        headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer' },
        body,
      },
    })
  })

  it('is told to another dialect in its own form', () => {
    const { reply } = refused('two', 401)
    expect(reply).toMatchObject({ status: 401, type: 'authentication_error' })
    expect(reply).not.toHaveProperty('body')
    expect(reply).not.toHaveProperty('headers')
  })
})
