import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{ max_tokens: 16, temperature: 0.7, top_p: 0.8, top_k: 20, repetition_penalty: 1.05 }, {}],
    invalid: [
      { options: { temperature: -1 }, pointer: '/temperature' },
      { options: { top_p: 2 }, pointer: '/top_p' },
      { options: { top_k: 0.5 }, pointer: '/top_k' },
      { options: { max_tokens: 0 }, pointer: '/max_tokens' },
      { options: { repetition_penalty: 'some' }, pointer: '/repetition_penalty' },
      { options: { unknown: 1 }, pointer: '/unknown' },
    ],
  },
  { describe, it },
)
