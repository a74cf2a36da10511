import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const scenarios = { choose: async () => ({ passedOver: [] }) }

describePlugin(
  plugin,
  {
    sections: { Router: { default: 'conformance,model', families: {} } },
    services: { scenarios },
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
  },
  { describe, it },
)
