import { expect, it } from 'vitest'
import { typeOfReport, typeOfStatus, typeOfWords } from './failure.ts'

it.each([
  [401, 'authentication_error'],
  ['404', 'not_found_error'],
  [504, 'timeout_error'],
  [500, undefined],
  ['model_not_found', undefined],
  [undefined, undefined],
  [null, undefined],
])('an error inside an answer that names the status %j has the type %s', (status, type) => {
  expect(typeOfStatus(status)).toBe(type)
})

it.each([
  [{ code: 401, type: 'invalid_request_error' }, 'authentication_error'],
  [{ status: '504' }, 'timeout_error'],
  [{ code: 'invalid_api_key' }, 'authentication_error'],
  [{ type: 'insufficient_quota', code: null }, 'permission_error'],
  [{ code: 'model_not_found' }, 'not_found_error'],
  [{ code: 'file_not_found' }, undefined],
  [{ code: 'file_not_found', type: 'invalid_request_error' }, 'invalid_request_error'],
  [{ code: 503, type: 'overloaded_error' }, 'overloaded_error'],
  [{ code: 'slow_down' }, 'overloaded_error'],
  [{ message: 'the api_key is wrong' }, undefined],
])('an error %j inside an answer has the type %s', (error, type) => {
  expect(typeOfReport(error)).toBe(type)
})

it.each([
  [{ code: 401, type: 'invalid_request_error' }, 'invalid_request_error'],
  [{ code: 429 }, 'rate_limit_error'],
  [{ code: 'invalid_api_key' }, undefined],
  [{ code: 'insufficient_quota' }, undefined],
])('an error %j beside a status has the type %s', (error, type) => {
  expect(typeOfWords(error)).toBe(type)
})
