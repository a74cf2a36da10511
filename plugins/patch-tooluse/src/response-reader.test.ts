import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResponseReader } from './response-reader.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

function read(text: string, size = text.length) {
  const reader = new ResponseReader()
  const said: string[] = []
  for (let at = 0; at < text.length; at += size) said.push(reader.push(text.slice(at, at + size)))
  const streamed = said.join('')
  const rest = reader.end()
  return { text: streamed + rest, streamed, said, broken: reader.broken }
}

/** No half of a character stands alone. */
const isWhole = (text: string): boolean => !/\p{Surrogate}/u.test(text)

describe('the response of the exit tool', () => {
  it(
    'arrives as its JSON does, however that is cut, and no character is ever cut',
    { timeout: 60_000 + RUNS * 30 },
    () => {
      const response = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc
          .array(fc.constantFrom('\ud83d', '\ude00', '😀', '"', '\\', '\n', 'a', '\u0000'), { maxLength: 8 })
          .map((all) => all.join('')),
      )
      const escapes = fc.constantFrom<(text: string) => string>(
        (text) => text,
        (text) => text.replace(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
        (text) => text.replaceAll('a', '\\u0061').replaceAll('/', '\\/'),
      )
      const after = fc.constantFrom('', ',"more":"x"', ' , "a":{"response":"y"}')
      fc.assert(
        fc.property(response, escapes, after, fc.integer({ min: 1, max: 9 }), (value, escape, more, size) => {
          const json = ` {"response" : ${escape(JSON.stringify(value))}${more}}`
          const { text, streamed, said, broken } = read(json, size)
          expect([text, broken]).toEqual([value, false])
          if (isWhole(value)) {
            expect(streamed).toBe(value)
            for (const piece of said) expect(isWhole(piece)).toBe(true)
          }
        }),
        { numRuns: RUNS },
      )
    },
  )

  it.each([
    ['{"more":1,"response":"a"}', 'a'],
    ['{"answer":"a","n":1,"other":"b"}', 'a\nb'],
    ['{"response":{"a":1}}', '{"a":1}'],
    ['{"response":null}', ''],
    ['{"a":{"response":"x"}}', ''],
    ['{}', ''],
    [' ', ''],
    ['', ''],
    ['{"response":"a","response":"ab"}', 'ab'],
  ])('of %s is %j', (json, expected) => {
    for (const size of [1, 3, 99]) expect(read(json, size)).toMatchObject({ text: expected, broken: false })
  })

  it.each([
    ['{"response":"a'],
    ['{"response":"a"'],
    ['{"response":"\\x"}'],
    ['{"response":"\\u00g1"}'],
    ['a'],
    ['["a"]'],
  ])('of %s is none', (json) => {
    for (const size of [1, 3, 99]) expect(read(json, size).broken).toBe(true)
  })

  it('is bounded', () => {
    const reader = new ResponseReader()
    const piece = 'x'.repeat(1024 * 1024)
    expect(() => {
      for (let count = 0; count < 9; count++) reader.push(piece)
    }).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
    expect(new ResponseReader().push(null)).toBe('')
  })
})
