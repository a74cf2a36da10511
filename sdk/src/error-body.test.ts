import { expect, it } from 'vitest'
import { MAX_ERROR_TEXT } from './dialect.ts'
import { readErrorBody } from './error-body.ts'
import { typeOfWords } from './failure.ts'

it.each<readonly [string, unknown, object | undefined]>([
  [
    'message, type and code',
    { error: { message: 'm', type: 'rate_limit_error', code: 'x' } },
    { message: 'm', type: 'rate_limit_error' },
  ],
  ['a text', { error: 'm' }, { message: 'm', type: undefined }],
  ['a message at the top', { message: 'm', code: 400 }, { message: 'm', type: 'invalid_request_error' }],
  ['a detail', { detail: 'm' }, { message: 'm', type: undefined }],
  ['a list of details', { detail: [{ msg: 'm' }] }, { message: '[{"msg":"m"}]', type: undefined }],
  ['a list', [{ error: { message: 'm', status: 'NOT_FOUND' } }], { message: 'm', type: undefined }],
  [
    'the words of a provider behind a gateway',
    { error: { message: 'Provider returned error', metadata: { raw: 'r' } } },
    { message: 'Provider returned error: r', type: undefined },
  ],
  [
    'a context that is too long, by its text',
    { error: { message: 'exceeds the available context size' } },
    {
      message: 'prompt is too long (the provider said: exceeds the available context size)',
      type: 'invalid_request_error',
    },
  ],
  ['a type that is none', { error: { message: null, type: 5, code: null } }, undefined],
  ['a code', { error: { code: 429 } }, { message: undefined, type: 'rate_limit_error' }],
  ['a status', { error: { message: 'm', status: 'OVERLOADED' } }, { message: 'm', type: 'overloaded_error' }],
  ['a size', { error: { message: 'm', code: '413' } }, { message: 'm', type: 'request_too_large' }],
  ['a description', { error: { error_description: 'm' } }, { message: 'm', type: undefined }],
  ['fields beside a text', { error: 'm', type: 'overloaded' }, { message: 'm', type: 'overloaded_error' }],
  ['the words of a provider alone', { metadata: { raw: 'r' } }, { message: 'the provider reported an error: r' }],
  ['no words of a provider', { message: 'm', metadata: { raw: '' } }, { message: 'm' }],
  ['a long message', { message: 'x'.repeat(5_000) }, { message: 'x'.repeat(MAX_ERROR_TEXT) }],
  ['white space', ' \n', undefined],
  ['an indented page', ' <html></html>', undefined],
  ['plain text', 'no such model\n', { message: 'no such model' }],
  ['a page', '<html></html>', undefined],
  ['nothing', undefined, undefined],
  ['a true error', { error: true, message: 'm' }, { message: 'm', type: undefined }],
  ['a list as error', { error: ['m'] }, { message: '["m"]', type: undefined }],
  ['a list of texts', { errors: ['m', 'n'] }, { message: 'm', type: undefined }],
  ['a message before a list', { message: 'm', errors: [{ message: 'n' }] }, { message: 'm', type: undefined }],
  ['an empty object', {}, undefined],
])('the error of a body with %s is read', (_what, body, read) => {
  expect(readErrorBody(body, (error) => ({ type: typeOfWords(error) }))).toEqual(read)
})
