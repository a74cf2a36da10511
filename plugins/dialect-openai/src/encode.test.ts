import fc from 'fast-check'
import { signReasoning, type CanonicalRequest, type ContentBlock, type Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import {
  decode,
  DONE,
  chunk,
  encode,
  encodedMessages,
  encodeWith,
  fakeAttempt,
  messageOf,
  target,
} from '../test/harness.ts'
import { sign } from './reasoning.ts'

type Messages = CanonicalRequest['messages']
const user = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'user', content })
const assistant = (...content: readonly ContentBlock[]): Messages[number] => ({ role: 'assistant', content })
const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const call = (id: string, name = 'f', input: unknown = {}): ContentBlock => ({ type: 'tool_use', id, name, input })
const result = (id: string, content?: unknown, rest: object = {}): ContentBlock =>
  ({ type: 'tool_result', tool_use_id: id, content, ...rest }) as ContentBlock
const png = (data = 'AAAA'): ContentBlock => ({
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data },
})
const pngPart = (data = 'AAAA'): object => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } })
const toolCall = (id: string, name = 'f', input = '{}'): object => ({
  id,
  type: 'function',
  function: { name, arguments: input },
})
const asks = { role: 'user', content: 'q' } as const

interface Row {
  readonly rule: string
  readonly messages: Messages
  readonly sent: readonly object[]
}

