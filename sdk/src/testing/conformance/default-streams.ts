import { fixtures } from '../fixtures.ts'
import type { StreamCase } from './cases.ts'

/** Canonical events: text with characters of several bytes, and a tool call. */
export const PLAIN_STREAM: StreamCase = {
  dialect: 'plain',
  answer: [
    {
      type: 'message_start',
      message: { id: 'm', type: 'message', role: 'assistant', model: 'm', content: [], usage: {} },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Wo? – ' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Da 🙂.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'lookup', input: {} } },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"word"' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: ':"a"}' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ]
    .map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .join(''),
}

/** The same as a Chat Completions stream. Source: https://platform.openai.com/docs/api-reference/chat-streaming */
const CHAT_STREAM: StreamCase = {
  dialect: 'openai',
  body: {
    max_tokens: 256,
    messages: [
      { role: 'system', content: 'You look things up.' },
      { role: 'user', content: 'Which rivers meet at Passau?' },
    ],
    tools: [{ type: 'function', function: { name: 'lookup', parameters: { type: 'object', properties: {} } } }],
  },
  answer: [
    { role: 'assistant', content: 'Wo? – ' },
    { content: 'Da 🙂.' },
    { tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'lookup', arguments: '{"word"' } }] },
    { tool_calls: [{ index: 0, function: { arguments: ':"a"}' } }] },
    {},
  ]
    .map((delta, index) => ({ choices: [{ index: 0, delta, finish_reason: index === 4 ? 'tool_calls' : null }] }))
    .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    .join(''),
}

/** The streams that need no case, by dialect; what speaks canonical events has the form of `plain`. */
export const DEFAULT_STREAMS: ReadonlyMap<string, StreamCase> = new Map([
  ['openai', CHAT_STREAM],
  ['anthropic', { ...PLAIN_STREAM, dialect: 'anthropic' }],
])

/** The text of an answer. */
export function answerText({ answer }: StreamCase): string {
  return typeof answer === 'string' ? answer : fixtures.toSse(answer)
}
