import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})
const part = (fields: object): object => ({ tool_calls: [{ index: 0, ...fields }] })

describePlugin(
  plugin,
  {
    valid: [
      { provider: { only: ['a'] }, attribution: { url: 'https://app.example', title: 'App' } },
      {},
      { transforms: [], attribution: { url: 'https://app.example' } },
    ],
    invalid: [
      { options: { attribution: {} }, pointer: '/attribution' },
      { options: { attribution: { url: 'a\nb' } }, pointer: '/attribution/url' },
      { options: { attribution: { url: 'a', name: 'b' } }, pointer: '/attribution/name' },
    ],
    streams: [
      {
        dialect: 'openai',
        body: { model: 'anthropic/claude', messages: [{ role: 'system', content: 's' }], reasoning_effort: 'low' },
        answer: [
          chunk({ reasoning: 'Wo? ' }),
          chunk(part({ id: 0, type: 'function', function: { name: 'look', arguments: '{"a"' } })),
          chunk(part({ id: '0', function: { arguments: ':1}' } })),
          chunk({}, 'tool_calls'),
        ],
      },
    ],
  },
  { describe, it },
)
