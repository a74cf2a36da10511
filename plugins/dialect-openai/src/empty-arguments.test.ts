import { describe, expect, it } from 'vitest'
import { calls, part, tool } from '../test/deltas.ts'
import { answer, decode, chunk, DONE, messageOf, wholeAnswer } from '../test/harness.ts'

/** A call whose arguments come in these fragments. */
const pieces = (...fragments: readonly string[]): object[] => [
  calls(part(0, { name: 'f', arguments: '' }, 'a')),
  ...fragments.map((fragment) => calls(part(0, { arguments: fragment }))),
]

describe('rule 73: arguments that are the text null', () => {
  it.each([[['null']], [['nu', 'll']], [[' ', 'null', ' ']], [['n', 'u', 'l', 'l', '\n']]])(
    'are none, streamed as %j',
    (fragments) => {
      expect(answer(pieces(...fragments), 'tool_calls').content).toEqual([tool('a', 'f')])
    },
  )

  it('are none in a whole answer, also beside other calls', () => {
    const tool_calls = [
      { id: 'a', function: { name: 'f', arguments: 'null' } },
      { id: 'b', function: { name: 'f', arguments: '{"a":null}' } },
    ]
    const { content } = wholeAnswer({ tool_calls }, 'tool_calls')
    expect(content).toEqual([tool('a', 'f'), tool('b', 'f', { a: null })])
  })

  it('are none of the older form of a call', () => {
    const { content } = wholeAnswer({ function_call: { name: 'f', arguments: 'null' } }, 'function_call')
    expect(content).toMatchObject([{ type: 'tool_use', name: 'f', input: {} }])
  })

  it('are left alone inside of an object', () => {
    const { content } = answer(pieces('{"a":', 'null', '}'), 'tool_calls')
    expect(content).toEqual([tool('a', 'f', { a: null })])
  })

  it.each([[['nul']], [['nu', 'x']], [['null', '{}']], [['nullx']]])('are an error when they are %j', (fragments) => {
    const events = [...pieces(...fragments).map((delta) => chunk(delta)), chunk({}, 'tool_calls'), DONE]
    expect(() => messageOf(decode(events))).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })

  it('that the token limit cut are no call', () => {
    expect(answer(pieces('nu'), 'length')).toMatchObject({ content: [], stop_reason: 'max_tokens' })
  })
})
