import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{ max_tokens: 16 }, {}],
    invalid: [
      { options: { max_tokens: 0 }, pointer: '/max_tokens' },
      { options: { max_tokens: 'many' }, pointer: '/max_tokens' },
      { options: { unknown: 1 }, pointer: '/unknown' },
    ],
  },
  { describe, it },
)