const HISTORIES: readonly Row[] = [
  {
    rule: '35 a system message keeps its place',
    messages: [asks, { role: 'system', content: 'be brief' }, assistant(text('a'))],
    sent: [asks, { role: 'system', content: 'be brief' }, { role: 'assistant', content: 'a' }],
  },
  {
    rule: '35 a system message between a call and its result moves behind the result',
    messages: [assistant(call('a')), { role: 'system', content: 's' }, user(result('a', 'r'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'r' },
      { role: 'system', content: 's' },
    ],
  },
  {
    rule: '36, 37 results come first, in order, then the text',
    messages: [assistant(call('a'), call('b')), user(text('t'), result('b', '2'), result('a', '1'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'user', content: 't' },
    ],
  },
  {
    rule: '38 text blocks of a result are concatenated',
    messages: [assistant(call('a')), user(result('a', [text('x'), text('y')]))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'xy' },
    ],
  },
  {
    rule: '39, 40 images of results follow all tool messages in one user message',
    messages: [
      assistant(call('a'), call('b')),
      user(result('a', [text('x'), png('AA')]), result('b', [png('BB')]), text('t')),
    ],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', tool_call_id: 'a', content: 'x' },
      { role: 'tool', tool_call_id: 'b', content: '[the result is the image below]' },
      { role: 'user', content: [pngPart('AA'), pngPart('BB'), { type: 'text', text: 't' }] },
    ],
  },
  {
    rule: '41 a result without content is empty',
    messages: [assistant(call('a')), user(result('a'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '' },
    ],
  },
  {
    rule: '42 a failed result says so',
    messages: [assistant(call('a')), user(result('a', 'no file', { is_error: true }))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'Error: no file' },
    ],
  },
  {
    rule: '43 an orphan result becomes user text',
    messages: [user(result('gone', 'r'))],
    sent: [{ role: 'user', content: '[result of the tool call gone]\nr' }],
  },
  {
    rule: '43 unanswered calls get a tool message, also at the end',
    messages: [assistant(call('a')), asks, assistant(call('b'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '[this call was not answered]' },
      asks,
      { role: 'assistant', content: null, tool_calls: [toolCall('b')] },
      { role: 'tool', tool_call_id: 'b', content: '[this call was not answered]' },
    ],
  },
  {
    rule: '43 results in two user messages belong to one turn',
    messages: [assistant(call('a'), call('b')), user(result('a', '1'), text('t')), user(result('b', '2'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      { role: 'user', content: 't' },
    ],
  },
  {
    rule: '43 an id used again is told apart, with its result',
    messages: [assistant(call('a')), user(result('a', '1')), assistant(call('a')), user(result('a', '2'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'assistant', content: null, tool_calls: [toolCall('a_2')] },
      { role: 'tool', tool_call_id: 'a_2', content: '2' },
    ],
  },
  {
    rule: '44, 45 text and calls share one message; arguments are JSON text',
    messages: [
      assistant(text('t'), call('a', 'f', { x: [1, 'é'] }), call('b', 'g', undefined)),
      user(result('a', ''), result('b', '')),
    ],
    sent: [
      { role: 'assistant', content: 't', tool_calls: [toolCall('a', 'f', '{"x":[1,"é"]}'), toolCall('b', 'g')] },
      { role: 'tool', tool_call_id: 'a', content: '' },
      { role: 'tool', tool_call_id: 'b', content: '' },
    ],
  },
  {
    rule: '46 assistant text is concatenated as it is',
    messages: [asks, assistant(text('a'), text('b ')), { role: 'assistant', content: 'c' }],
    sent: [asks, { role: 'assistant', content: 'ab c' }],
  },
  {
    rule: '48 base64 images become data URLs, once, byte for byte',
    messages: [user(png('xxbase64,yy'), png('data:image/gif;base64,QQ'))],
    sent: [
      {
        role: 'user',
        content: [pngPart('xxbase64,yy'), { type: 'image_url', image_url: { url: 'data:image/gif;base64,QQ' } }],
      },
    ],
  },
  {
    rule: '49 URL images keep their URL',
    messages: [user({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } })],
    sent: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
  },
  {
    rule: '50 text documents become their text, others a placeholder',
    messages: [
      user(
        { type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'body' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } },
        { type: 'document', source: { type: 'content', content: [text('inner'), png()] } },
      ),
    ],
    sent: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'T\nbody' },
          { type: 'text', text: '[document of type application/pdf cannot be shown to this model]' },
          { type: 'text', text: 'inner' },
          pngPart(),
        ],
      },
    ],
  },
  {
    rule: '51 an image by file id is named in text',
    messages: [user({ type: 'image', source: { type: 'file', file_id: 'file_1' } })],
    sent: [{ role: 'user', content: '[image file_1 cannot be shown to this model]' }],
  },
  {
    rule: '52 unknown blocks stay visible in every role',
    messages: [
      user({ type: 'container_upload', file_id: 'x' }),
      assistant(
        { type: 'server_tool_use', name: 'web_search', input: { query: 'q' } },
        { type: 'web_search_tool_result', content: [{ type: 'web_search_result', title: 'T', url: 'https://e.org' }] },
      ),
    ],
    sent: [
      { role: 'user', content: '[content of type container_upload cannot be shown to this model]' },
      { role: 'assistant', content: '[web_search {"query":"q"}][web_search_tool_result]\nT https://e.org' },
    ],
  },
  {
    rule: '52 tool references become text',
    messages: [
      assistant(call('a')),
      user(result('a', [{ type: 'tool_reference', tool_name: 'WebFetch' }, text('Tool loaded.')])),
    ],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '[tool WebFetch]\nTool loaded.' },
    ],
  },
  {
    rule: '53 unsigned thinking goes back as reasoning, in order',
    messages: [
      asks,
      assistant(
        { type: 'thinking', thinking: 'a', signature: '' },
        { type: 'thinking', thinking: 'b', signature: '' },
        text('t'),
      ),
    ],
    sent: [asks, { role: 'assistant', content: 't', reasoning_content: 'ab' }],
  },
  {
    rule: '53 reasoning goes back to its maker in its own field',
    messages: [asks, assistant({ type: 'thinking', thinking: 'a', signature: sign('local', 'reasoning') }, text('t'))],
    sent: [asks, { role: 'assistant', content: 't', reasoning: 'a' }],
  },
  {
    rule: '53, 54 reasoning of others, signed by Anthropic or redacted is never sent',
    messages: [
      asks,
      assistant(
        { type: 'thinking', thinking: 'a', signature: sign('elsewhere', 'reasoning_content') },
        { type: 'thinking', thinking: 'b', signature: signReasoning({ family: 'gemini', payload: '' }) },
        { type: 'thinking', thinking: 'c', signature: 'EqQBCgIYAh' },
        { type: 'redacted_thinking', data: 'd' },
        text('t'),
      ),
    ],
    sent: [asks, { role: 'assistant', content: 't' }],
  },
  {
    rule: '66 an empty user turn keeps two assistant turns apart',
    messages: [asks, assistant(text('a')), user(text('')), assistant(text('b'))],
    sent: [
      asks,
      { role: 'assistant', content: 'a' },
      { role: 'user', content: '…' },
      { role: 'assistant', content: 'b' },
    ],
  },
  { rule: '66 an empty turn beside another user turn vanishes', messages: [asks, user(text(''))], sent: [asks] },
  {
    rule: '66 a request without any text still has a user message',
    messages: [user(text(''))],
    sent: [{ role: 'user', content: '…' }],
  },
]

