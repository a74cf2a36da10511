import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepeatedChunk } from './repeated-chunk.ts'

const chunk = (delta: object, rest: object = {}): string =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: null, logprobs: null }], model: 'm', ...rest })

/** What a reader that learnt from the first text says of the second. */
function after(first: string, second: string): unknown {
  const repeated = new RepeatedChunk()
  repeated.learn(first)
  return repeated.read(second)
}

/** How often a chunk was known, while each one is checked against JSON.parse. */
function readAll(texts: readonly string[]): number {
  const repeated = new RepeatedChunk()
  let known = 0
  for (const text of texts) {
    const value = repeated.read(text)
    if (value) {
      known++
      expect(value).toEqual(JSON.parse(text))
      expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)))
    } else repeated.learn(text)
  }
  return known
}

describe('a chunk that differs from the one before in its text', () => {
  it.each(['content', 'reasoning_content', 'reasoning'])('is known by its %s', (key) => {
    expect(after(chunk({ [key]: 'one' }), chunk({ [key]: 'two' }))).toEqual(JSON.parse(chunk({ [key]: 'two' })))
  })

  it('is what JSON.parse makes of it, whatever its text, its space and its other fields', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '","x":"', '\n', '"}}]}', '\\"'))
    const extra = fc.dictionary(fc.constantFrom('content', 'usage', 'x'), fc.oneof(fc.jsonValue(), text))
    fc.assert(
      fc.property(fc.array(text), extra, extra, fc.constantFrom(0, 1), (texts, inner, outer, space) => {
        const shape = (content: string): string =>
          JSON.stringify({ choices: [{ delta: { ...inner, content, ...outer }, index: 0 }], ...outer }, null, space)
        readAll(texts.map(shape))
      }),
    )
  })

  it('is an object of its own', () => {
    const repeated = new RepeatedChunk()
    repeated.learn(chunk({ content: 'a' }))
    const first = repeated.read(chunk({ content: 'b' })) as unknown as { choices: { delta: { content: string } }[] }
    first.choices[0]!.delta.content = 'changed'
    first.choices.push({ delta: { content: 'added' } })
    expect(repeated.read(chunk({ content: 'c' }))).toEqual(JSON.parse(chunk({ content: 'c' })))
  })

  it.each([
    ['a second text', '{"choices":[{"delta":{"content":"a","refusal":"b"}}]}'],
    ['a field that ends the string and begins another', '{"choices":[{"delta":{"content":"a","content":"b"}}]}'],
    ['nothing between head and tail', '{"choices":[{"delta":{"content":"}}]}'],
    ['another model', chunk({ content: 'a' }, { model: 'n' })],
    ['a text that is no JSON string', '{"choices":[{"delta":{"content":"\u0001"}}]}'],
    ['a broken escape', '{"choices":[{"delta":{"content":"\\x"}}]}'],
  ])('is not taken for one with %s', (_, second) => {
    expect(after('{"choices":[{"delta":{"content":"a"}}]}', second)).toBeUndefined()
  })

  it.each([
    ['a key that comes twice', '{"choices":[{"delta":{"content":"a","content":"any text at all"}}]}'],
    ['a text elsewhere', '{"content":"a","choices":[{"delta":{}}]}'],
    ['another object in it', '{"choices":[{"delta":{"content":"a"}}],"usage":{"total_tokens":1}}'],
    ['an object in its delta', '{"choices":[{"delta":{"content":"a","annotations":[]}}]}'],
    ['two choices', '{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"a"}}]}'],
    ['an escape that may spell anything', '{"content":"a","choices":[{"delta":{"content":"\\u0061ny text at all"}}]}'],
    ['no object', '"\\"content\\":\\"a\\""'],
    ['a size that is rare', chunk({ content: 'a'.repeat(5000) })],
  ])('is not sought after one with %s', (_, first) => {
    expect(after(first, first)).toBeUndefined()
  })

  it('is not sought for ever where chunks differ in more', () => {
    const salted = Array.from({ length: 20 }, (_, at) => chunk({ content: `t${at}` }, { obfuscation: `${at}` }))
    const plain = Array.from({ length: 20 }, (_, at) => chunk({ content: `t${at}` }))
    expect(readAll(salted)).toBe(0)
    expect(readAll(plain)).toBe(19)
    expect(readAll([...salted, ...plain])).toBe(0)
    expect(readAll([...plain, chunk({ reasoning: 'a' }), ...plain])).toBe(19 + 19)
  })
})
