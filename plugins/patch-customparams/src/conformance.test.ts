import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{ enable_thinking: false, provider: { only: ['a'] }, constructor: null }, {}],
    invalid: [{ options: { ccr_request: {} }, pointer: '/ccr_request' }],
  },
  { describe, it },
)
