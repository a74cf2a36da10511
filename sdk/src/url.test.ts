import { describe, expect, it } from 'vitest'
import { endpointUrl } from './url.ts'

const chat = (base: string): string => endpointUrl(base, '/chat/completions', { root: '/v1', always: false })
const messages = (base: string): string => endpointUrl(base, '/messages', { root: '/v1', always: true })

describe('endpointUrl', () => {
  it.each([
    ['a bare origin', 'https://api.example.com', 'https://api.example.com/v1/chat/completions'],
    ['a bare origin with a slash', 'https://api.example.com/', 'https://api.example.com/v1/chat/completions'],
    ['an origin with a port', 'http://127.0.0.1:8080', 'http://127.0.0.1:8080/v1/chat/completions'],
    ['a versioned root', 'https://api.example.com/v1', 'https://api.example.com/v1/chat/completions'],
    ['a versioned root with slashes', 'https://api.example.com/v1//', 'https://api.example.com/v1/chat/completions'],
    [
      'a versioned root below a path',
      'https://example.com/api/paas/v4',
      'https://example.com/api/paas/v4/chat/completions',
    ],
    ['a beta version', 'https://example.com/v1beta', 'https://example.com/v1beta/chat/completions'],
    ['the full URL', 'https://example.com/v1/chat/completions', 'https://example.com/v1/chat/completions'],
    [
      'the full URL with a slash',
      'https://example.com/v1/chat/completions/',
      'https://example.com/v1/chat/completions',
    ],
    ['the full URL without a version', 'https://example.com/chat/completions', 'https://example.com/chat/completions'],
    ['a path without a version', 'https://example.com/v1/openai', 'https://example.com/v1/openai/chat/completions'],
    ['a query', 'https://example.com/v1?api-version=2', 'https://example.com/v1/chat/completions?api-version=2'],
    [
      'the full URL with a query',
      'https://example.com/chat/completions?key=a/b',
      'https://example.com/chat/completions?key=a/b',
    ],
    ['a bare origin with a query', 'https://example.com?a=1', 'https://example.com/v1/chat/completions?a=1'],
    ['nothing of one that ends in #', 'https://example.com/llm/ask?a=1#', 'https://example.com/llm/ask?a=1'],
  ])('completes %s', (_name, base, url) => {
    expect(chat(base)).toBe(url)
  })

  it.each([
    ['a bare origin', 'https://api.example.com', 'https://api.example.com/v1/messages'],
    ['a versioned root', 'https://api.example.com/v1', 'https://api.example.com/v1/messages'],
    ['a path that has a version in its midst', 'https://example.com/v1/x', 'https://example.com/v1/x/v1/messages'],
    ['a path without a version', 'https://example.com/anthropic', 'https://example.com/anthropic/v1/messages'],
    [
      'a path without a version, with slash and query',
      'https://example.com/anthropic/?a=1',
      'https://example.com/anthropic/v1/messages?a=1',
    ],
    ['the full URL', 'https://example.com/anthropic/v1/messages', 'https://example.com/anthropic/v1/messages'],
    ['none that ends in #', 'https://example.com/ask#', 'https://example.com/ask'],
  ])('always adds the version below %s', (_name, base, url) => {
    expect(messages(base)).toBe(url)
  })

  it.each([
    ['https://example.com/v1/chat/completions', 'https://example.com/v1/messages'],
    ['https://example.com/chat/completions/', 'https://example.com/v1/messages'],
    ['https://example.com/api/v1/responses?a=1', 'https://example.com/api/v1/messages?a=1'],
    ['https://example.com/v1beta/models/', 'https://example.com/v1beta/messages'],
    ['https://example.com/v1beta/models/some-model:generate', 'https://example.com/v1beta/messages'],
  ])('takes %s, which is the endpoint of another protocol, for the root above it', (base, url) => {
    expect(messages(base)).toBe(url)
  })

  it.each([
    ['https://example.com/v1/messages', 'https://example.com/v1/chat/completions'],
    ['https://example.com/anthropic/v1/messages', 'https://example.com/anthropic/v1/chat/completions'],
    ['https://example.com/messages', 'https://example.com/v1/chat/completions'],
    ['https://example.com/models', 'https://example.com/models/chat/completions'],
    ['https://example.com/models/chat/completions', 'https://example.com/models/chat/completions'],
    ['https://example.com/v1/messages#', 'https://example.com/v1/messages'],
  ])('is found from %s', (base, url) => {
    expect(chat(base)).toBe(url)
  })

  it('is its own completion', () => {
    for (const base of ['https://a.example', 'https://a.example/x', 'https://a.example/v2?q=1']) {
      expect(messages(messages(base))).toBe(messages(base))
      expect(chat(chat(base))).toBe(chat(base))
    }
  })
})
