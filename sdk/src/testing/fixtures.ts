import type { BlockDelta, CanonicalEvent, CanonicalRequest, ContentBlock } from '@ccr/sdk'

const TEXTS = ['The Danube, ', 'the Inn and the Ilz – ', '“three rivers” 🙂.']
const ARGUMENTS = ['{"wo', 'rd":"Pas', 'sau"}']

/** A short question. */
function chat(fields: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return {
    model: 'asked-model',
    max_tokens: 256,
    stream: true,
    messages: [{ role: 'user', content: 'Which rivers meet at Passau?' }],
    ...fields,
  }
}

/** A turn in the middle of work with tools: a system prompt, a tool, its last call and the result. */
function toolUse(fields: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return chat({
    system: [{ type: 'text', text: 'You look things up.', cache_control: { type: 'ephemeral' } }],
    tools: [
      {
        name: 'lookup',
        description: 'Looks a word up.',
        input_schema: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
      },
    ],
    messages: [
      { role: 'user', content: 'What is a confluence?' },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'toolu_1', name: 'lookup', input: { word: 'confluence' } }],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'where rivers meet' }] },
    ],
    ...fields,
  })
}

/** An answer with thinking, text and a tool call, as canonical events. */
function answer(): readonly CanonicalEvent[] {
  const delta = (index: number, delta: BlockDelta): CanonicalEvent => ({ type: 'content_block_delta', index, delta })
  const start = (index: number, content_block: ContentBlock): CanonicalEvent => ({
    type: 'content_block_start',
    index,
    content_block,
  })
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'answering-model',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 12, output_tokens: 0 },
  } as const
  return [
    { type: 'message_start', message },
    start(0, { type: 'thinking', thinking: '', signature: '' }),
    delta(0, { type: 'thinking_delta', thinking: 'Three of them.' }),
    delta(0, { type: 'signature_delta', signature: 'signed' }),
    { type: 'content_block_stop', index: 0 },
    start(1, { type: 'text', text: '' }),
    ...TEXTS.map((text) => delta(1, { type: 'text_delta', text })),
    { type: 'content_block_stop', index: 1 },
    start(2, { type: 'tool_use', id: 'toolu_2', name: 'lookup', input: {} }),
    ...ARGUMENTS.map((partial_json) => delta(2, { type: 'input_json_delta', partial_json })),
    { type: 'content_block_stop', index: 2 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ]
}

/** The events of a Chat Completions stream with text and a tool call. */
function chatCompletion(): readonly object[] {
  const chunk = (delta: object, finish: string | null = null): object => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'answering-model',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })
  const call = (fields: object): object => chunk({ tool_calls: [{ index: 0, ...fields }] })
  return [
    chunk({ role: 'assistant', content: '' }),
    ...TEXTS.map((content) => chunk({ content })),
    call({ id: 'call_1', type: 'function', function: { name: 'lookup', arguments: '' } }),
    ...ARGUMENTS.map((text) => call({ function: { arguments: text } })),
    chunk({}, 'tool_calls'),
  ]
}

/** Events as server-sent events: each with its `type`, where it has one. */
function toSse(events: readonly object[]): string {
  return events
    .map((event) => ('type' in event ? `event: ${String(event.type)}\n` : '') + `data: ${JSON.stringify(event)}\n\n`)
    .join('')
}

/** Small requests and answers for tests; each call makes new values. */
export const fixtures = { chat, toolUse, answer, chatCompletion, toSse } as const
