import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { membersOf } from './log-line.ts'

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
    expect(membersOf({ at: new Date(0), secret: { toJSON: () => '[secret]' } })).toBe(
      `,"at":"${new Date(0).toISOString()}","secret":"[secret]"`,
    )
  })

  it('finds a circle instead of following it', () => {
    const circle: Record<string, unknown> = {}
    circle.again = circle
    expect(() => membersOf(circle)).toThrow(TypeError)
  })

  it('is one line whatever a client named', () => {
    expect(membersOf({ model: 'a"\n\u2028\ud800' })).toBe(`,"model":${JSON.stringify('a"\n\u2028\ud800')}`)
  })
})
