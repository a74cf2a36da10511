import { writeJson } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { repairArguments } from './repair.ts'

describe('arguments', () => {
  it.each<readonly [string, string, unknown]>([
    ['single quotes', "{'a': 'it\\'s'}", { a: "it's" }],
    ['keys without quotes', '{a: 1, b: [true]}', { a: 1, b: [true] }],
    ['a comma too many', '{"a": 1, "b": [1, 2,],}', { a: 1, b: [1, 2] }],
    ['a comma too few', '{"a": 1 "b": 2}', { a: 1, b: 2 }],
    ['words of Python', '{"a": True, "b": None}', { a: true, b: null }],
    ['line ends in a string', '{"a": "x\ny"}', { a: 'x\ny' }],
    ['quotes in a string', '{"a": "say "hi" now"}', { a: 'say "hi" now' }],
    ['comments', '{"a": 1 /* one */} // done', { a: 1 }],
    ['a code block', '```json\n{"a": 1}\n```', { a: 1 }],
    ['a bracket too many', '{"a": 1}}', { a: 1 }],
    ['a bracket too few', '{"a": {"b": "x"}', { a: { b: 'x' } }],
    ['brackets too few behind a number', '{"a": [1, 2', { a: [1, 2] }],
    ['a string that holds them', '"{\\"a\\": 1}"', { a: 1 }],
    ['a string that holds nearly them', '"{a: 1}"', { a: 1 }],
    ['none', 'null', {}],
  ])('with %s are read', (_, text, expected) => {
    expect(repairArguments(text)).toEqual(expected)
  })

  it('keep integers of 64 bits', () => {
    expect(writeJson(repairArguments("{'id': 1234567890123456789}"))).toBe('{"id":1234567890123456789}')
  })

  it.each([
    '{',
    '{"a":',
    '{"a": 1,',
    '{"a": "x',
    '{"a": "x, y}',
    "{'a': 'x",
    '{"a": tr',
    '{"path": "a", "content": "line\\n',
    '```json\n{"a": "x',
    '"{\\"a\\": \\"x"',
  ])('that may have been cut are not completed: %s', (text) => {
    expect(repairArguments(text)).toBeUndefined()
  })

  it.each(['hello', '[1]', '"a"', '1', '{"a":1}{"b":2}', '[{"a":1}]', '', '{'.repeat(50_000) + '}'.repeat(50_000)])(
    'that are no object stay what they are: %#',
    (text) => {
      expect(repairArguments(text)).toBeUndefined()
    },
  )
})
