import fc from 'fast-check'
import { signReasoning, type CanonicalRequest, type ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { byRule, encodedMessages, FUZZ_MS, RUNS, wholeAnswer } from '../test/harness.ts'
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
    rule: 'rule 35: a system message keeps its place',
    messages: [asks, { role: 'system', content: 'be brief' }, assistant(text('a'))],
    sent: [asks, { role: 'system', content: 'be brief' }, { role: 'assistant', content: 'a' }],
  },
  {
    rule: 'rule 35: a system message between a call and its result moves behind the result',
    messages: [assistant(call('a')), { role: 'system', content: 's' }, user(result('a', 'r'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'r' },
      { role: 'system', content: 's' },
    ],
  },
  {
    rule: 'rule 36, rule 37: results come first, in order, then the text',
    messages: [assistant(call('a'), call('b')), user(text('t'), result('b', '2'), result('a', '1'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'user', content: 't' },
    ],
  },
  {
    rule: 'rule 38: text blocks of a result are concatenated',
    messages: [assistant(call('a')), user(result('a', [text('x'), text('y')]))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'xy' },
    ],
  },
  {
    rule: 'rule 39, rule 40: images of results follow all tool messages in one user message',
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
    rule: 'rule 41: a result without content is empty',
    messages: [assistant(call('a')), user(result('a'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '' },
    ],
  },
  {
    rule: 'rule 42: a failed result says so',
    messages: [assistant(call('a')), user(result('a', 'no file', { is_error: true }))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'Error: no file' },
    ],
  },
  {
    rule: 'rule 43: an orphan result becomes user text',
    messages: [user(result('gone', 'r'))],
    sent: [{ role: 'user', content: '[result of the tool call gone]\nr' }],
  },
  {
    rule: 'rule 43: unanswered calls get a tool message, also at the end',
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
    rule: 'rule 43: results in two user messages belong to one turn',
    messages: [assistant(call('a'), call('b')), user(result('a', '1'), text('t')), user(result('b', '2'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      { role: 'user', content: 't' },
    ],
  },
  {
    rule: 'rule 43: an id used again is told apart, with its result',
    messages: [assistant(call('a')), user(result('a', '1')), assistant(call('a')), user(result('a', '2'))],
    sent: [
      { role: 'assistant', content: null, tool_calls: [toolCall('a')] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'assistant', content: null, tool_calls: [toolCall('a_2')] },
      { role: 'tool', tool_call_id: 'a_2', content: '2' },
    ],
  },
  {
    rule: 'rule 44, rule 45: text and calls share one message; arguments are JSON text',
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
    rule: 'rule 46: assistant text is concatenated as it is',
    messages: [asks, assistant(text('a'), text('b ')), { role: 'assistant', content: 'c' }],
    sent: [asks, { role: 'assistant', content: 'ab c' }],
  },
  {
    rule: 'rule 52: what stands for the results of a search ends with its line',
    messages: [
      asks,
      assistant(
        { type: 'web_search_tool_result', content: [{ type: 'web_search_result', title: 'T', url: 'https://e.org' }] },
        text('So'),
        text(' it is.'),
      ),
    ],
    sent: [asks, { role: 'assistant', content: '[web_search_tool_result]\nT https://e.org\nSo it is.' }],
  },
  {
    rule: 'rule 48: base64 images become data URLs, once, byte for byte',
    messages: [user(png('xxbase64,yy'), png('data:image/gif;base64,QQ'))],
    sent: [
      {
        role: 'user',
        content: [pngPart('xxbase64,yy'), { type: 'image_url', image_url: { url: 'data:image/gif;base64,QQ' } }],
      },
    ],
  },
  {
    rule: 'rule 49: URL images keep their URL',
    messages: [user({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } })],
    sent: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
  },
  {
    rule: 'rule 50: text documents become their text, bytes a file, others a placeholder',
    messages: [
      user(
        { type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'body' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } },
        { type: 'document', source: { type: 'url', url: 'https://e.org/a.pdf' } },
        { type: 'document', source: { type: 'content', content: [text('inner'), png()] } },
      ),
    ],
    sent: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'T\nbody' },
          { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,AA' } },
          { type: 'text', text: '[document https://e.org/a.pdf cannot be shown to this model]' },
          { type: 'text', text: 'inner' },
          pngPart(),
        ],
      },
    ],
  },
  {
    rule: 'rule 51: an image by file id is named in text',
    messages: [user({ type: 'image', source: { type: 'file', file_id: 'file_1' } })],
    sent: [{ role: 'user', content: '[image file_1 cannot be shown to this model]' }],
  },
  {
    rule: 'rule 52: unknown blocks stay visible in every role',
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
    rule: 'rule 52: tool references become text',
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
    rule: 'rule 53: unsigned thinking goes back as reasoning, in order',
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
    rule: 'rule 53: reasoning goes back to its maker in its own field',
    messages: [asks, assistant({ type: 'thinking', thinking: 'a', signature: sign('local', 'reasoning') }, text('t'))],
    sent: [asks, { role: 'assistant', content: 't', reasoning: 'a' }],
  },
  {
    rule: 'rule 53, rule 54: reasoning of others, signed by Anthropic or redacted is never sent',
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
    rule: 'rule 66: an empty user turn keeps two assistant turns apart',
    messages: [asks, assistant(text('a')), user(text('')), assistant(text('b'))],
    sent: [
      asks,
      { role: 'assistant', content: 'a' },
      { role: 'user', content: '…' },
      { role: 'assistant', content: 'b' },
    ],
  },
  { rule: 'rule 66: an empty turn beside another user turn vanishes', messages: [asks, user(text(''))], sent: [asks] },
  {
    rule: 'rule 66: a request without any text still has a user message',
    messages: [user(text(''))],
    sent: [{ role: 'user', content: '…' }],
  },
]

