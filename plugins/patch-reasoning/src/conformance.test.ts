import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{ enable: false }, { enable: true }, {}],
    invalid: [
      { options: { enable: 'sometimes' }, pointer: '/enable' },
      { options: { unknown: 1 }, pointer: '/unknown' },
    ],
  },
  { describe, it },
)
