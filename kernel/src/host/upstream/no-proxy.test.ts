import { expect, it } from 'vitest'
import { createProxyBypass } from './no-proxy.ts'

it.each([
  [undefined, 'localhost', 80, true],
  [undefined, 'a.localhost', 80, true],
  [undefined, '127.9.9.9', 80, true],
  [undefined, '[::1]', 80, true],
  [undefined, 'api.example', 443, false],
  [undefined, '127.0.0.1.evil.example', 443, false],
  ['*', 'api.example', 443, true],
  ['example', 'api.example', 443, true],
  ['.example', 'api.example', 443, true],
  ['*.example', 'api.example', 443, true],
  ['example', 'api.notexample', 443, false],
  ['api.example:443', 'api.example', 443, true],
  ['api.example:8443', 'api.example', 443, false],
  ['other.test, API.example', 'api.example', 443, true],
  ['other.test api.example', 'api.example', 443, true],
  ['10.0.0.1', '10.0.0.1', 80, true],
  ['[fd00::1]:80', '[fd00::1]', 80, true],
  ['fd00::1', '[fd00::1]', 80, true],
  ['', 'api.example', 443, false],
])('NO_PROXY=%s, %s:%d → %s', (list, hostname, port, expected) => {
  expect(createProxyBypass(list)(hostname, port)).toBe(expected)
})
