import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineBuffer } from './log-line.ts'

function membersOf(fields: object): string {
  const line = new LineBuffer(1024 * 1024)
  line.members(fields)
  expect(line.full).toBe(false)
  expect(Buffer.byteLength(line.toString())).toBe(line.used)
  return line.toString()
}

const parsed = (fields: object): unknown => JSON.parse(`{"first":0${membersOf(fields)}}`)
const expected = (fields: object): unknown => JSON.parse(JSON.stringify({ first: 0, ...fields }))

describe('a line of a log', () => {
  it('holds what JSON.stringify would write', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.anything({ withNullPrototype: true })), (fields) => {
        delete fields.first
        expect(parsed(fields)).toEqual(expected(fields))
      }),
    )
  })

  it('leaves out what is undefined, and writes no number that JSON does not know', () => {
    const fields = { one: undefined, two: NaN, three: [undefined, -0, 1e21], four: { five: undefined, six: null } }
    expect(membersOf(fields)).toBe(',"two":null,"three":[null,0,1e+21],"four":{"six":null}')
    expect(membersOf({})).toBe('')
  })

  it('asks what knows how it is written', () => {
    const secret = new (class {
      readonly value = 'CANARY'
      toJSON = (): string => '[secret]'
    })()
    const at = new Date(0)
    expect(membersOf({ at, secret })).toBe(`,"at":"${at.toISOString()}","secret":"[secret]"`)
  })

  it('finds a circle instead of following it', () => {
    const circle: Record<string, unknown> = {}
    circle.again = circle
    expect(() => membersOf(circle)).toThrow(TypeError)
  })

  it('is one line whatever a client named', () => {
    expect(membersOf({ model: 'a"\n\u2028é' })).toBe(`,"model":${JSON.stringify('a"\n\u2028é')}`)
  })

  it('that finds no room says so, and what was before it stays', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.string({ unit: 'binary', maxLength: 60 }), (size, text) => {
        const line = new LineBuffer(size)
        line.text('{"a":1')
        const before = line.used
        const fields = { text, list: [text, 1, true] }
        line.members(fields)
        line.text('}')
        expect(line.used).toBeLessThanOrEqual(size)
        if (!line.full) {
          expect(JSON.parse(line.toString())).toEqual(JSON.parse(JSON.stringify({ a: 1, ...fields })))
          return
        }
        line.reset(before)
        expect([line.full, line.toString()]).toEqual([false, before === 0 ? '' : '{"a":1'])
      }),
    )
  })
})
