import { describe, expect, it } from 'vitest'
import type { UpstreamError } from '../dialect.ts'
import { CcrError, type ErrorCode } from '../errors.ts'
import { replyTo, statusFailure, thrownFailure } from './classify.ts'
import { outcomeOf, retryAfterMsOf, verdictOfStatus, verdictOfType, type FailureReply } from '../failure.ts'

const target = { provider: 'p', model: 'm' }
const failure = (status: number, said?: UpstreamError, headers: Record<string, string> = {}) =>
  statusFailure(target, status, headers, said, (text) => text)

describe('an error status', () => {
  it.each<[string, number, UpstreamError | undefined, object]>([
    ['of a refused request', 400, { message: 'no' }, { status: 400, type: 'invalid_request_error' }],
    [
      'of a refused key, whatever its number',
      400,
      { message: 'API key not valid', type: 'authentication_error' },
      { status: 502, type: 'api_error', shouldRetry: false },
    ],
    [
      'of a key without the right',
      400,
      { message: 'no', type: 'permission_error' },
      { status: 502, type: 'api_error', shouldRetry: false },
    ],
    ['with another word of its own', 400, { type: 'overloaded_error' }, { status: 400, type: 'invalid_request_error' }],
    ['without a word', 500, undefined, { status: 502, type: 'api_error' }],
  ])('%s', (_, status, said, reply) => {
    expect(failure(status, said).reply).toMatchObject(reply)
  })

  it.each([400, 413, 422, 500, 503])(
    'of a prompt that does not fit is a 400 that blames nobody, whatever it was: %d',
    (status) => {
      const message = 'prompt is too long: 9 tokens > 8 maximum'
      const { neutral, reply } = failure(status, { message, type: 'invalid_request_error' })
      expect(reply).toMatchObject({ status: 400, type: 'invalid_request_error' })
      expect([reply.message.endsWith(message), neutral]).toEqual([true, true])
    },
  )

  it('says what the upstream says for programs, in short and without secrets', () => {
    const details = {
      error_code: 'e',
      unsupported: ['key-1'],
      count: 2,
      nested: { a: 1 },
      mixed: ['a', 1],
      text: 'x'.repeat(9_999),
      'has key-1': 1,
    }
    const redact = (text: string): string => text.replaceAll('key-1', '[secret]')
    const said = { message: 'm', details }
    const { details: told } = statusFailure(target, 400, {}, said, redact).reply
    expect(told).toEqual({
      error_code: 'e',
      unsupported: ['[secret]'],
      count: 2,
      text: 'x'.repeat(500),
      'has [secret]': 1,
    })
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`k${index}`, index]))
    expect(Object.keys(failure(400, { details: many }).reply.details!)).toHaveLength(20)
    expect(failure(400, { details: {} }).reply.details).toBeUndefined()
  })

  it.each<[number, UpstreamError | undefined, string | undefined, string, string]>([
    [500, { message: 'm' }, undefined, 'm', 'answered 500: m'],
    [500, { message: 'm\nat line 2' }, undefined, 'm', 'answered 500: m'],
    [500, {}, undefined, 'answered 500', 'answered 500'],
    [500, undefined, 'with HTML', 'answered 500 with HTML', 'answered 500 with HTML'],
    [500, { message: 'm' }, 'with HTML', 'm', 'answered 500 with HTML'],
    [400, { message: 'prompt is too long' }, 'with HTML', 'prompt is too long', 'answered 400: prompt is too long'],
    [299, undefined, undefined, 'answered 299', 'answered 299'],
    ...[300, 399].map((status): [number, undefined, undefined, string, string] => {
      const fact = `redirected (${status}); redirects are not followed`
      return [status, undefined, undefined, fact, fact]
    }),
  ])('%d that says %j, read as %s, is told so', (status, said, unread, message, fact) => {
    const failure = statusFailure(target, status, {}, said, (text) => text, unread)
    expect(failure).toMatchObject({ kind: 'status', status, message })
    expect(failure.reply.message).toBe(`provider 'p' (model 'm') ${fact}`)
  })

  it.each<[unknown, unknown]>([
    [true, true],
    [null, undefined],
    [Array(20).fill('a'), Array(20).fill('a')],
    [Array(21).fill('a'), undefined],
    [[1], undefined],
  ])('keeps %j of what is said for programs as %j', (value, told) => {
    const { details } = failure(400, { details: { value, kept: 1 } }).reply
    expect(details).toEqual({ kept: 1, ...(told !== undefined && { value: told }) })
  })

  it('waits as long as the header says, else as the body says', () => {
    expect(failure(429, { retryAfter: '7' })).toMatchObject({ retryAfterMs: 7_000, reply: { retryAfter: '7' } })
    expect(failure(429, { retryAfter: '7' }, { 'retry-after': '3' }).retryAfterMs).toBe(3_000)
    expect(failure(429, { retryAfter: 'soon' }).retryAfterMs).toBeUndefined()
  })

  it.each<[Record<string, string>, boolean | undefined]>([
    [{ 'retry-after': '60' }, undefined],
    [{ 'retry-after': '61' }, false],
    [{ 'retry-after-ms': '60001' }, false],
    [{ 'retry-after': 'Thu, 31 Dec 2099 00:00:00 GMT' }, false],
  ])('tells a client not to wait longer than 60 s: %j', (headers, shouldRetry) => {
    const { reply } = failure(429, undefined, headers)
    expect(reply.shouldRetry).toBe(shouldRetry)
    expect(reply.retryAfter).toBeDefined()
  })

  it.each([
    [{ 'retry-after-ms': '-5000' }, undefined, undefined],
    [{ 'retry-after-ms': 'Infinity' }, undefined, undefined],
    [{ 'retry-after-ms': '1500.5' }, 1500.5, '2'],
    [{ 'retry-after-ms': '5x' }, undefined, undefined],
    [{ 'retry-after-ms': 'x5' }, undefined, undefined],
    [{ 'retry-after': 'x, Thu, 31 Dec 2099 00:00:00 GMT' }, undefined, undefined],
    [{ 'retry-after': 'Thu, 99 Dec 2099 00:00:00 GMT' }, undefined, undefined],
    [{ 'retry-after-ms': '0', 'retry-after': '3' }, 3_000, '3'],
    [{ 'retry-after': 'garbage', 'retry-after-ms': '7000' }, 7_000, '7'],
    [{ 'retry-after': 'Abc, 1' }, undefined, undefined],
    [{ 'retry-after': '9'.repeat(400) }, undefined, undefined],
    [{ 'retry-after': '-1' }, undefined, undefined],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0, 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ])('passes on no wait that a client could not read: %j', (headers, retryAfterMs, retryAfter) => {
    expect(failure(429, undefined, headers as Record<string, string>)).toMatchObject({
      retryAfterMs,
      reply: { retryAfter },
    })
  })
})

