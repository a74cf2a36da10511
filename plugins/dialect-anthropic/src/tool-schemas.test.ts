import type { CanonicalRequest, JsonObject, Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { withObjectSchemas } from './tool-schemas.ts'

const request = (...tools: Tool[]): CanonicalRequest => ({ model: 'm', messages: [], tools })
const schemaOf = (input_schema: JsonObject | undefined): unknown =>
  withObjectSchemas(request({ name: 'a', input_schema })).tools?.[0]?.input_schema

const A = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
const B = { type: 'object', properties: { b: { type: ['integer', 'null'], exclusiveMinimum: 0 } } }
const $schema = 'http://json-schema.org/draft-07/schema#'

describe('the schema of a tool', () => {
  it.each<[string, JsonObject | undefined, JsonObject]>([
    ['that is missing', undefined, { type: 'object', properties: {} }],
    ['that is empty', {}, { type: 'object' }],
    ['without a type', { $schema, properties: A.properties }, { $schema, properties: A.properties, type: 'object' }],
    ['of an object or nothing', { ...A, type: ['object', 'null'] }, A],
  ])('%s becomes that of an object', (_name, given, fit) => {
    expect(schemaOf(given)).toEqual(fit)
  })

  it.each([
    ['anyOf', { anyOf: [A, B] }],
    ['oneOf', { type: 'object', oneOf: [A, B] }],
    ['allOf', { type: 'object', allOf: [A, B] }],
    ['references', { anyOf: [{ $ref: '#/$defs/A' }, { $ref: '#/$defs/B' }], $defs: { A, B } }],
  ])('with a union of %s at its root holds the properties of all', (_name, given) => {
    const fit = schemaOf(given) as JsonObject
    expect(fit).toMatchObject({ type: 'object', properties: { ...A.properties, ...B.properties } })
    expect(Object.keys(fit)).not.toEqual(expect.arrayContaining([expect.stringMatching(/Of$/)]))
  })

  it('stays what it is where it fits, and a server tool has none', () => {
    const before = request({ name: 'a', input_schema: { ...A, $schema } }, { type: 'web_search_20250305', name: 'w' })
    expect(withObjectSchemas(before)).toBe(before)
  })
})

describe('for clients of others', () => {
  it('a schema that is strict by their rules is not said to be so by these', () => {
    const before = request({ name: 'a', input_schema: A, strict: true }, { name: 'b', input_schema: A })
    expect(withObjectSchemas(before)).toEqual(request({ name: 'a', input_schema: A }, { name: 'b', input_schema: A }))
  })
})
