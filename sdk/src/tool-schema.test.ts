import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from './canonical.ts'
import { lowerSchema, lowerToolSchema, type SchemaSupport } from './tool-schema.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

/** A target with a small subset of OpenAPI 3.0. */
const NARROW: SchemaSupport = {
  keywords: new Set(
    (
      'type format title description nullable enum items minItems maxItems properties required minProperties ' +
      'maxProperties minLength maxLength pattern minimum maximum anyOf default'
    ).split(' '),
  ),
  nulls: 'nullable',
  typeLists: false,
  enums: 'strings',
  formats: { string: ['date-time', 'enum'], integer: ['int32', 'int64'], number: ['float', 'double'] },
  loneAnyOf: true,
  anything: { anyOf: [{ type: 'string' }, { type: 'number' }] },
}

/** A target that takes nearly all of JSON Schema. */
const WIDE: SchemaSupport = {
  keywords: new Set(
    (
      'type description properties required items prefixItems additionalProperties enum const anyOf format minimum ' +
      'maximum exclusiveMinimum exclusiveMaximum $ref $defs default'
    ).split(' '),
  ),
  nulls: 'type',
  typeLists: true,
  enums: 'any',
}

const anything = NARROW.anything!

const AS_GIVEN = Symbol('as given')

/** Schemas of one property, and what becomes of them. */
const ROWS: readonly (readonly [what: string, given: unknown, narrow: unknown, wide: unknown])[] = [
  [
    '$schema and other notes',
    { $schema: 'x', $id: 'y', $comment: 'z', type: 'string' },
    { type: 'string' },
    { type: 'string' },
  ],
  ['const', { const: 'a' }, { type: 'string', enum: ['a'] }, { type: 'string', const: 'a' }],
  ['const null', { type: 'string', const: null }, { type: 'string', nullable: true }, { type: 'string', const: null }],
  [
    'const of another type',
    { const: 3, description: 'Three.' },
    { type: 'integer', description: 'Three. Always 3.' },
    { type: 'integer', const: 3, description: 'Three.' },
  ],
  [
    'enum of numbers',
    { type: 'integer', enum: [1, 2], description: 'Level.' },
    { type: 'integer', description: 'Level. One of 1, 2.' },
    { type: 'integer', enum: [1, 2], description: 'Level.' },
  ],
  [
    'enum with null',
    { enum: ['a', null] },
    { type: 'string', enum: ['a'], nullable: true },
    { type: 'string', enum: ['a', null] },
  ],
  [
    'enum with an empty string',
    { type: 'string', enum: ['', 'a'] },
    { type: 'string', enum: ['a'] },
    { type: 'string', enum: ['', 'a'] },
  ],
  ['type and null', { type: ['string', 'null'] }, { type: 'string', nullable: true }, { type: ['string', 'null'] }],
  [
    'several types',
    { type: ['string', 'integer', 'null'], description: 'd', minLength: 1, minimum: 0 },
    {
      anyOf: [
        { type: 'string', minLength: 1, description: 'd', nullable: true },
        { type: 'integer', minimum: 0, description: 'd', nullable: true },
      ],
    },
    { type: ['string', 'integer', 'null'], description: 'd', minimum: 0 },
  ],
  ['type in capitals', { type: 'STRING' }, { type: 'string' }, { type: 'string' }],
  [
    'exclusiveMinimum of an integer',
    { type: 'integer', exclusiveMinimum: 0 },
    { type: 'integer', minimum: 1 },
    { type: 'integer', exclusiveMinimum: 0 },
  ],
  [
    'exclusive bounds of a number',
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1.5 },
    { type: 'number', minimum: 0, maximum: 1.5 },
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1.5 },
  ],
  [
    'exclusiveMaximum beside maximum',
    { type: 'integer', exclusiveMaximum: 10, maximum: 7 },
    { type: 'integer', maximum: 7 },
    { type: 'integer', exclusiveMaximum: 10, maximum: 7 },
  ],
  [
    'exclusiveMinimum of draft 4',
    { type: 'integer', minimum: 3, exclusiveMinimum: true },
    { type: 'integer', minimum: 4 },
    { type: 'integer', minimum: 3, exclusiveMinimum: true },
  ],
  [
    'exclusiveMaximum of an integer',
    { type: 'integer', exclusiveMaximum: 10 },
    { type: 'integer', maximum: 9 },
    AS_GIVEN,
  ],
  [
    'exclusive bounds of an integer that are none',
    { type: 'integer', exclusiveMinimum: 1.5, exclusiveMaximum: 3.5 },
    { type: 'integer', minimum: 2, maximum: 3 },
    AS_GIVEN,
  ],
  [
    'exclusive bounds inside of the others',
    { type: 'integer', minimum: 3, exclusiveMinimum: 5, exclusiveMaximum: 7, maximum: 9 },
    { type: 'integer', minimum: 6, maximum: 6 },
    AS_GIVEN,
  ],
  [
    'exclusive bounds outside of the others',
    { type: 'integer', minimum: 5, exclusiveMinimum: 1, exclusiveMaximum: 9, maximum: 7 },
    { type: 'integer', minimum: 5, maximum: 7 },
    AS_GIVEN,
  ],
  [
    'exclusiveMaximum of draft 4',
    { type: 'integer', maximum: 3, exclusiveMaximum: true },
    { type: 'integer', maximum: 2 },
    AS_GIVEN,
  ],
  ['exclusiveMinimum of nothing', { type: 'integer', exclusiveMinimum: true }, { type: 'integer' }, AS_GIVEN],
  [
    'const beside enum',
    { type: 'string', const: 'a', enum: ['a', 'b'] },
    { type: 'string', enum: ['a', 'b'] },
    AS_GIVEN,
  ],
  ['enum of nothing', { type: 'string', enum: [] }, { type: 'string' }, { type: 'string' }],
  ['enum that is no list', { type: 'string', enum: 'a' }, { type: 'string' }, { type: 'string' }],
  [
    'enum with an empty description',
    { type: 'integer', enum: [1], description: '' },
    { type: 'integer', description: 'Always 1.' },
    AS_GIVEN,
  ],
  ['a format that is no text', { type: 'string', format: 5 }, { type: 'string' }, { type: 'string' }],
  ['a description that is no text', { type: 'string', description: 5 }, { type: 'string' }, { type: 'string' }],
  ['required that is no list', { type: 'object', required: 'a' }, { type: 'object' }, { type: 'object' }],
  ['required of nothing that is', { type: 'object', required: ['a', 1] }, { type: 'object' }, { type: 'object' }],
  [
    'a property that must not be',
    { type: 'object', properties: { a: false, b: true } },
    { type: 'object', properties: { b: anything } },
    { type: 'object', properties: { b: {} } },
  ],
  ['branches that are no schemas', { anyOf: [true, { type: 'string' }] }, { type: 'string' }, { type: 'string' }],
  [
    'places that are no schemas',
    { type: 'array', items: [true, { type: 'string' }] },
    { type: 'array', items: { type: 'string' } },
    { type: 'array', items: { type: 'string' } },
  ],
  [
    'format that is known',
    { type: 'string', format: 'date-time' },
    { type: 'string', format: 'date-time' },
    { type: 'string', format: 'date-time' },
  ],
  ['format that is not', { type: 'string', format: 'uri' }, { type: 'string' }, { type: 'string', format: 'uri' }],
  [
    'format of another type',
    { type: 'integer', format: 'date-time' },
    { type: 'integer' },
    { type: 'integer', format: 'date-time' },
  ],
  [
    'propertyNames, patternProperties, additionalProperties, not, if',
    {
      type: 'object',
      propertyNames: { pattern: 'x' },
      patternProperties: { a: {} },
      additionalProperties: false,
      not: {},
      if: {},
      then: {},
    },
    { type: 'object' },
    { type: 'object', additionalProperties: false },
  ],
  [
    'oneOf',
    { description: 'd', oneOf: [{ type: 'string' }, { type: 'boolean' }] },
    {
      anyOf: [
        { type: 'string', description: 'd' },
        { type: 'boolean', description: 'd' },
      ],
    },
    { description: 'd', anyOf: [{ type: 'string' }, { type: 'boolean' }] },
  ],
  [
    'anyOf with null',
    { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
    { type: 'string', nullable: true },
    { type: ['string', 'null'] },
  ],
  [
    'anyOf of demands',
    { type: 'object', properties: { a: { type: 'string' } }, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    { type: 'object', properties: { a: { type: 'string' } } },
    { type: 'object', properties: { a: { type: 'string' } } },
  ],
  [
    'allOf',
    {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer', minimum: 1 } }, required: ['a'] },
        { properties: { a: { minimum: 3 }, b: { type: 'string' } }, required: ['b'] },
      ],
    },
    { type: 'object', properties: { a: { type: 'integer', minimum: 3 }, b: { type: 'string' } }, required: ['a', 'b'] },
    { type: 'object', properties: { a: { type: 'integer', minimum: 3 }, b: { type: 'string' } }, required: ['a', 'b'] },
  ],
  ['an array without items', { type: 'array' }, { type: 'array', items: anything }, { type: 'array' }],
  ['items of anything', { type: 'array', items: {} }, { type: 'array', items: anything }, { type: 'array', items: {} }],
  [
    'a tuple',
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
    { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'number' }] } },
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
  ],
  [
    'an old tuple',
    { type: 'array', items: [{ type: 'string' }] },
    { type: 'array', items: { type: 'string' } },
    { type: 'array', items: { type: 'string' } },
  ],
  [
    'no type, but properties',
    { properties: { a: { type: 'string' } } },
    { type: 'object', properties: { a: { type: 'string' } } },
    { type: 'object', properties: { a: { type: 'string' } } },
  ],
  ['nothing at all', {}, anything, {}],
  ['true', true, anything, {}],
  [
    'anything with a description',
    { description: 'd' },
    {
      anyOf: [
        { type: 'string', description: 'd' },
        { type: 'number', description: 'd' },
      ],
    },
    { description: 'd' },
  ],
  [
    'values of several types',
    { enum: ['a', 1, null], description: 'd' },
    {
      anyOf: [
        { type: 'string', description: 'd One of "a", 1.', nullable: true },
        { type: 'number', description: 'd One of "a", 1.', nullable: true },
      ],
    },
    { enum: ['a', 1, null], description: 'd' },
  ],
  ['default null', { type: 'string', default: null }, { type: 'string' }, { type: 'string' }],
  [
    'required that does not exist',
    { type: 'object', properties: { a: { type: 'string' } }, required: ['b', 'a'] },
    { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
    { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
  ],
  [
    'properties called like keywords',
    {
      type: 'object',
      properties: {
        type: { type: 'string' },
        $ref: { type: 'integer' },
        format: { type: 'boolean' },
        enum: { type: 'string' },
        anyOf: { type: 'string' },
        properties: { type: 'object', properties: { required: { type: 'string' } } },
        const: { type: 'string', format: 'uri' },
      },
      required: ['type', '$ref'],
    },
    {
      type: 'object',
      properties: {
        type: { type: 'string' },
        $ref: { type: 'integer' },
        format: { type: 'boolean' },
        enum: { type: 'string' },
        anyOf: { type: 'string' },
        properties: { type: 'object', properties: { required: { type: 'string' } } },
        const: { type: 'string' },
      },
      required: ['type', '$ref'],
    },
    undefined,
  ],
  [
    'values that look like schemas',
    { type: 'object', default: { type: ['a'], $ref: '#/x' } },
    { type: 'object', default: { type: ['a'], $ref: '#/x' } },
    undefined,
  ],
]

describe('lowerSchema', () => {
  it.each(ROWS)('%s, for a narrow target', (_what, given, narrow) => {
    expect(property(given, NARROW)).toEqual(narrow)
  })

  it.each(ROWS)('%s, for a wide target', (_what, given, narrow, wide) => {
    if (wide !== undefined) expect(property(given, WIDE)).toEqual(wide === AS_GIVEN ? given : wide)
    else expect(Object.keys(property(given, WIDE) as object)).toEqual(Object.keys(narrow as object))
  })

  function property(given: unknown, support: SchemaSupport): unknown {
    return (lowerSchema({ type: 'object', properties: { it: given } }, support)['properties'] as JsonObject)['it']
  }
})

describe('references', () => {
  const point = { type: 'object', properties: { x: { type: 'number' } }, description: 'A point.' }

  it('are inlined, what stands beside them wins', () => {
    const schema = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/point', description: 'Here.' }, b: { $ref: '#/definitions/a~1b%20c' } },
      $defs: { point },
      definitions: { 'a/b c': { type: 'string' } },
    }
    expect(lowerSchema(schema, NARROW)).toEqual({
      type: 'object',
      properties: { a: { ...point, description: 'Here.' }, b: { type: 'string' } },
    })
    expect(lowerSchema(schema, WIDE)).toEqual({
      type: 'object',
      properties: schema.properties,
      $defs: { point },
    })
  })

  it('to themselves are inlined twice', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } } }
    const lowered = lowerSchema({ $ref: '#/$defs/node', $defs: { node } }, NARROW)
    expect(lowered).toEqual({
      type: 'object',
      properties: { next: { type: 'object', properties: { next: { type: 'object' } } } },
    })
  })

  it('to a list of itself end in a list', () => {
    const list = { type: 'array', items: { $ref: '#/$defs/list' } }
    expect(lowerSchema({ $ref: '#/$defs/list', $defs: { list } }, NARROW)).toEqual({
      type: 'array',
      items: { type: 'array', items: { type: 'array', items: anything } },
    })
  })

  it('are inlined wherever they stand, and along any chain', () => {
    const a = { $ref: '#/$defs/point' }
    const $defs = { point, one: a, two: { $ref: '#/$defs/one' }, three: { $ref: '#/$defs/two' } }
    const properties = { a, b: a, c: a, d: { $ref: '#/$defs/three' } }
    const lowered = lowerSchema({ type: 'object', properties, $defs }, NARROW)
    expect(lowered['properties']).toEqual({ a: point, b: point, c: point, d: point })
  })

  it.each([
    ['nowhere', '#/$defs/none'],
    ['another document', 'https://example.invalid/schema.json'],
    ['a broken escape', '#/%E0%A4%A'],
    ['a property of every object', '#/constructor'],
  ])('to %s are anything', (_what, $ref) => {
    expect(lowerSchema({ type: 'object', properties: { a: { $ref } } }, NARROW)).toEqual({
      type: 'object',
      properties: { a: anything },
    })
  })

  it('that only point at each other end', () => {
    const schema = { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }
    expect(lowerSchema(schema, NARROW)).toEqual(anything)
    expect(lowerSchema({ $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' }, NARROW)).toEqual(
      anything,
    )
  })

  it('that double at each level stay bounded', () => {
    const $defs: Record<string, unknown> = {}
    for (let at = 0; at < 40; at++) {
      const next = { $ref: `#/$defs/d${at + 1}` }
      $defs[`d${at}`] = { type: 'object', properties: { a: next, b: next }, allOf: [next] }
    }
    expect(JSON.stringify(lowerSchema({ $defs, $ref: '#/$defs/d0' }, NARROW)).length).toBeLessThan(1_000_000)
  })
})