describe('what an upstream says of its limits', () => {
  it('is passed on as it is, without secrets, and nothing else', () => {
    const redact = (text: string): string => text.replaceAll('key-1', '[secret]')
    const headers = {
      'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
      'x-ratelimit-remaining-requests': '0',
      'ratelimit-policy': '"key-1";q=10 \n',
      'retry-after-ms': '1500',
      'x-request-id': 'theirs',
      'set-cookie': 'ratelimit=1',
      server: 's',
    }
    expect(statusFailure(target, 429, headers, undefined, redact).reply.headers).toEqual({
      'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
      'x-ratelimit-remaining-requests': '0',
      'ratelimit-policy': '"[secret]";q=10 %0A',
      'retry-after-ms': '1500',
    })
  })

  it('is passed on as far as clients can take it', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`x-ratelimit-${at}`, 'x'.repeat(1000)]))
    const kept = failure(429, undefined, { ...many, [`x-ratelimit-${'y'.repeat(99)}`]: '1' }).reply.headers!
    expect(JSON.stringify(kept).length).toBeLessThan(6_000)
    expect(Object.keys(kept)).toHaveLength(32)
  })

  it.each(['', '0', '-1', 'soon', 'Infinity'])('is no wait that a client could not read: %j', (wait) => {
    expect(failure(429, undefined, { 'retry-after-ms': wait }).reply.headers).toBeUndefined()
  })
})

