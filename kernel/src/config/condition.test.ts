import type { Exchange } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toCondition } from './condition.ts'
import type { WhenForm } from './schema.ts'

const exchange = (over: Partial<Exchange> = {}): Exchange =>
  ({ dialect: 'anthropic', headers: {}, plan: undefined, ...over }) as Exchange
const planned = (scenario: string) => exchange({ plan: { targets: [], passedOver: [], scenario } })

describe('when', () => {
  const targets: readonly [WhenForm, string, string, boolean][] = [
    [{ provider: 'Local' }, 'local', 'm', true],
    [{ provider: 'local' }, 'localhost', 'm', false],
    [{ provider: ['a', 'local'] }, 'local', 'm', true],
    [{ model: 'llama*' }, 'x', 'llama-3.1:8b', true],
    [{ model: '*/qwen*' }, 'x', 'vendor/qwen3', true],
    [{ model: '*/qwen*' }, 'x', 'qwen3', false],
    [{ model: 'a.c' }, 'x', 'abc', false],
    [{ model: 'gpt-4(o)[x]' }, 'x', 'gpt-4(o)[x]', true],
    [{ provider: 'local', model: 'm*' }, 'local', 'x', false],
    [{ model: '*ab*ba*' }, 'x', 'aba', false],
    [{ model: 'ab*ba' }, 'x', 'aba', false],
    [{ model: '*ab*ab' }, 'x', 'abxab', true],
    [{ model: '**' }, 'x', '', true],
    [{ model: 'ÄÖ*' }, 'x', 'äöü', true],
  ]

  it.each(targets)('%j of %s,%s is %s', (when, provider, model, expected) => {
    const condition = toCondition(when)
    expect(condition.target!({ provider, model })).toBe(expected)
    expect(condition.exchange).toBeUndefined()
  })

  const exchanges: readonly [string, WhenForm, Exchange, boolean][] = [
    ['a dialect', { dialect: 'openai*' }, exchange({ dialect: 'openai-responses' }), true],
    ['another dialect', { dialect: 'openai' }, exchange(), false],
    [
      'a header',
      { header: { 'User-Agent': 'claude-cli/*' } },
      exchange({ headers: { 'user-agent': 'claude-cli/2' } }),
      true,
    ],
    ['an absent header', { header: { 'x-app': 'cli' } }, exchange(), false],
    ['an absent header, whatever its value may be', { header: { 'x-app': '*' } }, exchange(), false],
    ['a repeated header', { header: { 'x-app': '*b' } }, exchange({ headers: { 'x-app': ['a', 'b'] } }), true],
    ['a scenario', { scenario: ['think', 'image'] }, planned('think'), true],
    ['another scenario', { scenario: 'think' }, planned('default'), false],
    ['a scenario that is not decided yet', { scenario: 'think' }, exchange(), true],
    ['two conditions of which one fails', { dialect: 'anthropic', scenario: 'think' }, planned('default'), false],
  ]

  it.each(exchanges)('heeds %s', (_, when, given, expected) => {
    const condition = toCondition(when)
    expect(condition.exchange!(given)).toBe(expected)
    expect(condition.target).toBeUndefined()
  })

  it('matches any text by itself, unless it has a star, and any text by a star', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (text, other) => {
        const holds = (model: string, of: string): boolean =>
          toCondition({ model }).target!({ provider: 'p', model: of })
        expect(holds(text, text)).toBe(true)
        expect(holds('*', other)).toBe(true)
        expect(holds(`${text}*`, text + other)).toBe(true)
        expect(holds(`*${text}`, other + text)).toBe(true)
      }),
    )
  })
})
