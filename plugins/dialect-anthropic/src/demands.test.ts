import type { CanonicalRequest } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meetDemands, withoutIdleChoice } from './demands.ts'

const base: CanonicalRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const enabled = (budget_tokens: number) => ({ type: 'enabled', budget_tokens }) as const
const adaptive = { type: 'adaptive' } as const

/** What becomes of these settings. */
function met(settings: Partial<CanonicalRequest>): Partial<CanonicalRequest> {
  const { model: _model, messages: _messages, ...rest } = meetDemands({ ...base, ...settings })
  return rest
}

describe('the budget of thinking', () => {
  it.each<[string, number, number | undefined, number | undefined, number | undefined]>([
    ['gets room where no limit is stated', 24_576, undefined, 24_576, 32_768],
    ['is never too small', 512, undefined, 1024, 9216],
    ['is raised where that fits', 512, 2000, 1024, 2000],
    ['stays where it fits', 2000, 4000, 2000, 4000],
    ['gives way to the limit', 24_576, 8192, 4096, 8192],
    ['is never the whole limit', 4096, 4096, 2048, 4096],
    ['gives way as far as it may', 24_576, 1025, 1024, 1025],
    ['is gone where it cannot fit', 512, 400, undefined, 400],
    ['is gone where it would be the whole answer', 1024, 1024, undefined, 1024],
  ])('%s', (_name, asked, limit, budget, max_tokens) => {
    const { thinking, ...rest } = met({ thinking: enabled(asked), ...(limit && { max_tokens: limit }) })
    expect([thinking, rest]).toEqual([budget && enabled(budget), { max_tokens }])
  })

  it('is for any two numbers at least 1024 and below the limit, or thinking is off', () => {
    fc.assert(
      fc.property(
        fc.nat(70_000),
        fc.option(fc.integer({ min: 1, max: 70_000 }), { nil: undefined }),
        (asked, limit) => {
          const { thinking, max_tokens } = met({ thinking: enabled(asked), ...(limit && { max_tokens: limit }) })
          if (thinking === undefined) return void expect(max_tokens).toBeLessThanOrEqual(1024)
          const budget = (thinking as { budget_tokens: number }).budget_tokens
          expect(budget).toBeGreaterThanOrEqual(1024)
          expect(budget).toBeLessThan(max_tokens!)
        },
      ),
    )
  })
})

describe('what thinking forbids', () => {
  it('a tool loop that did not begin with it turns it off', () => {
    const call = { type: 'tool_use', id: 'call_1', name: 'read', input: {} } as const
    const result = { type: 'tool_result', tool_use_id: 'call_1', content: 'x' } as const
    const messages = [
      ...base.messages,
      { role: 'assistant', content: [call] },
      { role: 'user', content: [result] },
    ] as const
    expect(met({ thinking: enabled(2048), messages, max_tokens: 9 })).toEqual({ max_tokens: 9 })
  })

  it.each<[string, Partial<CanonicalRequest>, Partial<CanonicalRequest>]>([
    [
      'a forced choice of any tool turns it off',
      { thinking: adaptive, tool_choice: { type: 'any' }, temperature: 0 },
      { tool_choice: { type: 'any' }, temperature: 0 },
    ],
    [
      'so does one of a certain tool',
      { thinking: enabled(2048), tool_choice: { type: 'tool', name: 'a' } },
      { tool_choice: { type: 'tool', name: 'a' } },
    ],
    [
      'where it is off already, nothing goes with it',
      { thinking: { type: 'disabled' }, tool_choice: { type: 'any' } },
      { thinking: { type: 'disabled' }, tool_choice: { type: 'any' } },
    ],
    [
      'a free choice does not',
      { thinking: adaptive, tool_choice: { type: 'auto' } },
      { thinking: adaptive, tool_choice: { type: 'auto' } },
    ],
    [
      'other sampling is left out',
      { thinking: adaptive, temperature: 0.2, top_p: 0.5, top_k: 4 },
      { thinking: adaptive },
    ],
    [
      'the sampling that it bears stays',
      { thinking: adaptive, temperature: 1, top_p: 0.95 },
      { thinking: adaptive, temperature: 1, top_p: 0.95 },
    ],
    [
      'warmth that becomes 1 stays, too',
      { thinking: adaptive, temperature: 1.5 },
      { thinking: adaptive, temperature: 1 },
    ],
    [
      'without it all stays',
      { thinking: { type: 'disabled' }, temperature: 0.2, top_p: 0.5, top_k: 4 },
      { thinking: { type: 'disabled' }, temperature: 0.2, top_p: 0.5, top_k: 4 },
    ],
  ])('%s', (_name, settings, left) => {
    expect(met(settings)).toEqual(left)
  })
})

it.each([
  [0.3, 0.3],
  [1, 1],
  [1.4, 1],
  [2, 1],
])('a temperature of %d becomes %d', (temperature, left) => {
  expect(met({ temperature })).toEqual({ temperature: left })
})

it.each([
  [['END', ' ', '\n\n', ''], { stop_sequences: ['END'] }],
  [[' \n'], {}],
  [['\nHuman:'], { stop_sequences: ['\nHuman:'] }],
])('stop sequences %j', (stop_sequences, left) => {
  expect(met({ stop_sequences })).toEqual(left)
})

describe('a choice of tools', () => {
  const choice = { ...base, tool_choice: { type: 'auto' } } as const

  it.each([[undefined], [[]]])('is left out where there are none: %j', (tools) => {
    expect(withoutIdleChoice({ ...choice, ...(tools && { tools }) })).toEqual(base)
  })

  it('stays where there is one', () => {
    const request = { ...choice, tools: [{ name: 'a' }] }
    expect(withoutIdleChoice(request)).toBe(request)
  })
})
