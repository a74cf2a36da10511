import { describe, expect, it } from 'vitest'
import { askedThinking, budgetOfEffort, effortOfBudget } from './asked-thinking.ts'
import type { CanonicalRequest } from './canonical.ts'

describe('what a request asks of thinking', () => {
  it.each<[string, Pick<CanonicalRequest, 'thinking' | 'output_config'>, unknown]>([
    ['nothing', {}, undefined],
    ['an effort without thinking', { output_config: { effort: 'high' } }, undefined],
    ['what no other vendor has', { thinking: { type: 'between_tools' } }, undefined],
    ['none', { thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, { on: false }],
    ['a budget of nothing', { thinking: { type: 'enabled', budget_tokens: 0 } }, { on: false }],
    ['a budget', { thinking: { type: 'enabled', budget_tokens: 5000 } }, { on: true, effort: 'medium', budget: 5000 }],
    ['as much as it likes', { thinking: { type: 'adaptive' } }, { on: true, effort: undefined, budget: undefined }],
    [
      'an effort',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      { on: true, effort: 'xhigh', budget: undefined },
    ],
    [
      'an effort that is no word',
      { thinking: { type: 'adaptive' }, output_config: { effort: 3 as unknown as string } },
      { on: true, effort: undefined, budget: undefined },
    ],
  ])('%s', (_, request, expected) => {
    expect(askedThinking(request)).toEqual(expected)
  })

  it('turns budgets into efforts by steps', () => {
    expect([1, 1024, 1025, 8192, 8193, 1e9].map(effortOfBudget)).toEqual([
      'low',
      'low',
      'medium',
      'medium',
      'high',
      'high',
    ])
  })

  it('turns efforts into budgets that are worth the same effort', () => {
    for (const effort of ['low', 'medium', 'high'])
      expect(effortOfBudget(budgetOfEffort(effort) ?? Number.NaN)).toBe(effort)
    expect([budgetOfEffort('max'), budgetOfEffort('toString'), budgetOfEffort(null)]).toEqual([
      24_576,
      undefined,
      undefined,
    ])
  })
})
