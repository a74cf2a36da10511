import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    valid: [{}, { visionModels: ['eye-*'], rounds: 2 }],
    invalid: [{ options: { rounds: 0 }, pointer: '/rounds' }],
    sections: { Router: { default: 'conformance,model', image: 'conformance,model' } },
  },
  { describe, it },
)