describe('rules of the history', () => {
  it.each(HISTORIES)('$rule', ({ messages, sent }) => {
    expect(encodedMessages(...messages)).toEqual(sent)
  })

  it('47 a message of calls alone has null content', () => {
    expect(encodedMessages(asks, assistant(call('a')), user(result('a', 'r')))[1]).toMatchObject({ content: null })
  })
})

const named = (name: string, rest: Partial<Tool> = {}): Tool => ({
  name,
  input_schema: { type: 'object', properties: { a: {} } },
  ...rest,
})

const FIELDS: readonly { readonly rule: string; readonly request: Partial<CanonicalRequest>; readonly sent: object }[] =
  [
    {
      rule: '33 string system',
      request: { system: 's' },
      sent: {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: 'hi' },
        ],
      },
    },
    {
      rule: '34 system blocks become one message, without the billing block',
      request: {
        system: [
          { type: 'text', text: 'x-anthropic-billing-header: cc_version=1;' },
          { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'b' },
        ],
      },
      sent: {
        messages: [
          { role: 'system', content: 'a\n\nb' },
          { role: 'user', content: 'hi' },
        ],
      },
    },
    {
      rule: '55 tools keep name, description and schema',
      request: {
        tools: [
          named('f', { description: 'd', cache_control: { type: 'ephemeral' }, defer_loading: true }),
          { name: 'g' },
        ],
      },
      sent: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: 'd', parameters: { type: 'object', properties: { a: {} } } },
          },
          {
            type: 'function',
            function: { name: 'g', description: '', parameters: { type: 'object', properties: {} } },
          },
        ],
      },
    },
    {
      rule: '55 an object schema without properties gets them',
      request: { tools: [named('f', { input_schema: { type: 'object' } })] },
      sent: {
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: '', parameters: { type: 'object', properties: {} } },
          },
        ],
      },
    },
    {
      rule: '57 tool choice auto',
      request: { tools: [named('f')], tool_choice: { type: 'auto' } },
      sent: { tool_choice: 'auto' },
    },
    {
      rule: '57 tool choice none',
      request: { tools: [named('f')], tool_choice: { type: 'none' } },
      sent: { tool_choice: 'none' },
    },
    {
      rule: '57 tool choice any',
      request: { tools: [named('f')], tool_choice: { type: 'any' } },
      sent: { tool_choice: 'required' },
    },
    {
      rule: '57 tool choice by name',
      request: { tools: [named('f')], tool_choice: { type: 'tool', name: 'f' } },
      sent: { tool_choice: { type: 'function', function: { name: 'f' } } },
    },
    {
      rule: '58 no parallel calls',
      request: { tools: [named('f')], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      sent: { parallel_tool_calls: false },
    },
    {
      rule: '59 sampling',
      request: { stop_sequences: ['x'], top_p: 0.5, temperature: 0, max_tokens: 7 },
      sent: { stop: ['x'], top_p: 0.5, temperature: 0, max_tokens: 7 },
    },
    ...(
      [
        [1024, 'low'],
        [1025, 'medium'],
        [8192, 'medium'],
        [8193, 'high'],
      ] as const
    ).map(([budget_tokens, reasoning_effort]) => ({
      rule: `60 a budget of ${budget_tokens} is ${reasoning_effort}`,
      request: { thinking: { type: 'enabled', budget_tokens } as const },
      sent: { reasoning_effort },
    })),
    {
      rule: '62 adaptive thinking takes its effort',
      request: { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      sent: { reasoning_effort: 'xhigh' },
    },
    {
      rule: '63 a stream asks for usage',
      request: {},
      sent: { stream: true, stream_options: { include_usage: true } },
    },
    {
      rule: '59 a schema for the answer',
      request: { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      sent: { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } } },
    },
  ]

const ABSENT: readonly {
  readonly rule: string
  readonly request: Partial<CanonicalRequest>
  readonly keys: readonly string[]
}[] = [
  {
    rule: '56 server tools and the deferred placeholder',
    request: {
      tools: [
        { type: 'web_search_20250305', name: 'web_search' },
        named('DeferredToolPlaceholder', { defer_loading: true }),
      ],
      tool_choice: { type: 'auto' },
    },
    keys: ['tools', 'tool_choice'],
  },
  {
    rule: '57 a choice of a tool that was removed',
    request: {
      tools: [named('f'), { type: 'web_search_20250305', name: 'web_search' }],
      tool_choice: { type: 'tool', name: 'web_search' },
    },
    keys: ['tool_choice'],
  },
  {
    rule: '60 a budget of 0',
    request: { thinking: { type: 'enabled', budget_tokens: 0 } },
    keys: ['reasoning_effort'],
  },
  {
    rule: '61 disabled thinking',
    request: { thinking: { type: 'disabled' }, output_config: { effort: 'high' } },
    keys: ['reasoning_effort', 'thinking', 'reasoning'],
  },
  {
    rule: '62 adaptive thinking without effort',
    request: { thinking: { type: 'adaptive' } },
    keys: ['reasoning_effort'],
  },
]