describe('a failure of the network', () => {
  it('is told with the origin that was tried, where the transport knows it, without secrets', () => {
    const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED', origin: 'http://secret.local:9' })
    const { reply } = thrownFailure(target, refused, (text) => text.replace('secret', '***'))
    expect(reply.message).toContain('refused the connection (ECONNREFUSED) at http://***.local:9; check that')
  })

  const thrown = (code: string): ReturnType<typeof thrownFailure> =>
    thrownFailure(target, Object.assign(new Error('no'), { code }), (text) => text)

  it.each([
    ['ECONNREFUSED', 'refused the connection', 'check that it runs'],
    ['ENOTFOUND', 'has a host name that does not exist', 'check its api_base_url'],
    ['EAI_AGAIN', 'has a host name that could not be looked up', 'check the network'],
    ['ECONNRESET', 'closed the connection before its answer was complete', 'try again'],
    ['UND_ERR_SOCKET', 'closed the connection before its answer was complete', 'try again'],
    ['EPIPE', 'closed the connection before its answer was complete', 'try again'],
    ['EHOSTUNREACH', 'cannot be reached from here', 'check the network'],
    ['ENETUNREACH', 'cannot be reached from here', 'check the network'],
    ['ETIMEDOUT', 'did not take the connection in time', 'check the network'],
    ['UND_ERR_CONNECT_TIMEOUT', 'did not take the connection in time', 'check the network'],
    ['CERT_HAS_EXPIRED', 'has a certificate that has expired', 'clock'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'has a certificate that is not trusted', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'has a certificate that is not trusted', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'has a certificate that is not trusted', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'has a certificate of another host name', 'check its api_base_url'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'made no TLS connection', 'http://'],
    ['EPROTO', 'made no TLS connection', 'http://'],
    ['HPE_INVALID_CONSTANT', 'gave an answer that is not valid HTTP', 'check its api_base_url'],
    ['UND_ERR_HEADERS_OVERFLOW', 'gave an answer whose head is too large', 'check its api_base_url'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'closed the connection before its answer was complete', 'try again'],
    ['HPE_INVALID_EOF_STATE', 'closed the connection before its answer was complete', 'try again'],
  ])('%s is told in words, and its code in the log', (code, fact, remedy) => {
    const { message, reply } = thrown(code)
    expect(message).toBe(code)
    expect(reply.message).toContain(`provider 'p' (model 'm') ${fact} (${code}); `)
    expect(reply.message.slice(reply.message.indexOf(';'))).toContain(remedy)
  })

  it.each([
    ['ECONNREFUSED', 'network', { status: 502, type: 'api_error' }],
    ['ETIMEDOUT', 'timeout', { status: 504, type: 'timeout_error' }],
    ['CERT_HAS_EXPIRED', 'network', { status: 502, type: 'api_error', shouldRetry: false }],
    ['EWHATEVER', 'network', { status: 502, type: 'api_error' }],
  ])('%s is one of kind %s, and a client is told %j', (code, kind, reply) => {
    expect(thrown(code)).toMatchObject({ kind, reply })
    const cause = new Error('outer', { cause: Object.assign(new Error('inner'), { code }) })
    expect(thrownFailure(target, cause, (text) => text)).toMatchObject({ kind, message: code, reply, cause })
  })

  it.each([
    ['Parse Error: Invalid EOF state', 'HPE_INVALID_EOF_STATE'],
    ['Parse Error: Expected HTTP/', 'HPE_INVALID'],
  ])('of a parser that gives no code has one: %s', (message, code) => {
    const failure = thrownFailure(
      target,
      Object.assign(new Error(message), { name: 'HTTPParserError' }),
      (text) => text,
    )
    expect(failure).toMatchObject({ kind: 'network', message: code })
  })

  it.each([{ code: 7 }, { code: 'ERR_INVALID_ARG_TYPE' }, { code: 'UND_ERR_INVALID_ARG' }, { code: 'Enoent' }, {}])(
    'is none with %j',
    (fields) => {
      const failure = thrownFailure(target, Object.assign(new Error('no\nat x'), fields), (text) => text)
      const message = "the attempt at provider 'p' (model 'm') failed: no"
      expect(failure).toMatchObject({ kind: 'plugin', message, reply: { status: 500, type: 'api_error', message } })
    },
  )

  it('that has no words is told by its code', () => {
    expect(thrown('EWHATEVER').reply).toMatchObject({ status: 502, message: expect.stringContaining('EWHATEVER') })
  })

  it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])(
    'that is a shortage of the router is its own, and says nothing about the provider: %s',
    (code) => {
      const failure = thrown(code)
      expect(outcomeOf(failure)).toBe('neutral')
      expect(failure.message).toBe(code)
      expect(failure.reply).toMatchObject({ status: 529, type: 'overloaded_error', retryAfter: '1' })
      expect(failure.reply.message).toMatch(new RegExp(`^the router .*${code}.*; try again`))
    },
  )
})

