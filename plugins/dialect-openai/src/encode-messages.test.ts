import type { CanonicalRequest, ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encodedMessages } from '../test/harness.ts'

type Messages = CanonicalRequest['messages']
type Said = readonly Readonly<Record<string, unknown>>[]
const user = (...content: Said) => ({ role: 'user', content: content as unknown as ContentBlock[] }) as const
const assistant = (...content: Said) => ({ role: 'assistant', content: content as unknown as ContentBlock[] }) as const
const text = (said: string): Said[number] => ({ type: 'text', text: said })
const call = (id: string, input?: object): Said[number] => ({
  type: 'tool_use',
  id,
  name: 'f',
  ...(input && { input }),
})
const result = (tool_use_id: string, content?: unknown, more: object = {}): Said[number] => ({
  ...{ type: 'tool_result', tool_use_id, content },
  ...more,
})
const image = { type: 'image', source: { type: 'url', url: 'https://e.org/a.png' } }
const part = { type: 'image_url', image_url: { url: 'https://e.org/a.png' } }
const asks = { role: 'user', content: 'q' } as const
const calls = (...ids: readonly string[]): object => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
})
const tool = (tool_call_id: string, content = ''): object => ({ role: 'tool', tool_call_id, content })
const UNANSWERED = '[this call was not answered]'

describe('a history', () => {
  it.each<[string, Messages, readonly object[]]>([
    ['of nothing has a user message', [], [{ role: 'user', content: '…' }]],
    [
      'of system messages alone has a user message',
      [{ role: 'system', content: 's' }],
      [
        { role: 'system', content: 's' },
        { role: 'user', content: '…' },
      ],
    ],
    ['that an assistant begins', [{ role: 'assistant', content: 'a' }], [{ role: 'assistant', content: 'a' }]],
    ['leaves out a turn that says nothing', [asks, { role: 'assistant', content: '' }], [asks]],
    ['leaves out reasoning that nobody may read', [asks, assistant({ type: 'redacted_thinking', data: 'd' })], [asks]],
    [
      'names a picture of the model',
      [asks, assistant(image)],
      [asks, { role: 'assistant', content: '[content of type image cannot be shown to this model]' }],
    ],
    ['leaves out an empty text beside another', [user(text(''), text('a'))], [{ role: 'user', content: 'a' }]],
    [
      'gives a call without input an object',
      [asks, assistant(call('a')), user(result('a'))],
      [asks, calls('a'), tool('a')],
    ],
    [
      'tells calls of one id apart, in one turn and in several, with their results',
      [
        assistant(call('a'), call('a')),
        user(result('a', '1'), result('a', '2'), result('a', '3')),
        assistant(call('a')),
        user(result('a', '4')),
        assistant(call('a_2')),
      ],
      [
        calls('a', 'a_2'),
        tool('a', '1'),
        tool('a_2', '2'),
        { role: 'user', content: '[result of the tool call a]\n3' },
        calls('a_3'),
        tool('a_3', '4'),
        calls('a_2_2'),
        tool('a_2_2', UNANSWERED),
      ],
    ],
    [
      'keeps the pictures of a result that nobody asked for',
      [asks, user(result('x', [image, text('t')]))],
      [asks, { role: 'user', content: [{ type: 'text', text: '[result of the tool call x]\nt' }, part] }],
    ],
    [
      'has results before what else was said, of whatever kind',
      [assistant(call('a')), asks, user({ type: 'later', any: 1 }, result('a', 'r'))],
      [
        calls('a'),
        tool('a', 'r'),
        asks,
        { role: 'user', content: '[content of type later cannot be shown to this model]' },
      ],
    ],
    ...[
      ['no', 'Error: no'],
      ['error: no', 'error: no'],
      ['ERROR', 'ERROR'],
      ['an error', 'Error: an error'],
    ].map(([said, told]): [string, Messages, readonly object[]] => [
      `says that a result failed: ${said}`,
      [assistant(call('a')), user(result('a', said, { is_error: true }))],
      [calls('a'), tool('a', told)],
    ]),
    [
      'joins the texts of a result, and sets apart what stands for another block',
      [
        assistant(call('a')),
        user(result('a', [text('1'), text('2'), { type: 'tool_reference', tool_name: 'g' }, text('3')])),
      ],
      [calls('a'), tool('a', '12\n[tool g]\n3')],
    ],
    [
      'says where the picture of a result is',
      [assistant(call('a')), user(result('a', [image]))],
      [calls('a'), tool('a', '[the result is the image below]'), { role: 'user', content: [part] }],
    ],
  ])('%s', (_name, messages, sent) => {
    expect(encodedMessages(...messages)).toEqual(sent)
  })

  it('has an id of at most 40 characters for any call, and the same for its result', () => {
    const [long, other] = ['x'.repeat(41), `${'x'.repeat(40)}y`]
    const sent = encodedMessages(
      asks,
      assistant(call(long), call(other), call('y'.repeat(40))),
      user(result(long), result(other)),
    )
    const ids = (sent[1] as { tool_calls: readonly { id: string }[] }).tool_calls.map(({ id }) => id)
    expect(ids).toEqual([expect.stringMatching(/^call_[0-9a-f]{32}$/), expect.stringMatching(/^call_/), 'y'.repeat(40)])
    expect(new Set(ids).size).toBe(3)
    expect(sent.slice(2)).toEqual([tool(ids[0]!), tool(ids[1]!), tool(ids[2]!, UNANSWERED)])
    expect(encodedMessages(asks, assistant(call(long)))[1]).toMatchObject({ tool_calls: [{ id: ids[0] }] })
  })
})
