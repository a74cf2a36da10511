import { expect, it } from 'vitest'
import { fitted } from './fitted.ts'
import { Type } from './typebox/index.ts'

const schema = Type.Object({ size: Type.Integer({ default: 5, minimum: 1 }), on: Type.Boolean({ default: true }) })

it.each([
  [{}, { size: 5, on: true }],
  [
    { size: '7', on: 'false' },
    { size: 7, on: false },
  ],
  [
    { size: '', on: '' },
    { size: 5, on: true },
  ],
])('options that say %j are %j', (said, value) => {
  expect(fitted(schema, said)).toEqual({ value, faults: [], place: undefined })
})
