import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deepFreeze } from './freeze.ts'
import { parseJson, writeJson } from './json-numbers.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 300)
const there = (text: string): string => writeJson(parseJson(text))

describe('numbers that a number cannot hold', () => {
  it.each([
    '{"id":1234567890123456789}',
    '{"id":-9223372036854775808,"max":18446744073709551615}',
    '[0.1000000000000000055,1234567890123456789012345]',
    '{"a":[{"b":{"c":[1,12345678901234567891,"x"]}}],"d":"12345678901234567891"}',
    '{"text":"a \\"12345678901234567891\\" \\\\","n":12345678901234567891}',
    '{"__proto__":12345678901234567891}',
  ])('are written as they were read: %s', (text) => {
    expect(there(text)).toBe(text)
  })

  it.each([
    ['{ "id" : 12345678901234567891 }', '{"id":12345678901234567891}'],
    ['[\r\n\t-12345678901234567891 ,1]', '[-12345678901234567891,1]'],
    ['[1.00000000000000000001,12345678901234567891E2]', '[1.00000000000000000001,12345678901234567891E2]'],
  ])('are found wherever a number may stand: %j', (text, written) => {
    expect(writeJson([parseJson(text)])).toBe(`[${written}]`)
  })

  it('are found behind texts of any length that look like them', () => {
    for (const text of ['1234567890123456', '1e16', '-0.', ' 1234567890123456 ', '1234567890123456e'])
      for (let times = 1; times < 40; times++) {
        const long = `{"text":"${text.repeat(times)}","id":12345678901234567891}`
        expect(there(long)).toBe(long)
      }
  })

  it('take no longer in a text of millions of digits', () => {
    const text = `{"text":"${'1234567890123456e'.repeat(500_000)}"}`
    expect(there(text)).toBe(text)
  })

  it('are numbers to who reads them', () => {
    const value = parseJson('{"id":1234567890123456789,"list":[12345678901234567891]}')
    expect(value).toStrictEqual(JSON.parse('{"id":1234567890123456789,"list":[12345678901234567891]}'))
    expect(JSON.stringify(value)).toBe('{"id":1234567890123456800,"list":[12345678901234567000]}')
  })

  it('stay in what was frozen, and in what holds it', () => {
    const { input } = deepFreeze(parseJson('{"input":{"id":1234567890123456789}}')) as { readonly input: unknown }
    expect(writeJson({ content: [{ input }] })).toBe('{"content":[{"input":{"id":1234567890123456789}}]}')
  })

  it('do not come back after a change', () => {
    const value = parseJson('{"id":1234567890123456789,"of":12345678901234567891}') as { id: number }
    expect(writeJson({ ...value, id: 1 })).toBe('{"id":1,"of":12345678901234567000}')
    value.id = 2
    expect(writeJson(value)).toBe('{"id":2,"of":12345678901234567891}')
  })

  it('leave a field called toJSON alone', () => {
    expect(there('{"toJSON":"x","id":12345678901234567891}')).toBe('{"toJSON":"x","id":12345678901234567000}')
  })

  it('make nothing valid that is not', () => {
    for (const text of ['{12345678901234567891:1}', '[012345678901234567891]', '["a"12345678901234567891]', ''])
      expect(() => parseJson(text)).toThrow(SyntaxError)
  })

  it('may stand at any depth', () => {
    const text = `${'['.repeat(50_000)}12345678901234567891${']'.repeat(50_000)}`
    expect(parseJson(text)).toHaveLength(1)
  })
})

it('everything else is read and written as JSON always is', { timeout: 30_000 }, () => {
  const digits = fc.bigInt().map((value) => JSON.stringify(String(value)))
  fc.assert(
    fc.property(fc.jsonValue(), digits, (value, text) => {
      const json = `{"value":${JSON.stringify(value)},"text":${text}}`
      expect(parseJson(json)).toEqual(JSON.parse(json))
      expect(there(json)).toBe(JSON.stringify(JSON.parse(json)))
    }),
    { numRuns: RUNS },
  )
})

it('integers of any size keep their digits anywhere', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.bigInt())), (list) => {
      const text = `[${list.map(([key, value]) => `{${JSON.stringify(key)}:${value}}`).join(',')}]`
      expect(there(text)).toBe(text)
    }),
    { numRuns: RUNS },
  )
})
