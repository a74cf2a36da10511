import type { JsonObject } from './canonical.ts'
import { isObject } from './is-object.ts'

/** A JSON Schema, or a part of one, whose keywords are read one by one. */
export type Fields = Record<string, unknown>

const ANNOTATIONS = ['title', 'description', 'default', 'example', 'examples', 'deprecated']

const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties', 'propertyOrdering'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'format'],
}

const SPECIFIC = new Set(Object.values(OF_TYPE).flat())

/** Whether a keyword says something about values of this type; one that speaks of others is idle. */
export function concerns(key: string, type: string): boolean {
  const own = OF_TYPE[type === 'integer' ? 'number' : type] ?? []
  return own.includes(key) || !SPECIFIC.has(key)
}

/** Of a schema of several types: what concerns one of them. */
export function keywordsOf(type: string, schema: Fields): Fields {
  const out: Fields = {}
  for (const key of OF_TYPE[type === 'integer' ? 'number' : type] ?? []) if (key in schema) out[key] = schema[key]
  const values = schema['enum']
  const isA = (value: unknown): boolean => type === typeName(value) || (type === 'number' && typeof value === 'number')
  if (Array.isArray(values) && values.some(isA)) out['enum'] = values.filter(isA)
  return out
}

/** What describes a schema, or, with `only` false, all that does not. */
export function annotationsOf(schema: Fields, only = true): Fields {
  const out: Fields = {}
  for (const key in schema) if (ANNOTATIONS.includes(key) === only) out[key] = schema[key]
  return out
}

/** The types a schema names, in lower case, and whether null is one of them. */
export function typesOf(schema: Fields): { types: readonly string[]; nullable: boolean } {
  const given = schema['type']
  const all = (Array.isArray(given) ? given : [given])
    .filter((type) => typeof type === 'string')
    .map((type) => type.toLowerCase())
  const types = [...new Set(all.filter((type) => type !== 'null'))]
  return { types, nullable: all.includes('null') }
}

/** The type that the other keywords of a schema show. */
export function inferType(schema: Fields): string | undefined {
  for (const type in OF_TYPE) if (OF_TYPE[type]!.some((key) => key !== 'format' && key in schema)) return type
  const values: unknown = schema['enum'] ?? ('const' in schema ? [schema['const']] : [])
  if (!Array.isArray(values)) return undefined
  const types = new Set(values.filter((value) => value !== null).map(typeName))
  if (types.size === 2 && types.has('integer') && types.has('number')) return 'number'
  return types.size === 1 ? [...types][0] : undefined
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return value === null ? 'null' : typeof value
}

/** One schema that demands what both do, as far as one can. */
export function mergeSchemas(first: Fields, second: Fields): Fields {
  const out: Fields = { ...first }
  for (const key in second) out[key] = key in first ? mergeKeyword(key, first[key], second[key]) : second[key]
  return out
}

function mergeKeyword(key: string, mine: unknown, other: unknown): unknown {
  if (key === 'type') return narrower(mine, other)
  if (key === 'properties' && isObject(mine) && isObject(other)) return mergeProperties(mine, other)
  if (Array.isArray(mine) && Array.isArray(other)) {
    if (key === 'required') return [...new Set([...mine, ...other])]
    if (key === 'enum') return mine.filter((value) => other.includes(value))
  }
  if (typeof mine === 'number' && typeof other === 'number') {
    if (/^(?:exclusiveM|m)in/.test(key)) return Math.max(mine, other)
    if (/^(?:exclusiveM|m)ax/.test(key)) return Math.min(mine, other)
  }
  return mine
}

function mergeProperties(mine: Fields, other: Fields): Fields {
  return withProperties(mine, other, (known, more) =>
    isObject(known) && isObject(more) ? { allOf: [known, more] } : (known ?? more),
  )
}

/** All properties of two schemas; `both` says what becomes of one that they share. */
function withProperties(mine: Fields, other: Fields, both: (known: unknown, more: unknown) => unknown): Fields {
  const out: Fields = {}
  for (const name of Object.keys(mine)) defineProperty(out, name, mine[name])
  for (const name of Object.keys(other))
    defineProperty(out, name, Object.hasOwn(out, name) ? both(out[name], other[name]) : other[name])
  return out
}

function narrower(mine: unknown, other: unknown): unknown {
  const all = typesOf({ type: other })
  const common = [...typesOf({ type: mine }).types].filter((type) => all.types.includes(type))
  if (mine === 'number' && other === 'integer') return 'integer'
  return common.length === 0 ? mine : common.length === 1 ? common[0] : common
}

/** A union at the root as one object: the properties of all branches, demanded where every branch demands them. */
export function asOneObject(schema: Fields, plain: (branch: Fields) => Fields | undefined): Fields {
  const union = Array.isArray(schema['anyOf']) ? schema['anyOf'] : schema['oneOf']
  if (!Array.isArray(union)) return { ...schema, type: 'object' }
  const { anyOf: _any, oneOf: _one, ...rest } = schema
  const branches = union.flatMap((branch) => (isObject(branch) ? [plain(branch) ?? {}] : []))
  const listOf = (one: Fields): readonly unknown[] => (Array.isArray(one['required']) ? one['required'] : [])
  const required = listOf(branches[0] ?? {}).filter((name) => branches.every((branch) => listOf(branch).includes(name)))
  let properties: Fields = isObject(rest['properties']) ? rest['properties'] : {}
  for (const branch of branches) {
    const more = branch['properties']
    if (isObject(more)) properties = eitherProperties(properties, more)
  }
  return { ...rest, type: 'object', properties, required: [...new Set([...listOf(rest), ...required])] }
}

function eitherProperties(mine: Fields, other: Fields): Fields {
  return withProperties(mine, other, (known, more) =>
    JSON.stringify(known) === JSON.stringify(more) ? more : { anyOf: [known, more] },
  )
}

/** What a reference inside of the same document points at. Source: RFC 6901. */
export function resolveReference(whole: JsonObject, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined
  let value: unknown = whole
  for (const part of reference.slice(1).split('/').slice(1)) {
    const key = unescapeToken(part)
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Fields)[key]
  }
  return value
}

function unescapeToken(part: string): string {
  let text = part
  try {
    text = decodeURIComponent(part)
  } catch {
    // Not an escape, so it is a plain per cent sign.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** Sets a property of any name, `__proto__` too. */
export function defineProperty(out: Fields, name: string, value: unknown): void {
  Object.defineProperty(out, name, { value, enumerable: true, configurable: true, writable: true })
}
