import { CcrError } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { chunk, DONE, fakeAttempt, run, target } from '../test/harness.ts'
import type { ChatEvent } from './wire.ts'

/** What the events of a stream report. */
function reported(...events: readonly object[]): unknown {
  const { fault } = run(events as readonly ChatEvent[])
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
    [502, 'api_error'],
    [503, 'api_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
    ['401', 'authentication_error'],
    [1401, 'api_error'],
    ['invalid_api_key', 'authentication_error'],
    ['insufficient_quota', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['request_timeout', 'timeout_error'],
    ['constructor', 'api_error'],
  ])('%s', (code, type) => {
    expect(reported({ error: { code, message: 'm' } })).toEqual({ message: 'm', type })
    expect(reportedWhole({ error: { code, message: 'm' } })).toEqual({ message: 'm', type })
  })

  it.each<readonly [string, object, string]>([
    ['a wrong key', { code: 'invalid_api_key', type: 'invalid_request_error' }, 'authentication_error'],
    ['no such model', { code: 'model_not_found', type: 'invalid_request_error' }, 'not_found_error'],
    ['a wrong field', { code: 'file_not_found', type: 'invalid_request_error' }, 'invalid_request_error'],
    ['a number before words', { code: 401, type: 'invalid_request_error' }, 'authentication_error'],
    ['a number before others', { code: 429, type: 'insufficient_quota' }, 'rate_limit_error'],
    ['words where the number says little', { code: 503, type: 'overloaded_error' }, 'overloaded_error'],
    ['a type', { type: 'AuthenticationError' }, 'authentication_error'],
    ['a type', { type: 'permission_error' }, 'permission_error'],
    ['a type', { type: 'NotFoundError' }, 'not_found_error'],
    ['a type', { type: 'timeout_error' }, 'timeout_error'],
    ['a status', { status: 'UNAUTHENTICATED' }, 'authentication_error'],
    ['a status', { status: 404 }, 'not_found_error'],
  ])('%s: %o', (_what, error, type) => {
    expect(reported({ error: { message: 'm', ...error } })).toEqual({ message: 'm', type })
  })

  it('a full context stays one', () => {
    const error = { code: 'context_length_exceeded', message: 'm', status: 403 }
    expect(reported({ error })).toMatchObject({ type: 'invalid_request_error' })
  })

  it('the code may stand beside the text', () => {
    expect(reported({ error: 'm', code: 401 })).toEqual({ message: 'm', type: 'authentication_error' })
    expect(reported({ error: true, message: 'm', code: 404 })).toEqual({ message: 'm', type: 'not_found_error' })
  })

  it('a choice may hold it', () => {
    const error = { code: 402, message: 'm' }
    expect(reported({ choices: [{ index: 0, delta: {}, finish_reason: 'error', error }] })).toEqual({
      message: 'm',
      type: 'permission_error',
    })
  })
})

describe('where a status says what it means, the words do not', () => {
  it.each<readonly [string, object]>([
    ['a wrong key', { code: 'invalid_api_key', type: 'authentication_error' }],
    ['a spent quota, which is a 429', { code: 'insufficient_quota', type: 'insufficient_quota' }],
    ['a number', { code: 401 }],
  ])('%s', (_what, error) => {
    expect(target.error({ error: { message: 'm', ...error } })).toEqual({ message: 'm', type: undefined })
  })
})

const SHAPES: readonly (readonly [string, object, object])[] = [
  ['a code and a message', { code: 1001, msg: 'm', success: false }, { message: 'm', type: 'api_error' }],
  [
    'a list of errors',
    { errors: [{ code: 7003, message: 'm' }], success: false, result: null },
    { message: 'm', type: 'api_error' },
  ],
  ['a list of texts', { errors: ['m'], code: 401 }, { message: 'm', type: 'authentication_error' }],
  ['a detail', { detail: 'm' }, { message: 'm', type: 'api_error' }],
  [
    'an error at the top',
    { object: 'error', message: 'm', type: 'NotFoundError', code: 404 },
    { message: 'm', type: 'not_found_error' },
  ],
  ['no choices', { id: 'x', choices: null, message: 'm' }, { message: 'm', type: 'api_error' }],
]

describe('an error of another shape inside a 200', () => {
  it.each(SHAPES)('as the whole answer: %s', (_what, answer, cause) => {
    expect(reportedWhole(answer)).toEqual(cause)
  })

  it.each(SHAPES)('as the last event of a stream that did not finish: %s', (_what, event, cause) => {
    expect(reported(chunk({ content: 'Hi' }), event, DONE)).toEqual(cause)
    expect(reported(event)).toEqual(cause)
  })

  it.each(SHAPES)('is read below an error status too: %s', (_what, body) => {
    expect(target.error(body)?.message).toBe('m')
  })

  it('its own message comes before a list of details', () => {
    expect(target.error({ message: 'm', errors: [{ message: 'other' }] })?.message).toBe('m')
  })
})

describe('what is no report', () => {
  it.each<readonly [string, object]>([
    ['the answer of another protocol', { model: 'm', message: { role: 'assistant', content: 'Hi' }, done: true }],
    ['an answer in an envelope', { success: true, message: 'ok', data: { choices: [] } }],
    ['an answer in a numbered envelope', { code: 0, msg: 'ok', data: { choices: [] } }],
    ['a number without words', { code: 1001 }],
    ['nothing', {}],
  ])('%s', (_what, answer) => {
    expect(() => target.explode(answer, fakeAttempt())).toThrow(/is the base URL/)
    expect(run([answer as ChatEvent]).fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
  })

  it('an event that the answer went on behind', () => {
    const { fault } = run([{ message: 'queued' } as ChatEvent, chunk({ content: 'Hi' })])
    expect(fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
    expect(run([{ message: 'queued' } as ChatEvent, chunk({ content: 'Hi' }, 'stop'), DONE]).fault).toBeUndefined()
  })
})
