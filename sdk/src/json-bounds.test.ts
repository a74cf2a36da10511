import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBounded } from './json-bounds.ts'
import { MAX_DEPTH, MAX_VALUES } from './json-scan.ts'
import { parseObject } from './message.ts'

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const list = (values: number): string => `{"a":[${Array.from({ length: values - 2 }, () => '[]').join(',')}]}`

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('a JSON text of an upstream', { timeout: 30_000 }, () => {
  it('is within bounds to the last level, and to the last value', () => {
    expect(isBounded(nested(MAX_DEPTH))).toBe(true)
    expect(isBounded(nested(MAX_DEPTH + 1))).toBe(false)
    expect(isBounded(list(MAX_VALUES))).toBe(true)
    expect(isBounded(list(MAX_VALUES + 1))).toBe(false)
  })

  it('may have any number of brackets and commas in its texts, and of levels beside each other', () => {
    for (const text of ['[', '[\\"', '\\\\', '{"a":[', ',\\\\\\"'])
      expect(isBounded(JSON.stringify({ a: text.repeat(300_000) }))).toBe(true)
    expect(isBounded(`[${Array.from({ length: 9_000 }, () => '[[]]').join(',')}]`)).toBe(true)
  })

  it('is judged by its depth, whatever stands in its texts', () => {
    const value = fc.tuple(fc.jsonValue(), fc.integer({ min: 190, max: 210 }))
    fc.assert(
      fc.property(value, ([inner, levels]) => {
        let whole: unknown = inner
        for (let level = 0; level < levels; level++) whole = level % 2 ? [whole, '"]}\\'] : { '{[\\"': whole }
        expect(isBounded(JSON.stringify(whole))).toBe(depthOf(whole) <= MAX_DEPTH)
      }),
    )
  })

  it('is no object to anyone where it is beyond them', () => {
    expect(parseObject(nested(MAX_DEPTH))).toEqual(JSON.parse(nested(MAX_DEPTH)))
    expect(parseObject(nested(MAX_DEPTH + 1))).toBeUndefined()
    expect(parseObject(nested(100_000))).toBeUndefined()
    expect(parseObject(list(MAX_VALUES + 1))).toBeUndefined()
  })
})
