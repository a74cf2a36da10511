import { describePlugin } from '@ccr/sdk/testing'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

describePlugin(
  plugin,
  {
    valid: [{ home: folder, projects: folder }],
    invalid: [{ options: { home: 1 }, pointer: '/home' }],
    sections: { Router: { default: 'conformance,model' } },
  },
  { describe, it },
)
