import type { CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withAnsweredCalls } from './answered-calls.ts'

const call = (id: string): ContentBlock => ({ type: 'tool_use', id, name: 'read', input: {} })
const result = (tool_use_id: string, content: string | ContentBlock[] = 'done'): ContentBlock => {
  return { type: 'tool_result', tool_use_id, content }
}
const failed = (id: string, content: string | ContentBlock[]): ContentBlock => ({
  ...result(id, content),
  is_error: true,
})
const missing = (id: string): ContentBlock => failed(id, '[this call was not answered]')
const text = (said: string): ContentBlock => ({ type: 'text', text: said })
const user = (...content: ContentBlock[]): Message => ({ role: 'user', content })
const assistant = (...content: ContentBlock[]): Message => ({ role: 'assistant', content })
const first: Message = { role: 'user', content: 'hi' }
const said = (role: Message['role'], content: string): Message => ({ role, content })

/** What becomes of the messages behind the first. */
function fit(...messages: Message[]): readonly Message[] {
  const [kept, ...rest] = withAnsweredCalls({ model: 'm', messages: [first, ...messages] }).messages
  expect(kept).toBe(first)
  return rest
}

describe('the calls of a turn', () => {
  it.each<[string, Message[], Message[]]>([
    [
      'rule 43: one without a result gets one that says so',
      [assistant(call('a'), call('b')), user(result('b')), said('user', 'go on')],
      [assistant(call('a'), call('b')), user(result('b'), missing('a')), said('user', 'go on')],
    ],
    [
      'also where nothing but text follows',
      [assistant(call('a')), said('user', 'never mind')],
      [assistant(call('a')), user(missing('a')), said('user', 'never mind')],
    ],
    ['also where nothing follows', [assistant(call('a'))], [assistant(call('a')), user(missing('a'))]],
    [
      'rule 43: a result without a call is what the user says',
      [assistant(text('x')), user(result('a', [text('r'), text('s')]), result('b', 'r'))],
      [
        assistant(text('x')),
        user(text('[result of the tool call a]'), text('r'), text('s'), text('[result of the tool call b]'), text('r')),
      ],
    ],
    [
      'of which nothing is left out but texts that say nothing',
      [user(result('a', [text(' '), { type: 'image' }, text('r')]), { type: 'tool_result', tool_use_id: 'b' })],
      [user(text('[result of the tool call a]'), { type: 'image' }, text('r'), text('[result of the tool call b]'))],
    ],
    [
      'and of which it is told where it was an error, but not twice',
      [user(failed('a', 'exit 1'), failed('b', [text('Error: no')]), failed('c', []))],
      [
        user(
          ...[text('[result of the tool call a]'), text('Error:'), text('exit 1')],
          ...[text('[result of the tool call b]'), text('Error: no')],
          ...[text('[result of the tool call c]'), text('Error:')],
        ),
      ],
    ],
    [
      'so is a second result of one call',
      [assistant(call('a')), user(result('a', '1'), result('a', '2'))],
      [assistant(call('a')), user(result('a', '1'), text('[result of the tool call a]'), text('2'))],
    ],
    [
      'results in several messages come at once, behind the calls',
      [assistant(call('a'), call('b')), said('system', 's'), user(text('t'), result('a')), user(result('b'))],
      [assistant(call('a'), call('b')), user(result('a'), result('b')), said('system', 's'), user(text('t'))],
    ],
    [
      'an id that an earlier call had gets a suffix, and so does its result',
      [
        assistant(call('a')),
        user(result('a')),
        assistant(call('a'), call('a')),
        user(result('a', '1'), result('a', '2')),
      ],
      [
        assistant(call('a')),
        user(result('a')),
        assistant(call('a_2'), call('a_3')),
        user(result('a_2', '1'), result('a_3', '2')),
      ],
    ],
    [
      'turns in a row are one',
      [assistant(call('a')), assistant(text('x'), call('b')), user(result('a'), result('b'))],
      [assistant(call('a')), assistant(text('x'), call('b')), user(result('a'), result('b'))],
    ],
  ])('%s', (_name, given, expected) => {
    expect(fit(...given)).toEqual(expected)
  })

  it('stay as they are where each has its result', () => {
    const request: CanonicalRequest = {
      model: 'm',
      messages: [first, assistant(text('x'), call('a'), call('b')), user(result('b'), result('a'), text('y'))],
    }
    expect(withAnsweredCalls(request)).toEqual(request)
  })
})

it('any history has one id for each call, and one result for each directly behind its turn', () => {
  const id = fc.constantFrom('a', 'b', 'a_2')
  const block = fc.oneof(
    id.map(call),
    id.map((one) => result(one)),
    fc.constant(text('x')),
  )
  const message = fc.tuple(fc.boolean(), fc.array(block, { minLength: 1 })).map(([model, blocks]): Message => {
    const kept = blocks.filter(({ type }) => type !== (model ? 'tool_result' : 'tool_use'))
    return { role: model ? 'assistant' : 'user', content: kept.length > 0 ? kept : 'x' }
  })
  type Ids = { readonly id?: string; readonly tool_use_id?: string }
  const blocksOf = ({ content }: Message) => (typeof content === 'string' ? [] : content) as readonly Ids[]
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const sent = withAnsweredCalls({ model: 'm', messages }).messages
      const ids = sent.flatMap(blocksOf).flatMap((one) => (one.id === undefined ? [] : [one.id]))
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.length).toBe(messages.flatMap(blocksOf).filter(({ id: made }) => made !== undefined).length)
      let open: string[] = []
      for (const one of sent) {
        if (one.role === 'assistant') open.push(...blocksOf(one).flatMap(({ id: made }) => made ?? []))
        else {
          expect(
            blocksOf(one)
              .flatMap((inner) => inner.tool_use_id ?? [])
              .toSorted(),
          ).toEqual(open.toSorted())
          open = []
        }
      }
      expect(open).toEqual([])
    }),
  )
})