describe('lowerToolSchema', () => {
  it.each([
    ['nothing', undefined, { type: 'object', properties: {} }],
    ['an object without properties', { type: 'object' }, { type: 'object', properties: {} }],
    ['what is only itself', { $ref: '#' }, { type: 'object', properties: {} }],
    ['another type', { type: 'string' }, { type: 'object', properties: {} }],
    [
      'a union',
      {
        $schema: 'x',
        description: 'd',
        oneOf: [
          { type: 'object', properties: { kind: { const: 'a' }, x: { type: 'string' } }, required: ['kind', 'x'] },
          { $ref: '#/$defs/b' },
        ],
        $defs: { b: { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] } },
      },
      {
        type: 'object',
        description: 'd',
        properties: {
          kind: {
            anyOf: [
              { type: 'string', enum: ['a'] },
              { type: 'string', enum: ['b'] },
            ],
          },
          x: { type: 'string' },
        },
        required: ['kind'],
      },
    ],
  ])('makes an object of %s', (_what, schema, lowered) => {
    expect(lowerToolSchema(schema, NARROW)).toEqual(lowered)
  })

  it('changes nothing of what it is given, and keeps a property called __proto__ a property', () => {
    const schema = deepFreeze(
      JSON.parse('{"properties":{"__proto__":{"type":["string","null"]},"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{}}}'),
    ) as JsonObject
    const lowered = lowerToolSchema(schema, NARROW)
    expect(Object.keys(lowered['properties'] as object)).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(lowered['properties'])).toBe(Object.prototype)
  })

  const name = fc.constantFrom('type', '$ref', 'properties', 'a', 'enum', '__proto__', 'items')
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(true, false, null, 'x'),
      fc.record(
        {
          type: fc.oneof(
            fc.constantFrom('object', 'array', 'string', 'integer', 'null', 'odd', 7),
            fc.array(fc.constantFrom('string', 'null', 'number', 'object'), { maxLength: 3 }),
          ),
          properties: fc.oneof(fc.dictionary(name, tie('schema'), { maxKeys: 3 }), fc.constant(null)),
          required: fc.oneof(fc.array(name), fc.constant(true)),
          items: fc.oneof(tie('schema'), fc.array(tie('schema'), { maxLength: 2 })),
          anyOf: fc.array(tie('schema'), { maxLength: 3 }),
          oneOf: fc.array(tie('schema'), { maxLength: 2 }),
          allOf: fc.array(tie('schema'), { maxLength: 2 }),
          $ref: fc.constantFrom('#', '#/$defs/a', '#/properties/type', 'x'),
          $defs: fc.record({ a: tie('schema') }),
          enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 }),
          const: fc.jsonValue({ maxDepth: 1 }),
          format: fc.constantFrom('uri', 'date-time', 5),
          exclusiveMinimum: fc.oneof(fc.integer(), fc.boolean()),
          minimum: fc.integer(),
          description: fc.constantFrom('d', 4),
        },
        { requiredKeys: [] },
      ),
    ),
  }))

  it('gives any schema a form that the target accepts', LIMITS, () => {
    fc.assert(
      fc.property(schema as fc.Arbitrary<unknown>, (made) => {
        const given = typeof made === 'object' && made !== null ? (deepFreeze(made) as JsonObject) : undefined
        const lowered = lowerToolSchema(given, NARROW)
        expect(lowered['type']).toBe('object')
        expect(faultsOf(lowered, '')).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})

/** What the narrow target would complain about. */
function faultsOf(schema: JsonObject, at: string): string[] {
  const faults = Object.keys(schema)
    .filter((key) => !NARROW.keywords.has(key))
    .map((key) => `${at}: ${key}`)
  const { type, anyOf, items, properties, enum: list, required, format } = schema
  const note = (fault: string): unknown => faults.push(`${at}: ${fault}`)
  if (anyOf === undefined && typeof type !== 'string') note('no type')
  if (anyOf !== undefined && Object.keys(schema).length > 1) note('something beside anyOf')
  if (type === 'array' && items === undefined) note('no items')
  if (list !== undefined && !(type === 'string' && (list as unknown[]).every((one) => typeof one === 'string')))
    note('enum')
  if (format !== undefined && !NARROW.formats![type as string]?.includes(format as string)) note('format')
  for (const name of (required ?? []) as string[])
    if (!Object.hasOwn((properties ?? {}) as object, name)) note(`required ${name}`)
  for (const name of Object.keys((properties ?? {}) as object))
    faults.push(...faultsOf((properties as Record<string, JsonObject>)[name]!, `${at}/${name}`))
  if (items !== undefined) faults.push(...faultsOf(items as JsonObject, `${at}/items`))
  for (const one of (anyOf ?? []) as JsonObject[]) faults.push(...faultsOf(one, `${at}/anyOf`))
  return faults
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
