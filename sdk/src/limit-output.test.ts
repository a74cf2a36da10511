import { describe, expect, it } from 'vitest'
import type { CanonicalRequest } from './canonical.ts'
import { limitOutput } from './limit-output.ts'

const request = (fields: object): CanonicalRequest => ({ model: 'm', messages: [], ...fields })
const thinking = (budget_tokens: unknown): object => ({ thinking: { type: 'enabled', budget_tokens } })

describe('limitOutput', () => {
  it.each([
    ['a larger limit is lowered', { max_tokens: 9 }, 5, { max_tokens: 5 }],
    [
      'a budget that would not fit any more keeps its share',
      { max_tokens: 32_000, ...thinking(31_999) },
      16_384,
      { max_tokens: 16_384, ...thinking(16_383) },
    ],
    [
      'the budget is never below the least that there is',
      { max_tokens: 20_000, ...thinking(4096) },
      4096,
      { max_tokens: 4096, ...thinking(1024) },
    ],
    [
      'thinking is off where not even that leaves room for an answer',
      { max_tokens: 20_000, ...thinking(4096) },
      1024,
      { max_tokens: 1024, thinking: { type: 'disabled' } },
    ],
    [
      'a budget that fits stays',
      { max_tokens: 32_000, ...thinking(4096) },
      8192,
      { max_tokens: 8192, ...thinking(4096) },
    ],
    [
      'a budget that is not a part of one answer stays: the client thinks between calls',
      { max_tokens: 9000, ...thinking(20_000) },
      8192,
      { max_tokens: 8192, ...thinking(20_000) },
    ],
    [
      'other thinking has no budget',
      { max_tokens: 9, thinking: { type: 'adaptive' } },
      5,
      { max_tokens: 5, thinking: { type: 'adaptive' } },
    ],
    [
      'what is no budget stays',
      { max_tokens: 9000, ...thinking('5000') },
      4000,
      { max_tokens: 4000, ...thinking('5000') },
    ],
    ['what is no thinking stays', { max_tokens: 9, thinking: null }, 5, { max_tokens: 5, thinking: null }],
  ])('%s', (_, given, most, expected) => {
    expect(limitOutput(request(given), most)).toEqual(request(expected))
  })

  it.each([
    ['that asks for as much', { max_tokens: 5, ...thinking(9) }],
    ['that asks for less', { max_tokens: 4 }],
    ['that says nothing', {}],
    ['whose limit is no number', { max_tokens: '9' }],
  ])('a request %s is the very same', (_, given) => {
    const same = request(given)
    expect(limitOutput(same, 5)).toBe(same)
  })
})
