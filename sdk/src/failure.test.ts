import { expect, it } from 'vitest'
import { typeOfStatus } from './failure.ts'

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
