import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})

describePlugin(
  plugin,
  {
    valid: [{}, { max_tokens: 4096 }],
    invalid: [
      { options: { max_tokens: 0 }, pointer: '/max_tokens' },
      { options: { unknown: 1 }, pointer: '/unknown' },
    ],
    streams: [
      {
        dialect: 'openai',
        body: { model: 'deepseek-reasoner', messages: [{ role: 'assistant', tool_calls: [{}] }] },
        answer: [chunk({ reasoning_content: 'Wo? ' }), chunk({ content: 'Da.' }), chunk({}, 'stop')],
      },
    ],
  },
  { describe, it },
)