describe('rules of the history', () => {
  it.each(byRule(HISTORIES))('%s', (_rule, { messages, sent }) => {
    expect(encodedMessages(...messages)).toEqual(sent)
  })

  it('rule 79: an id given in an answer goes back the same, on the call and its result, in every turn', () => {
    const { content } = wholeAnswer({ tool_calls: [{ id: 'functions.f:0', function: { name: 'f', arguments: '{}' } }] })
    const { id } = content[0] as { id: string }
    const turn = (): unknown => encodedMessages(asks, assistant(...content), user(result(id, 'r')))
    expect(turn()).toMatchObject([{}, { tool_calls: [{ id }] }, { tool_call_id: id }])
    expect(turn()).toEqual(turn())
  })

  it('rule 47: a message of calls alone has null content', () => {
    expect(encodedMessages(asks, assistant(call('a')), user(result('a', 'r')))[1]).toMatchObject({ content: null })
  })
})

describe('the history that goes out', { timeout: FUZZ_MS }, () => {
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
      { numRuns: RUNS },
    )
  })
})

describe('ids of calls', () => {
  const idsOf = (...ids: readonly string[]): readonly (readonly string[])[] => {
    const sent = encodedMessages(...ids.flatMap((id) => [assistant(call(id)), user(result(id, 'r'))]))
    return [
      sent.flatMap((message) => (message.role === 'assistant' ? message.tool_calls!.map(({ id }) => id) : [])),
      sent.flatMap((message) => (message.role === 'tool' ? [message.tool_call_id] : [])),
    ]
  }
  const long = (end: string): string => `chatcmpl-tool-${'0'.repeat(32)}${end}`

  it('of 40 characters stay, and longer ones are shortened alike for a call and its result', () => {
    const [given, results] = idsOf('a'.repeat(40), long('a'), long('b'), long('a'))
    expect(results).toEqual(given)
    expect(given![0]).toBe('a'.repeat(40))
    expect(new Set(given).size).toBe(4)
    expect(given!.every((id) => /^[\w-]{1,40}$/.test(id))).toBe(true)
    expect(idsOf(long('a'))[0]).toEqual([given![1]])
  })

  it('that are used twice stay within the limit', () => {
    const [given, results] = idsOf('a'.repeat(40), 'a'.repeat(40), 'a'.repeat(39), 'a'.repeat(39))
    expect(results).toEqual(given)
    expect(new Set(given).size).toBe(4)
    expect(given!.every((id) => id.length <= 40)).toBe(true)
  })

  it('of any kind and number are told apart within the limit', () => {
    const id = fc.oneof(fc.string({ minLength: 1, maxLength: 60 }), fc.constantFrom(long('a'), 'a', 'a_2'))
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 8 }), (ids) => {
        const [given, results] = idsOf(...ids)
        expect(results).toEqual(given)
        expect(new Set(given).size).toBe(ids.length)
        expect(given!.every((wire) => wire.length <= 40)).toBe(true)
      }),
      { numRuns: RUNS },
    )
  })
})
