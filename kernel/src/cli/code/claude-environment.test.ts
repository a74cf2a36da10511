import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claudeEnvironment } from './claude-environment.ts'

const URL = 'http://127.0.0.1:3456'
const PLAIN = { nonInteractive: false }

test.each([
  ['none', {}, { NO_PROXY: '127.0.0.1' }],
  ['one', { NO_PROXY: 'a.example' }, { NO_PROXY: 'a.example,127.0.0.1' }],
  ['an empty one', { NO_PROXY: '' }, { NO_PROXY: '127.0.0.1' }],
  ['one that has it', { NO_PROXY: '127.0.0.1, a.example' }, { NO_PROXY: '127.0.0.1,a.example' }],
  ['a lower-case one', { no_proxy: 'a.example' }, { NO_PROXY: 'a.example,127.0.0.1', no_proxy: 'a.example,127.0.0.1' }],
  ['both', { NO_PROXY: 'a', no_proxy: 'b' }, { NO_PROXY: 'a,127.0.0.1', no_proxy: 'b,127.0.0.1' }],
])('the list of hosts without a proxy: %s', (_name, env, expected) => {
  const { NO_PROXY, no_proxy } = claudeEnvironment(env, URL, PLAIN)
  expect({ NO_PROXY, ...(no_proxy === undefined ? {} : { no_proxy }) }).toEqual(expected)
})

test('a router at another address is reached directly too', () => {
  expect(claudeEnvironment({}, 'http://[::1]:3456', PLAIN)['NO_PROXY']).toBe('127.0.0.1,::1')
})

test.each([
  ['the config', { API_TIMEOUT_MS: '5' }, 7, '7'],
  ['the environment', { API_TIMEOUT_MS: '5' }, undefined, '5'],
  ['the environment, where the config says nothing of it', { API_TIMEOUT_MS: '5' }, 0, '5'],
  ['the default', {}, undefined, '600000'],
])('the timeout comes from %s', (_name, env, apiTimeoutMs, expected) => {
  expect(claudeEnvironment(env, URL, { ...PLAIN, apiTimeoutMs })['API_TIMEOUT_MS']).toBe(expected)
})

test('any other variable is kept, and what leads past the router is not there', () => {
  const removed = [
    'ANTHROPIC_API_KEY',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
    'CLAUDE_CODE_USE_FOUNDRY',
    'CCR_SUPERVISOR',
  ]
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^OWN_[A-Z]{1,8}$/), fc.string()),
      fc.subarray(removed),
      (own, unwanted) => {
        const env = { ...own, ...Object.fromEntries(unwanted.map((name) => [name, '1'])) }
        const result = claudeEnvironment(env, URL, PLAIN)
        expect(result).toMatchObject(own)
        for (const name of removed) expect(result).not.toHaveProperty(name)
      },
    ),
  )
})

const HINTS = ['CLAUDE_CODE_MAX_CONTEXT_TOKENS', 'CLAUDE_CODE_AUTO_COMPACT_WINDOW', 'CLAUDE_CODE_MAX_OUTPUT_TOKENS']

test.each<[object, (string | undefined)[]]>([
  [{}, [undefined, undefined, undefined]],
  [{ contextTokens: 32_768, outputTokens: 4_096 }, ['32768', undefined, '4096']],
  [{ contextTokens: 131_072 }, ['131072', '131072', undefined]],
  [{ contextTokens: 2_000_000 }, ['2000000', undefined, undefined]],
])('%j is told to the client', (hints, expected) => {
  const env = claudeEnvironment({}, URL, { ...PLAIN, hints })
  expect(HINTS.map((name) => env[name])).toEqual(expected)
  expect(env).toMatchObject({ CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1', CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1' })
})

test('what the user says of the model wins', () => {
  const own = { CLAUDE_CODE_MAX_CONTEXT_TOKENS: '5', CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '' }
  expect(claudeEnvironment(own, URL, { ...PLAIN, hints: { contextTokens: 9 } })).toMatchObject(own)
})
