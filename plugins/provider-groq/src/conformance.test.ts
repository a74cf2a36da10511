import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})
const parameters = { type: 'object', properties: { a: { $schema: 'x', type: 'string' } } }

describePlugin(
  plugin,
  {
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
    streams: [
      {
        dialect: 'openai',
        body: {
          model: 'qwen/qwen3-32b',
          messages: [{ role: 'assistant', reasoning_content: 'r' }],
          tools: [{ type: 'function', function: { name: 'look', parameters } }],
        },
        answer: [chunk({ reasoning: 'Wo? ' }), chunk({ content: 'Da.' }), chunk({}, 'stop')],
      },
    ],
  },
  { describe, it },
)
