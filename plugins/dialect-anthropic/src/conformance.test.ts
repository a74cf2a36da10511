import { describePlugin, fixtures } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    streams: [{ dialect: 'anthropic', answer: fixtures.answer() }],
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
  },
  { describe, it },
)
