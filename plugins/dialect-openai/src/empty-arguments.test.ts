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

describe('an empty object before the arguments', () => {
  const named = (id: string, text: string): object => part(0, { name: 'f', arguments: text }, id)

  it.each([[['{}', '{"a":1}']], [['{}', '{', '"a":1', '}']], [['{ }', ' ', '{"a":1}']], [['{}', '{}', '{"a":1}']]])(
    'is none of them, streamed as %j',
    (fragments) => {
      expect(answer(pieces(...fragments), 'tool_calls').content).toEqual([tool('a', 'f', { a: 1 })])
    },
  )

  it('is none of them where it came with the name', () => {
    const deltas = [calls(named('a', '{}')), calls(part(0, { arguments: '{"a":1}' }))]
    expect(answer(deltas, 'tool_calls').content).toEqual([tool('a', 'f', { a: 1 })])
  })

  it('is all of them where nothing follows, also of a call that the token limit ended', () => {
    for (const reason of ['tool_calls', 'length'])
      expect(answer(pieces('{}'), reason).content).toEqual([tool('a', 'f')])
  })

  it('is all of them where another call follows', () => {
    const third = part(1, { name: 'g', arguments: '{}' }, 'c')
    const deltas = [calls(named('a', '{}')), calls(named('b', '{}')), calls(third)]
    expect(answer(deltas, 'tool_calls').content).toEqual([tool('a', 'f'), tool('b', 'f'), tool('c', 'g')])
  })

  it('of two calls without ids and numbers is two calls', () => {
    const call = (): object => part(undefined, { name: 'f', arguments: '{}' })
    expect(answer([calls(call()), calls(call())], 'tool_calls').content).toHaveLength(2)
  })

  it('holds up nothing that follows', () => {
    const events = [...pieces('{}'), { content: 'a' }].map((delta) => chunk(delta))
    const written = JSON.stringify(decode([...events, chunk({ content: 'b' }), chunk({}, 'tool_calls'), DONE]))
    expect(written.indexOf('"a"')).toBeLessThan(written.indexOf('"b"'))
    expect(written).toContain('"text":"a"')
  })

  it('is not left out before anything but an object', () => {
    const events = [...pieces('{}', '[1]').map((delta) => chunk(delta)), chunk({}, 'tool_calls'), DONE]
    expect(() => messageOf(decode(events))).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })
})
