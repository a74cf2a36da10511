import { describePlugin } from '@ccr/sdk/testing'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    sections: { REWRITE_SYSTEM_PROMPT: fileURLToPath(import.meta.url) },
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
  },
  { describe, it },
)
