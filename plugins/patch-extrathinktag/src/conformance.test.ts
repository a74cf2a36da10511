import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{}, { startsInside: true }, { lookAhead: 0, replay: true }],
    invalid: [
      { options: { unknown: 1 }, pointer: '/unknown' },
      { options: { lookAhead: -1 }, pointer: '/lookAhead' },
      { options: { startsInside: 'yes' }, pointer: '/startsInside' },
    ],
  },
  { describe, it },
)
