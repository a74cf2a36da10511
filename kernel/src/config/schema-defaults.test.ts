import { Type } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { withDefaults } from './schema-defaults.ts'

const Options = Type.Object({
  size: Type.Integer({ default: 3 }),
  name: Type.Optional(Type.String()),
  deep: Type.Object({ on: Type.Boolean({ default: true }) }, { default: {} }),
  list: Type.Array(Type.String(), { default: [] }),
})
/** As the manifest of a plugin holds it. */
const plain = JSON.parse(JSON.stringify(Options)) as unknown

describe('the defaults of a schema out of a manifest', () => {
  it.each([
    [{}, { size: 3, deep: { on: true }, list: [] }],
    [undefined, undefined],
    [5, 5],
    [
      { size: 'x', deep: { on: false }, more: 1 },
      { size: 'x', deep: { on: false }, list: [], more: 1 },
    ],
  ])('fill in what %j lacks', (value, expected) => {
    expect(withDefaults(plain, value)).toEqual(expected)
  })

  it('leave what they are given as it is', () => {
    const given = Object.freeze({ deep: Object.freeze({}) })
    expect(withDefaults(plain, given)).toMatchObject({ deep: { on: true } })
    expect(given).toEqual({ deep: {} })
  })
})
