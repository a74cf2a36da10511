import { Type } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { withDefaults } from './defaults.ts'

const size = Type.Object({ size: Type.Integer({ default: 2 }) })
const named = Type.Object({ name: Type.String() })

describe('withDefaults', () => {
  it.each([
    ['an absent member', size, {}, { size: 2 }],
    ['one that is there', size, { size: 3 }, { size: 3 }],
    ['one that is wrong', size, { size: 'x', more: 1 }, { size: 'x', more: 1 }],
    [
      'a member of a default',
      Type.Object({ inner: Type.Object(size.properties, { default: {} }) }),
      {},
      { inner: { size: 2 } },
    ],
    ['a member of a member', Type.Object({ inner: size }), { inner: {} }, { inner: { size: 2 } }],
    ['what has no default', Type.Object({ inner: size }), {}, {}],
    ['items', Type.Array(size), [{}, { size: 1 }], [{ size: 2 }, { size: 1 }]],
    ['the first form that fits', Type.Union([named, size]), {}, { size: 2 }],
    ['no form that fits', Type.Union([named, Type.Object({ size: Type.String() })]), { size: 1 }, { size: 1 }],
    ['nothing', Type.Integer({ default: 1 }), undefined, 1],
    ['what is no object', size, 'x', 'x'],
    ['no schema', true, { size: 1 }, { size: 1 }],
  ])('fills %s, whether the schema was made here or read', (_, schema, value, expected) => {
    expect(withDefaults(schema, value)).toEqual(expected)
    expect(withDefaults(JSON.parse(JSON.stringify(schema)), value)).toEqual(expected)
  })

  it('changes nothing that it is given', () => {
    const value = Object.freeze({ inner: Object.freeze({}) })
    expect(withDefaults(Type.Object({ inner: size }), value)).toEqual({ inner: { size: 2 } })
    expect(value).toEqual({ inner: {} })
  })
})
