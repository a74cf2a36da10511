import type { FailureType } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { target } from '../test/harness.ts'
import { toGoogleError } from './errors.ts'

const google = (code: number, status: string, message = 'm', details: readonly object[] = []): object => ({
  error: { code, message, status, details },
})

describe('an error of the API', () => {
  it.each<readonly [string, unknown, object | undefined]>([
    ['a wrong argument', google(400, 'INVALID_ARGUMENT'), { message: 'm', type: 'invalid_request_error' }],
    [
      'a wrong key, which is a 400',
      google(400, 'INVALID_ARGUMENT', 'API key not valid.', [{ '@type': 'x', reason: 'API_KEY_INVALID' }]),
      { message: 'API key not valid.', type: 'authentication_error' },
    ],
    ['no credentials', google(401, 'UNAUTHENTICATED'), { message: 'm', type: 'authentication_error' }],
    ['no permission', google(403, 'PERMISSION_DENIED'), { message: 'm', type: 'permission_error' }],
    ['no such model', google(404, 'NOT_FOUND'), { message: 'm', type: 'not_found_error' }],
    ['a quota', google(429, 'RESOURCE_EXHAUSTED'), { message: 'm', type: 'rate_limit_error' }],
    [
      'a quota that says when',
      google(429, 'RESOURCE_EXHAUSTED', 'm', [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '6.2s' },
      ]),
      { message: 'm', type: 'rate_limit_error', retryAfter: '7' },
    ],
    ['a fault of its own', google(500, 'INTERNAL'), { message: 'm', type: 'api_error' }],
    [
      'too much to do',
      google(503, 'UNAVAILABLE', 'The model is overloaded.'),
      { message: 'The model is overloaded.', type: 'overloaded_error' },
    ],
    ['not available', google(503, 'UNAVAILABLE'), { message: 'm', type: undefined }],
    ['too late', google(504, 'DEADLINE_EXCEEDED'), { message: 'm', type: 'timeout_error' }],
    ['a code alone', { error: { code: 429, message: 'm' } }, { message: 'm', type: 'rate_limit_error' }],
    ['in a list', [google(429, 'RESOURCE_EXHAUSTED')], { message: 'm', type: 'rate_limit_error' }],
    ['a text', { error: 'm' }, { message: 'm' }],
    ['a message at the top', { message: 'm' }, { message: 'm', type: undefined }],
    ['plain text', ' no such host\n', { message: 'no such host' }],
    ['a page', '<html></html>', undefined],
    ['nothing', undefined, undefined],
    ['an empty object', {}, undefined],
    ['a name of every object as status', google(418, 'constructor'), { message: 'm', type: undefined }],
  ])('%s', (_what, body, read) => {
    expect(target.error(body)).toEqual(read)
  })

  it.each([
    'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
    'The input token count is 1196265 but model only supports up to 1048575.',
    'Unable to submit request because the input token count is 1196265 but the model only supports up to 1048575.',
  ])('that the prompt is too long is said in words that Claude Code knows: %s', (message) => {
    expect(target.error(google(400, 'INVALID_ARGUMENT', message))).toEqual({
      message: `prompt is too long: 1196265 tokens > 1048575 maximum (the provider said: ${message})`,
      type: 'invalid_request_error',
    })
  })

  it('also without the number of the prompt', () => {
    const message = 'The input token count exceeds the maximum number of tokens allowed 1048576.'
    expect(target.error(google(400, 'INVALID_ARGUMENT', message))?.message).toMatch(/^prompt is too long \(/)
  })
})

describe('an error for a client of the API', () => {
  it.each<readonly [FailureType, number, string]>([
    ['invalid_request_error', 400, 'INVALID_ARGUMENT'],
    ['authentication_error', 401, 'UNAUTHENTICATED'],
    ['permission_error', 403, 'PERMISSION_DENIED'],
    ['not_found_error', 404, 'NOT_FOUND'],
    ['request_too_large', 413, 'INVALID_ARGUMENT'],
    ['rate_limit_error', 429, 'RESOURCE_EXHAUSTED'],
    ['api_error', 502, 'INTERNAL'],
    ['timeout_error', 504, 'DEADLINE_EXCEEDED'],
    ['overloaded_error', 529, 'UNAVAILABLE'],
  ])('%s', (type, status, word) => {
    expect(toGoogleError({ status, type, message: 'm' })).toEqual({
      error: { code: status, message: 'm', status: word },
    })
  })
})
