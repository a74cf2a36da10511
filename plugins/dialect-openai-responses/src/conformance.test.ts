import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const text = { type: 'message', id: 'm', role: 'assistant', status: 'completed' }
const part = { type: 'output_text', text: 'Wo? – Da 🙂.', annotations: [] }
const call = { type: 'function_call', id: 'f', call_id: 'c', name: 'lookup', status: 'completed' }
const response = { id: 'r', object: 'response', model: 'm', status: 'in_progress', output: [] }
const delta = { type: 'response.output_text.delta', item_id: 'm', output_index: 0, content_index: 0 }
const answer = [
  { type: 'response.created', response },
  { type: 'response.output_item.added', output_index: 0, item: { ...text, content: [] } },
  { ...delta, delta: 'Wo? – ' },
  { ...delta, delta: 'Da 🙂.' },
  { type: 'response.output_item.done', output_index: 0, item: { ...text, content: [part] } },
  { type: 'response.output_item.added', output_index: 1, item: { ...call, arguments: '' } },
  { type: 'response.function_call_arguments.delta', item_id: 'f', output_index: 1, delta: '{"word":"a"}' },
  { type: 'response.output_item.done', output_index: 1, item: { ...call, arguments: '{"word":"a"}' } },
  {
    type: 'response.completed',
    response: { ...response, status: 'completed', usage: { input_tokens: 3, output_tokens: 2 } },
  },
]

describePlugin(
  plugin,
  { streams: [{ dialect: 'openai-responses', answer }], invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }] },
  { describe, it },
)
