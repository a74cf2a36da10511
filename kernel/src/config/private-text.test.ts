import { describe, expect, it } from 'vitest'
import { isPrivateField, looksPrivate } from './private-text.ts'

describe('a text that may hold a secret', () => {
  it.each([
    'see https://example.test/v1?model=a&key=abc for it',
    'https://example.test/#access_token=abc',
    '--token=abc',
    'X-Api-Key: abc',
    'curl -H "Authorization: Bearer abc"',
    'ab_AbCdEfGhIjKlMnOpQrStUvWx',
    'https://user:word@example.test/',
  ])('%s', (text) => {
    expect(looksPrivate(text)).toBe(true)
  })

  it.each([
    'https://example.test/v1?model=a&max_tokens=5',
    'http://127.0.0.1:3456/v1',
    'keys of all kinds: none',
    'org/some_model-with-a-long-name-1.5:free',
    'a,b',
    'on_internationalization',
    'token',
    'token=',
  ])('is not %s', (text) => {
    expect(looksPrivate(text)).toBe(false)
  })
})

it.each(['MAIL_PASS', 'db-pwd', 'basic_auth', 'X-Api-Key', 'clientSecret'])('%s is a field that may', (name) => {
  expect(isPrivateField(name)).toBe(true)
})

it.each(['bypass', 'author', 'path', 'max_tokens'])('%s is none', (name) => {
  expect(isPrivateField(name)).toBe(false)
})
