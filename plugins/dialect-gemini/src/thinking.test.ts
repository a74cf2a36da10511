import type { CanonicalRequest } from '@ccr/sdk'
import { expect, it } from 'vitest'
import { encode } from '../test/harness.ts'

const THIRD = 'gemini-3-pro-preview'
const PRO = 'gemini-2.5-pro'
const FLASH = 'gemini-2.5-flash'
const enabled = (budget_tokens: number): CanonicalRequest['thinking'] => ({ type: 'enabled', budget_tokens })

it.each<readonly [string, string, CanonicalRequest['thinking'], string | undefined, unknown]>([
  ['disabled', FLASH, { type: 'disabled' }, undefined, { thinkingBudget: 0, includeThoughts: false }],
  ['disabled', 'gemini-2.5-flash-lite', { type: 'disabled' }, 'high', { thinkingBudget: 0, includeThoughts: false }],
  ['disabled', PRO, { type: 'disabled' }, undefined, { thinkingBudget: 128, includeThoughts: false }],
  ['disabled', THIRD, { type: 'disabled' }, undefined, { thinkingLevel: 'LOW', includeThoughts: false }],
  [
    'disabled',
    'gemini-3-flash-preview',
    { type: 'disabled' },
    undefined,
    { thinkingLevel: 'MINIMAL', includeThoughts: false },
  ],
  ['disabled', 'gemini-2.0-flash', { type: 'disabled' }, undefined, undefined],
  ['of nothing', FLASH, enabled(0), undefined, { thinkingBudget: 0, includeThoughts: false }],
  ['of nothing', PRO, enabled(0), undefined, { thinkingBudget: 128, includeThoughts: false }],
  ['of nothing', THIRD, enabled(0), undefined, { thinkingLevel: 'LOW', includeThoughts: false }],
  ['absent', FLASH, undefined, 'high', undefined],
  ['enabled', FLASH, enabled(2000), undefined, { thinkingBudget: 2000, includeThoughts: true }],
  ['enabled beyond the range', FLASH, enabled(99_999), undefined, { thinkingBudget: 24_576, includeThoughts: true }],
  ['enabled beyond the range', PRO, enabled(99_999), undefined, { thinkingBudget: 32_768, includeThoughts: true }],
  ['enabled below the range', PRO, enabled(1), undefined, { thinkingBudget: 128, includeThoughts: true }],
  ['enabled', THIRD, enabled(1024), undefined, { thinkingLevel: 'LOW', includeThoughts: true }],
  ['enabled', THIRD, enabled(8192), undefined, { thinkingLevel: 'MEDIUM', includeThoughts: true }],
  ['enabled', THIRD, enabled(8193), undefined, { thinkingLevel: 'HIGH', includeThoughts: true }],
  ['adaptive', FLASH, { type: 'adaptive' }, undefined, { thinkingBudget: -1, includeThoughts: true }],
  ['adaptive', FLASH, { type: 'adaptive' }, 'medium', { thinkingBudget: 8192, includeThoughts: true }],
  ['adaptive', THIRD, { type: 'adaptive' }, undefined, { includeThoughts: true }],
  ['adaptive', THIRD, { type: 'adaptive' }, 'max', { thinkingLevel: 'HIGH', includeThoughts: true }],
  [
    'not shown',
    THIRD,
    { type: 'adaptive', display: 'omitted' },
    'low',
    { thinkingLevel: 'LOW', includeThoughts: false },
  ],
])('rule 152: thinking %s of %s', (_what, name, thinking_, effort, config) => {
  const body = encode({ thinking: thinking_, output_config: { effort } }, { model: name })
  expect((body.generationConfig ?? {})['thinkingConfig']).toEqual(config)
})
