import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    sections: { fallback: { default: ['p,m'] }, Router: { enableFallback: true } },
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
  },
  { describe, it },
)
