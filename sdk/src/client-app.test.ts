import { describe, expect, it } from 'vitest'
import { appOf } from './client-app.ts'

describe('the product that asks', () => {
  it.each([
    ['claude-cli/2.1.0 (external, cli)', 'claude-cli'],
    ['curl', 'curl'],
    ['a'.repeat(80), 'a'.repeat(64)],
    ['evil\n"line"', 'evil'],
    ['', 'unknown'],
    ['(odd)', 'unknown'],
    [undefined, 'unknown'],
  ])('is the first token of the user agent: %j', (agent, app) => {
    expect(appOf({ 'user-agent': agent })).toBe(app)
  })
})
