import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})

describePlugin(
  plugin,
  {
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
    streams: [
      {
        dialect: 'openai',
        body: {
          model: 'zai-glm-4.7',
          max_tokens: 9,
          reasoning_effort: 'max',
          messages: [{ role: 'assistant', reasoning_content: 'r' }],
        },
        answer: [chunk({ reasoning: 'Wo? ' }), chunk({ content: 'Da.' }), chunk({}, 'stop')],
      },
    ],
  },
  { describe, it },
)