describe('rules of the other fields', () => {
  it.each(FIELDS)('$rule', ({ request, sent }) => {
    expect(encode(request)).toMatchObject(sent)
  })

  it.each(ABSENT)('$rule: left out', ({ request, keys }) => {
    const body = encode(request)
    for (const key of keys) expect(body).not.toHaveProperty(key)
  })

  it('63 an answer that is not streamed asks for no stream options', () => {
    expect(encode({}, { stream: false })).not.toHaveProperty('stream_options')
  })

  it('64 nothing that only the canonical form knows leaves', () => {
    const body = encode({
      metadata: { user_id: 'u' },
      thinking: { type: 'adaptive' },
      context_management: { edits: [] },
      top_k: 3,
      cache_control: { type: 'ephemeral' },
      messages: [
        {
          role: 'user',
          content: [{ type: 'text', text: 't', cache_control: { type: 'ephemeral' } }],
          output_config: { effort: 'low' },
        },
      ],
    })
    expect(body).toEqual({
      model: 'real',
      messages: [{ role: 'user', content: 't' }],
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('65 any set of tool names goes out acceptable and comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 90, unit: 'grapheme' }), { minLength: 1, maxLength: 8 }),
        (names) => {
          const attempt = fakeAttempt()
          const sent = encodeWith(target, { tools: names.map((name) => named(name)) }, attempt).tools!.map(
            (tool) => tool.function.name,
          )
          expect(sent.every((name) => /^[a-zA-Z0-9_-]{1,64}$/.test(name))).toBe(true)
          expect(new Set(sent).size).toBe(names.length)
          const calls = sent.map((name, index) => ({ index, function: { name, arguments: '{}' } }))
          const { content } = messageOf(decode([chunk({ tool_calls: calls }, 'tool_calls'), DONE], attempt))
          expect(content.map((block) => (block as { name?: unknown }).name)).toEqual(names)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('65 a renamed tool keeps its new name from turn to turn, in the history too', () => {
    const name = `mcp__server__${'x'.repeat(80)}`
    const turn = (): unknown =>
      encode({ tools: [named(name)], messages: [assistant(call('a', name)), user(result('a', ''))] })
    const body = turn() as {
      tools: { function: { name: string } }[]
      messages: { tool_calls?: { function: { name: string } }[] }[]
    }
    expect(body.messages[0]!.tool_calls![0]!.function.name).toBe(body.tools[0]!.function.name)
    expect(turn()).toEqual(body)
  })
})

describe('the history that goes out', () => {
  const block = fc.oneof(
    fc.record({ type: fc.constant('text'), text: fc.string({ maxLength: 4 }) }),
    fc.record({
      type: fc.constant('tool_use'),
      id: fc.constantFrom('a', 'b', 'c'),
      name: fc.constant('f'),
      input: fc.constant({}),
    }),
    fc.record({
      type: fc.constant('tool_result'),
      tool_use_id: fc.constantFrom('a', 'b', 'c'),
      content: fc.constantFrom<unknown>('r', [png()], undefined),
    }),
    fc.record({
      type: fc.constantFrom('thinking', 'redacted_thinking', 'document', 'novel'),
      thinking: fc.constant('t'),
      signature: fc.constant('s'),
      source: fc.constant({ type: 'url' }),
    }),
  )
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant', 'system'),
    content: fc.oneof(fc.string({ maxLength: 4 }), fc.array(block, { maxLength: 4 })),
  })

  it('answers every call at once and once, and nothing else, for any history', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
        const sent = encodedMessages(...(messages as unknown as Messages))
        let open: string[] = []
        const seen = new Set<string>()
        for (const one of sent) {
          if (one.role === 'tool') {
            expect(open).toContain(one.tool_call_id)
            open = open.filter((id) => id !== one.tool_call_id)
            continue
          }
          expect(open).toEqual([])
          expect(one.content === '' || (one.role === 'assistant' && one.content === null && !one.tool_calls)).toBe(
            false,
          )
          if (one.role === 'assistant') for (const { id } of one.tool_calls ?? []) open.push(id)
          for (const id of open) expect(seen.has(id)).toBe(false)
          for (const id of open) seen.add(id)
        }
        expect(open).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })
})
