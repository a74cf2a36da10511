import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{}, { encoding: 'o200k_base' }],
    invalid: [{ options: { encoding: 'none' }, pointer: '/encoding' }],
  },
  { describe, it },
)