describe('an error with a code', () => {
  const subject = "provider 'p' (model 'm')"
  const refused = { status: 400, type: 'invalid_request_error', message: 'm' }
  const inner: FailureReply = { status: 429, type: 'rate_limit_error', message: 'of the inner one' }

  it.each<[ErrorCode, unknown, string, object]>([
    ['CCR_UPSTREAM_TIMEOUT', undefined, 'timeout', { status: 504, type: 'timeout_error', message: 'm' }],
    ['CCR_UPSTREAM_NETWORK', undefined, 'network', { status: 502, type: 'api_error', message: `${subject}: m` }],
    ...(['CCR_STREAM_ENDED', 'CCR_STREAM_INVALID', 'CCR_STREAM_LIMIT', 'CCR_STREAM_ORDER'] as const).map(
      (code): [ErrorCode, unknown, string, object] => [
        code,
        undefined,
        'protocol',
        { status: 502, type: 'api_error', message: `${subject}: m` },
      ],
    ),
    [
      'CCR_STREAM_ERROR',
      { type: 'overloaded_error', message: 'busy', details: { a: 1 } },
      'reported',
      { status: 529, type: 'overloaded_error', message: `${subject} reported an error: busy`, details: { a: 1 } },
    ],
    [
      'CCR_STREAM_ERROR',
      undefined,
      'reported',
      { status: 502, type: 'api_error', message: `${subject} reported an error` },
    ],
    ['CCR_EXCHANGE_FAILED', inner, 'reported', inner],
    ['CCR_EXCHANGE_FAILED', undefined, 'plugin', { status: 500, type: 'api_error', message: 'm' }],
    ['CCR_REQUEST_INVALID', undefined, 'plugin', refused],
    ['CCR_REQUEST_THREAD', undefined, 'plugin', { status: 404, type: 'not_found_error', details: { b: 2 } }],
    ['CCR_HOOK_TIMEOUT', undefined, 'plugin', { status: 500, type: 'api_error', message: 'm' }],
  ])('%s because of %j is one of kind %s', (code, cause, kind, reply) => {
    const error = new CcrError(code, 'm', { cause, details: { b: 2 } })
    const failure = thrownFailure(target, error, (text) => text)
    expect(failure).toMatchObject({ kind, reply, cause: error })
    expect(failure.status).toBe(kind === 'reported' ? failure.reply.status : undefined)
    expect(failure.neutral).toBe(cause === inner ? true : undefined)
  })

  it.each<[ErrorCode, object]>([
    ['CCR_REQUEST_INVALID', refused],
    ['CCR_ROUTE_NONE', { status: 404, type: 'not_found_error', message: 'm' }],
    ['CCR_EXCHANGE_SHUTDOWN', { status: 529, type: 'overloaded_error', message: 'm', retryAfter: '1' }],
    ['CCR_HOOK_FAILED', { status: 500, type: 'api_error', message: 'm' }],
  ])('%s is told a client where no attempt is to blame', (code, reply) => {
    expect(replyTo(new CcrError(code, 'm\nat x'), (text) => text)).toEqual(reply)
  })

  it('any other is not told a client', () => {
    const reply = { status: 500, type: 'api_error', message: 'the router failed; its log says why' }
    expect(replyTo(new Error('secret'), (text) => text)).toEqual(reply)
  })
})

describe('what a failure says about the target', () => {
  const of = (fields: object): string => outcomeOf(fields as Parameters<typeof outcomeOf>[0])

  it.each([
    ['neutral', [400, 413, 415, 422]],
    ['cooldown', [429, 529]],
    ['failure', [401, 403, 404, 408, 500, 502, 503, undefined]],
  ])('%s for %j', (outcome, all) => {
    for (const status of all) expect(of({ kind: 'status', status, reply: verdictOfStatus(status ?? 0) })).toBe(outcome)
  })

  it('is that it asks to be left alone where a 503 says for how long', () => {
    expect(of({ kind: 'status', status: 503, retryAfterMs: 7, reply: verdictOfStatus(503) })).toBe('cooldown')
  })

  it('is that it fails where a status that blames the request comes with the words of a refused key', () => {
    const said = { message: 'no such key', type: 'authentication_error' } as const
    expect(outcomeOf(statusFailure({ provider: 'p', model: 'm' }, 400, {}, said, (text) => text))).toBe('failure')
  })

  it.each([
    ['neutral', 'invalid_request_error'],
    ['neutral', 'request_too_large'],
    ['cooldown', 'rate_limit_error'],
    ['cooldown', 'overloaded_error'],
    ['failure', 'api_error'],
    ['failure', 'authentication_error'],
  ] as const)('%s for an error inside a good answer of type %s', (outcome, type) => {
    expect(of({ kind: 'reported', status: 200, reply: verdictOfType(type) })).toBe(outcome)
  })

  it('is nothing where a handler failed, or it says so itself', () => {
    expect([of({ kind: 'plugin', status: 500 }), of({ kind: 'status', status: 500, neutral: true })]).toEqual([
      'neutral',
      'neutral',
    ])
  })
})

it('a word of an upstream that is a name of every object is no type of a failure', () => {
  expect(verdictOfType('constructor' as never)).toEqual({ status: 502, type: 'api_error' })
})

it.each([
  ['0.5', 500],
  ['Thu, 01 Jan 1970 00:00:10 GMT', 9_000],
  ['Thursday, 01-Jan-70 00:00:10 GMT', 9_000],
  ['Thu, 01 Jan 1970 00:00:10 GMT; x', undefined],
  [undefined, undefined],
])('a wait of %j at the first second is one of %j ms', (value, ms) => {
  expect(retryAfterMsOf(value, 1_000)).toBe(ms)
})
