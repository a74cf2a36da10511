import { describe, expect, it } from 'vitest'
import type { UpstreamError } from './dialect.ts'
import { statusFailure } from './classify.ts'

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

  it('waits as long as the header says, else as the body says', () => {
    expect(failure(429, { retryAfter: '7' })).toMatchObject({ retryAfterMs: 7_000, reply: { retryAfter: '7' } })
    expect(failure(429, { retryAfter: '7' }, { 'retry-after': '3' }).retryAfterMs).toBe(3_000)
    expect(failure(429, { retryAfter: 'soon' }).retryAfterMs).toBeUndefined()
  })
})
