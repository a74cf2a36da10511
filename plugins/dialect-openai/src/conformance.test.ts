import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const call = (fields: object): object => ({ tool_calls: [{ index: 0, ...fields }] })
const answer = [
  { role: 'assistant', content: 'Wo? – ' },
  { content: 'Da 🙂.' },
  call({ id: 'c', type: 'function', function: { name: 'lookup', arguments: '{"word"' } }),
  call({ function: { arguments: ':"a"}' } }),
  {},
].map((delta, index) => ({
  id: 'x',
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: index === 4 ? 'tool_calls' : null }],
}))

describePlugin(
  plugin,
  { streams: [{ dialect: 'openai', answer }], invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }] },
  { describe, it },
)
