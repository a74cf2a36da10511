import { CcrError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fakeAttempt, run, target } from '../test/harness.ts'
import type { GeminiEvent } from './wire.ts'

/** What a whole answer reports. */
function reportedWhole(answer: unknown): unknown {
  let fault: unknown
  try {
    fault = run(target.explode(answer, fakeAttempt())).fault
  } catch (thrown) {
    fault = thrown
  }
  expect(fault).toMatchObject({ code: 'CCR_STREAM_ERROR' })
  return (fault as CcrError).cause
}

describe('an error inside a 200 means what its code would mean as a status (fault 34)', () => {
  it.each<readonly [number, string]>([
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
  ])('%s', (code, type) => {
    const error = { code, message: 'm' }
    expect(run([{ error } as GeminiEvent]).fault).toMatchObject({ code: 'CCR_STREAM_ERROR', cause: { type } })
    expect(reportedWhole({ error })).toEqual({ message: 'm', type })
    expect(reportedWhole([{ error }])).toEqual({ message: 'm', type })
  })
})

describe('an error of another shape as the whole answer', () => {
  it.each<readonly [string, object, string]>([
    ['a code and a message', { code: 1001, msg: 'm', success: false }, 'api_error'],
    ['a list of errors', { errors: [{ code: 7003, message: 'm' }], success: false, result: null }, 'api_error'],
    ['a list of texts', { errors: ['m'], code: 401 }, 'authentication_error'],
    ['a detail', { detail: 'm' }, 'api_error'],
    ['an error at the top', { code: 404, message: 'm', status: 'NOT_FOUND' }, 'not_found_error'],
  ])('%s', (_what, answer, type) => {
    expect(reportedWhole(answer)).toEqual({ message: 'm', type })
    expect(target.error(answer)?.message).toBe('m')
  })

  it.each<readonly [string, object]>([
    ['the answer of another protocol', { model: 'm', message: { role: 'assistant', content: 'Hi' }, done: true }],
    ['an answer in an envelope', { success: true, message: 'ok', data: { candidates: [] } }],
    ['a completion', { object: 'chat.completion', choices: [] }],
    ['nothing', {}],
  ])('no report: %s', (_what, answer) => {
    expect(() => target.explode(answer, fakeAttempt())).toThrow(/is the base URL/)
  })
})
