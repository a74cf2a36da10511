import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asDeclared } from './as-declared.ts'
import { Type } from './typebox/index.ts'

const schema = Type.Object(
  {
    count: Type.Optional(Type.Integer({ minimum: 0 })),
    share: Type.Optional(Type.Number()),
    on: Type.Optional(Type.Boolean()),
    text: Type.Optional(Type.String()),
    either: Type.Optional(Type.Union([Type.String({ pattern: '^a' }), Type.Integer(), Type.Null()])),
    list: Type.Optional(Type.Array(Type.Integer())),
    level: Type.Optional(Type.Union([Type.Literal('warn'), Type.Literal('Info')])),
    inner: Type.Optional(Type.Object({ size: Type.Optional(Type.Integer()) })),
    table: Type.Optional(Type.Record(Type.String({ pattern: '^k' }), Type.Object({ size: Type.Integer() }))),
    one: Type.Optional(
      Type.Union([Type.Integer(), Type.Object({ size: Type.Integer(), name: Type.Optional(Type.String()) })]),
    ),
  },
  { additionalProperties: Type.Optional(Type.Boolean()) },
)

describe('a value as its schema declares it', () => {
  it.each([
    [{ count: '60000' }, { count: 60000 }],
    [{ count: '007' }, { count: 7 }],
    [{ share: '-0.5e1' }, { share: -5 }],
    [{ on: 'true' }, { on: true }],
    [{ on: 'false' }, { on: false }],
    [{ either: '5' }, { either: 5 }],
    [{ list: ['1', 2] }, { list: [1, 2] }],
    [{ list: 1 }, { list: [1] }],
    [{ list: '1' }, { list: [1] }],
    [{ level: 'WARN' }, { level: 'warn' }],
    [{ level: 'info' }, { level: 'Info' }],
    [{ inner: [] }, { inner: {} }],
    [{ table: { k: { size: '1', more: '1' } } }, { table: { k: { size: 1, more: '1' } } }],
    [{ one: '1' }, { one: 1 }],
    [{ one: { size: '1', name: '2' } }, { one: { size: 1, name: '2' } }],
    [{ more: 'true' }, { more: true }],
    [
      { count: '', share: '', on: '', more: '', text: '', table: { k: { size: '' } } },
      { text: '', table: { k: {} } },
    ],
    [
      { count: '1', on: 'maybe' },
      { count: 1, on: 'maybe' },
    ],
  ])('%j is %j', (value, declared) => {
    const before = structuredClone(value)
    expect(asDeclared(schema, value)).toEqual(declared)
    expect(value).toEqual(before)
  })

  it.each([
    { text: '5', either: 'a' },
    { count: '-1' },
    { count: '1.5' },
    { count: ' 1' },
    { count: '1k' },
    { list: [''], either: '', one: '' },
    { count: '1e999' },
    { count: true },
    { count: null },
    { on: 'True' },
    { on: '1' },
    { on: 1 },
    { either: 'true' },
    { one: { size: 'x' } },
    { list: 'x' },
    { list: null },
    { level: 'loud' },
    { level: 1 },
    { inner: [1] },
    { inner: '' },
    { text: 5 },
  ])('%j stays as it is', (value) => {
    expect(asDeclared(schema, value)).toEqual(value)
  })

  it('is the value itself where it fits', () => {
    const value = { count: 1, list: [1] }
    expect(asDeclared(schema, value)).toBe(value)
  })

  it('is what any number, true and false say as text', () => {
    const either = Type.Object({ value: Type.Union([Type.Number(), Type.Boolean()]) })
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()), (value) => {
        expect(asDeclared(either, { value: JSON.stringify(value) })).toEqual({
          value: Object.is(value, -0) ? 0 : value,
        })
      }),
    )
  })
})
