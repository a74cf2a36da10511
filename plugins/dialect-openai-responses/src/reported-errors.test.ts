import { CcrError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fakeAttempt, run, target } from '../test/harness.ts'
import type { ResponsesEvent } from './wire.ts'

/** What the events of a stream report. */
function reported(...events: readonly object[]): unknown {
  const { fault } = run(events as readonly ResponsesEvent[])
  expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR' })
  return (fault as CcrError).cause
}

/** What a whole answer reports. */
function reportedWhole(answer: unknown): unknown {
  try {
    return reported(...target.explode(answer, fakeAttempt()))
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'CCR_STREAM_ERROR' })
    return (thrown as CcrError).cause
  }
}

describe('an error inside a 200 means what its code would mean as a status (fault 34)', () => {
  it.each<readonly [string | number, string]>([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'permission_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [408, 'timeout_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [503, 'api_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
    ['401', 'authentication_error'],
    ['invalid_api_key', 'authentication_error'],
    ['insufficient_quota', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['image_file_not_found', 'invalid_request_error'],
    ['server_error', 'api_error'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['timeout', 'timeout_error'],
  ])('%s', (code, type) => {
    const error = { code, message: 'm', type: null }
    expect(reported({ error })).toEqual({ message: 'm', type })
    expect(reported({ type: 'error', code, message: 'm' })).toEqual({ message: 'm', type })
    expect(reported({ type: 'response.failed', response: { status: 'failed', error } })).toEqual({ message: 'm', type })
    expect(reportedWhole({ error })).toEqual({ message: 'm', type })
  })

  it.each([
    [{ code: 'invalid_api_key', type: 'invalid_request_error' }, 'authentication_error'],
    [{ code: 401, type: 'invalid_request_error' }, 'authentication_error'],
    [{ code: 503, type: 'overloaded_error' }, 'overloaded_error'],
  ])('%o', (error, type) => {
    expect(reported({ error: { message: 'm', ...error } })).toEqual({ message: 'm', type })
  })

  it('where a status says it, the words do not', () => {
    expect(target.error({ error: { message: 'm', code: 'insufficient_quota' } })).toEqual({ message: 'm' })
    expect(target.error({ error: { message: 'm', code: 401 } })).toEqual({ message: 'm' })
  })
})

describe('an error of another shape as the whole answer', () => {
  it.each<readonly [string, object, string]>([
    ['a code and a message', { code: 1001, msg: 'm', success: false }, 'api_error'],
    ['a list of errors', { errors: [{ code: 7003, message: 'm' }], success: false, result: null }, 'api_error'],
    ['a list of texts', { errors: ['m'], code: 401 }, 'authentication_error'],
    ['a detail', { detail: 'm' }, 'api_error'],
    ['an error at the top', { object: 'error', message: 'm', type: 'NotFoundError', code: 404 }, 'not_found_error'],
    ['an error beside its status', { status: 404, error: 'm', path: '/' }, 'not_found_error'],
  ])('%s', (_what, answer, type) => {
    expect(reportedWhole(answer)).toEqual({ message: 'm', type })
    expect(target.error(answer)?.message).toBe('m')
  })

  it.each<readonly [string, object]>([
    ['the answer of another protocol', { model: 'm', message: { role: 'assistant', content: 'Hi' }, done: true }],
    ['an answer in an envelope', { success: true, message: 'ok', data: { output: [] } }],
    ['a completion', { object: 'chat.completion', choices: [] }],
    ['nothing', {}],
  ])('no report: %s', (_what, answer) => {
    expect(() => target.explode(answer, fakeAttempt())).toThrow(/is the base URL/)
  })
})
