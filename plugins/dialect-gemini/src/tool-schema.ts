import { lowerSchema, lowerToolSchema, type JsonObject, type SchemaSupport } from '@ccr/sdk'

/**
 * What the API takes as the schema of parameters and of answers: a subset of OpenAPI 3.0, which refuses everything else
 * by name. Source: https://ai.google.dev/api/caching#Schema
 */
export const SUPPORTED: SchemaSupport = {
  keywords: new Set([
    ...['type', 'format', 'title', 'description', 'nullable', 'enum', 'default', 'example', 'anyOf'],
    ...['items', 'minItems', 'maxItems', 'properties', 'required', 'propertyOrdering', 'minProperties'],
    ...['maxProperties', 'minLength', 'maxLength', 'pattern', 'minimum', 'maximum'],
  ]),
  nulls: 'nullable',
  typeLists: false,
  enums: 'strings',
  formats: { string: ['enum', 'date-time'], number: ['float', 'double'], integer: ['int32', 'int64'] },
  // Vertex refuses a schema with anyOf and anything else.
  loneAnyOf: true,
  anything: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }, { type: 'object' }] },
}

/** The parameters of a function; nothing for one without any: some servers refuse an object without properties. */
export function toParameters(schema: JsonObject | undefined): JsonObject | undefined {
  const lowered = lowerToolSchema(schema, SUPPORTED)
  return Object.keys(lowered['properties'] as object).length === 0 ? undefined : lowered
}

/** The schema of an answer. */
export function toResponseSchema(schema: JsonObject): JsonObject {
  return lowerSchema(schema, SUPPORTED)
}

/** A schema of this API as JSON Schema: types in lower case, `nullable` as a type of its own. */
export function fromSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(fromSchema)
  if (typeof schema !== 'object' || schema === null) return schema
  const { nullable, type, properties, items, anyOf, ...rest } = schema as Record<string, unknown>
  const out: Record<string, unknown> = { ...rest }
  if (typeof type === 'string') out['type'] = nullable === true ? [type.toLowerCase(), 'null'] : type.toLowerCase()
  else if (type !== undefined) out['type'] = type
  if (typeof properties === 'object' && properties !== null) {
    const each: Record<string, unknown> = {}
    for (const [name, inner] of Object.entries(properties)) {
      Object.defineProperty(each, name, {
        value: fromSchema(inner),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    out['properties'] = each
  }
  if (items !== undefined) out['items'] = fromSchema(items)
  if (Array.isArray(anyOf))
    out['anyOf'] = nullable === true ? [...anyOf.map(fromSchema), { type: 'null' }] : anyOf.map(fromSchema)
  for (const key of COUNTS) if (typeof out[key] === 'string') out[key] = Number(out[key])
  return out
}

/** Counts are 64-bit numbers, which this API may write as text. */
const COUNTS = ['minItems', 'maxItems', 'minProperties', 'maxProperties', 'minLength', 'maxLength']
