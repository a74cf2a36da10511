import { describe, expect, it } from 'vitest'
import type { JsonObject } from './canonical.ts'
import { lowerSchema, type SchemaSupport } from './tool-schema.ts'

const FULL: SchemaSupport = {
  keywords: new Set([
    ...'type description properties required items prefixItems additionalProperties enum anyOf $ref $defs'.split(' '),
    ...'oneOf allOf not if then else contains propertyNames patternProperties dependentSchemas'.split(' '),
    ...'unevaluatedProperties unevaluatedItems definitions'.split(' '),
  ]),
  nulls: 'type',
  typeLists: true,
  enums: 'any',
}

describe('a target that takes all of JSON Schema', () => {
  it.each([
    ...'not if then else contains propertyNames additionalProperties unevaluatedProperties unevaluatedItems'.split(' '),
    'items',
  ])('keeps the schema in %s', (key) => {
    expect(lowerSchema({ [key]: { type: 'STRING' } }, FULL)[key]).toEqual({ type: 'string' })
    expect(lowerSchema({ [key]: { type: 'STRING' } }, { ...FULL, keywords: new Set(['type']) })).not.toHaveProperty(key)
  })

  it.each(['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'])(
    'keeps the schemas by name in %s',
    (key) => {
      expect(lowerSchema({ [key]: { a: { type: 'STRING' } } }, FULL)[key]).toEqual({ a: { type: 'string' } })
    },
  )

  it.each(['anyOf', 'oneOf', 'allOf', 'prefixItems'])('keeps the schemas listed in %s', (key) => {
    const given = [{ type: 'STRING' }, { type: 'NUMBER', nullable: true }]
    expect(lowerSchema({ [key]: given }, FULL)[key]).toEqual([{ type: 'string' }, { type: ['number', 'null'] }])
  })

  it.each([true, false])('keeps additionalProperties: %s', (additionalProperties) => {
    expect(lowerSchema({ type: 'object', additionalProperties }, FULL)).toEqual({
      type: 'object',
      additionalProperties,
    })
  })
})

describe('a target that takes next to nothing', () => {
  const PLAIN: SchemaSupport = {
    keywords: new Set(['type', 'description', 'properties', 'required', 'items']),
    nulls: 'type',
    typeLists: false,
    enums: 'strings',
  }

  it.each<readonly [string, JsonObject, JsonObject]>([
    ['types', { type: ['string', 'integer'], description: 'd' }, { type: 'string', description: 'd' }],
    ['branches', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, { type: 'string' }],
    ['branches, one of them null', { anyOf: [{ const: null }, { type: 'string' }] }, { type: 'string' }],
    [
      'values',
      { type: 'string', enum: ['a', 'b'], description: 'd' },
      { type: 'string', description: 'd One of "a", "b".' },
    ],
    ['a value', { const: 'a' }, { type: 'string', description: 'Always "a".' }],
    ['a format and a default', { type: 'string', format: 'date-time', default: 'x' }, { type: 'string' }],
    ['places', { prefixItems: [{ type: 'string' }, {}] }, { type: 'array', items: { type: 'string' } }],
    ['a list', { type: 'array' }, { type: 'array' }],
    ['keywords of other types', { type: 'string', properties: { a: {} }, items: {} }, { type: 'string' }],
  ])('is told of %s what it takes', (_what, given, lowered) => {
    expect(lowerSchema(given, PLAIN)).toEqual(lowered)
  })

  it('says null as a branch where types cannot be listed', () => {
    const support = { ...PLAIN, keywords: new Set(['type', 'anyOf', 'enum']) }
    const given = { type: ['string', 'null'] }
    expect(lowerSchema(given, support)).toEqual({ anyOf: [{ type: 'string' }, { type: 'null' }] })
    expect(lowerSchema({ ...given, enum: ['a', null] }, { ...support, typeLists: true, enums: 'any' })).toEqual({
      type: ['string', 'null'],
      enum: ['a', null],
    })
    expect(lowerSchema({ type: 'string', nullable: true, enum: ['a'] }, FULL)).toEqual({
      type: ['string', 'null'],
      enum: ['a', null],
    })
  })

  it('is told a bounded number of schemas, of bounded depth', () => {
    let deep: JsonObject = { type: 'object' }
    for (let level = 0; level < 100; level++) deep = { type: 'object', properties: { a: deep } }
    expect(JSON.stringify(lowerSchema(deep, PLAIN)).match(/properties/g)).toHaveLength(49)
    const one = { type: 'string', description: 'd' }
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`p${at}`, one]))
    const lowered = JSON.stringify(lowerSchema({ type: 'object', properties: many }, PLAIN))
    expect(lowered.match(/description/g)).toHaveLength(3999)
    expect(lowered.match(/string/g)).toHaveLength(5000)
  })
})
