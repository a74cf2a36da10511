import type { JsonObject } from './canonical.ts'
import { isObject } from './is-object.ts'
import {
  annotationsOf,
  asOneObject,
  concerns,
  defineProperty,
  inferType,
  keywordsOf,
  mergeSchemas,
  resolveReference,
  typesOf,
  type Fields,
} from './schema-parts.ts'

/**
 * What a target accepts in the JSON Schemas of tools. {@link lowerSchema} translates what a schema says by other means
 * into these, and leaves out what cannot be said.
 *
 * @example
 * // A target that takes most of JSON Schema, but neither references nor formats:
 * const ACCEPTED: SchemaSupport = {
 *   keywords: new Set(['type', 'description', 'properties', 'required', 'items', 'enum', 'const', 'anyOf']),
 *   nulls: 'type',
 *   typeLists: true,
 *   enums: 'any',
 *   formats: {},
 * }
 */
export interface SchemaSupport {
  /**
   * Keywords that may stand in a schema. `$ref` among them leaves references where they are, together with `$defs` and
   * `definitions` if those are listed; otherwise they are inlined. `const` becomes `enum`, `oneOf` becomes `anyOf`,
   * `allOf` is merged, and the exclusive bounds become inclusive ones, unless they are listed. All others are left out.
   */
  readonly keywords: ReadonlySet<string>
  /** How a schema says that a value may be null: as the type `null`, or by `nullable: true`. */
  readonly nulls: 'type' | 'nullable'
  /** `type` may be a list; otherwise several types become `anyOf`. */
  readonly typeLists: boolean
  /** What may be enumerated; where only strings may, other values are named in the description. */
  readonly enums: 'any' | 'strings'
  /** Accepted values of `format` by type; absent: all of them. */
  readonly formats?: Readonly<Record<string, readonly string[]>> | undefined
  /** A schema that holds `anyOf` may hold nothing else, so that its other keywords move into the branches. */
  readonly loneAnyOf?: boolean | undefined
  /** Every schema needs a type and every array needs `items`: this is what stands for "anything". */
  readonly anything?: JsonObject | undefined
}

/** How often a definition may contain itself where it is inlined. */
const MAX_RECURSION = 2

/** Deepest nesting of a lowered schema. */
const MAX_LEVELS = 48

/** Most schemas in a lowered one: definitions that use each other grow exponentially. */
const MAX_SCHEMAS = 4000

/**
 * The schema of a tool's input in what a target accepts. The result is a schema of an object; a union at the root
 * becomes one object with the properties of all its branches. Nothing of the input is changed. What is too deep, too
 * large or contains itself ends in a schema of the right type without further keywords.
 */
export function lowerToolSchema(schema: JsonObject | undefined, support: SchemaSupport): JsonObject {
  const root = new Lowering(schema ?? {}, support).root(true)
  // A root that only refers to itself is anything.
  return root['type'] === 'object' ? { properties: {}, ...root } : { type: 'object', properties: {} }
}

/** Any JSON Schema, such as that of an answer, in what a target accepts. */
export function lowerSchema(schema: JsonObject, support: SchemaSupport): JsonObject {
  return new Lowering(schema, support).root(false)
}

class Lowering {
  readonly #whole: JsonObject
  readonly #support: SchemaSupport
  readonly #keepsReferences: boolean
  /** References that are being inlined, innermost last. */
  readonly #inside: string[] = []
  #schemas = 0

  constructor(schema: JsonObject, support: SchemaSupport) {
    this.#whole = schema
    this.#support = support
    this.#keepsReferences = support.keywords.has('$ref')
  }

  root(mustBeObject: boolean): JsonObject {
    if (!mustBeObject) return this.#lower(this.#whole, 0)
    return this.#within(this.#whole, (merged) =>
      this.#write(
        asOneObject(merged, (one) => this.#plain(one)),
        0,
      ),
    )
  }

  #lower(schema: unknown, level: number): JsonObject {
    if (!isObject(schema)) return this.#anything()
    if (++this.#schemas > MAX_SCHEMAS || level > MAX_LEVELS) return this.#stub(schema)
    return this.#within(schema, (merged) => this.#write(merged, level))
  }

  /** Gives the schema with references and `allOf` resolved; references count as open while `then` runs. */
  #within(schema: Fields | JsonObject, then: (merged: Fields) => JsonObject): JsonObject {
    const opened = this.#inside.length
    const merged = this.#plain(schema)
    const result = merged === undefined ? this.#stub(schema) : then(merged)
    this.#inside.length = opened
    return result
  }

  /** Nothing when the schema contains itself too often. */
  #plain(schema: Fields | JsonObject): Fields | undefined {
    let fields: Fields = { ...schema }
    for (let hop = 0; typeof fields['$ref'] === 'string' && !this.#keepsReferences; hop++) {
      const { $ref, ...siblings } = fields
      const reference = $ref as string
      const times = this.#inside.filter((open) => open === reference).length
      if (times >= MAX_RECURSION || hop > MAX_LEVELS) return undefined
      this.#inside.push(reference)
      const target = resolveReference(this.#whole, reference)
      fields = { ...(isObject(target) ? target : {}), ...siblings }
    }
    if (!Array.isArray(fields['allOf']) || this.#support.keywords.has('allOf')) return fields
    const { allOf, ...rest } = fields
    let merged: Fields = rest
    for (const part of allOf as readonly unknown[]) {
      if (++this.#schemas > MAX_SCHEMAS) break
      const plain = isObject(part) ? this.#plain(part) : {}
      if (plain === undefined) return undefined
      merged = mergeSchemas(merged, plain)
    }
    return merged
  }

  #write(schema: Fields, level: number): JsonObject {
    const { branches, nullable: nullBranch, rest } = this.#branches(schema)
    const { types, nullable: nullType } = typesOf(rest)
    const nullable = nullBranch || nullType || rest['nullable'] === true
    if (branches?.length === 1) {
      const only = mergeSchemas(rest, branches[0]!)
      return this.#within(nullable ? { ...only, nullable: true } : only, (merged) => this.#write(merged, level))
    }
    if (branches) return this.#orNull(this.#union(rest, branches, level), nullable)
    if (types.length > 1 && !this.#support.typeLists) {
      const each = types.map((type) => ({ ...keywordsOf(type, rest), type }))
      return this.#orNull(this.#union(annotationsOf(rest), each, level), nullable)
    }
    return this.#orNull(this.#one(rest, types, level), nullable)
  }

  /** `anyOf` or `oneOf` without their null branches, and the schema without them. */
  #branches(schema: Fields): { branches?: Fields[]; nullable: boolean; rest: Fields } {
    const keyword = Array.isArray(schema['anyOf']) ? 'anyOf' : Array.isArray(schema['oneOf']) ? 'oneOf' : undefined
    const keeps = keyword === 'oneOf' && this.#support.keywords.has(keyword)
    if (keyword === undefined || keeps) return { nullable: false, rest: schema }
    const { anyOf: _any, oneOf: _one, ...rest } = schema
    const all = (schema[keyword] as readonly unknown[]).filter(isObject)
    const branches = all.filter((branch) => branch['type'] !== 'null' && branch['const'] !== null)
    const nullable = branches.length < all.length
    // Branches that only demand properties (`{required: […]}`) say nothing that a union of types could.
    const telling = branches.filter((branch) => TELLING.some((key) => key in branch))
    return telling.length === 0 ? { nullable, rest } : { branches: telling, nullable, rest }
  }

  #union(rest: Fields, branches: readonly Fields[], level: number): JsonObject {
    if (!this.#support.keywords.has('anyOf')) return this.#write(mergeSchemas(rest, branches[0]!), level)
    const { loneAnyOf } = this.#support
    const shared = loneAnyOf ? rest : annotationsOf(rest, false)
    const anyOf = branches.map((branch) => this.#lower(mergeSchemas(branch, shared), level + 1))
    return loneAnyOf ? { anyOf } : { ...this.#kept(annotationsOf(rest)), anyOf }
  }

  /** A schema of one type, or without any. */
  #one(schema: Fields, types: readonly string[], level: number): JsonObject {
    const support = this.#support
    const type = types[0] ?? inferType(schema)
    if (type === undefined && !('$ref' in schema && this.#keepsReferences) && support.anything) {
      const annotations = this.#kept(annotationsOf(schema))
      for (const key of ['enum', 'const']) if (key in schema) this.#keyword(annotations, key, schema, type, level)
      return support.loneAnyOf && 'anyOf' in support.anything
        ? this.#union(annotations, support.anything['anyOf'] as Fields[], level)
        : { ...support.anything, ...annotations }
    }
    const out: Fields = {}
    if (type !== undefined) out['type'] = types.length > 1 ? [...types] : type
    const only = types.length > 1 ? undefined : type
    for (const key in schema)
      if (key !== 'type' && (only === undefined || concerns(key, only))) this.#keyword(out, key, schema, type, level)
    if (out['required'] !== undefined) this.#required(out)
    if (type === 'array' && out['items'] === undefined && support.anything && support.keywords.has('items'))
      out['items'] = this.#anything()
    return out
  }

  #keyword(out: Fields, key: string, schema: Fields, type: string | undefined, level: number): void {
    const { keywords, formats } = this.#support
    const value = schema[key]
    switch (key) {
      case 'properties':
      case '$defs':
      case 'definitions':
      case 'patternProperties':
      case 'dependentSchemas':
        if (keywords.has(key) && isObject(value)) out[key] = this.#each(value, level)
        return
      case 'prefixItems':
      case 'items':
        return this.#items(out, key, schema, level)
      case 'additionalProperties':
      case 'propertyNames':
      case 'not':
      case 'if':
      case 'then':
      case 'else':
      case 'contains':
      case 'unevaluatedProperties':
      case 'unevaluatedItems':
        if (keywords.has(key)) out[key] = isObject(value) ? this.#lower(value, level + 1) : value
        return
      case 'anyOf':
      case 'oneOf':
      case 'allOf':
        if (keywords.has(key) && Array.isArray(value)) out[key] = value.map((one) => this.#lower(one, level + 1))
        return
      case 'const':
        if (keywords.has('const')) out['const'] = value
        else if (schema['enum'] === undefined) this.#enum(out, [value], type)
        return
      case 'enum':
        if (Array.isArray(value)) this.#enum(out, value, type)
        return
      case 'exclusiveMinimum':
      case 'exclusiveMaximum':
        return exclusive(out, key, schema, type, keywords)
      case 'format':
        if (!keywords.has('format') || typeof value !== 'string') return
        if (formats === undefined || formats[type ?? '']?.includes(value)) out['format'] = value
        return
      case 'default':
        if (keywords.has('default') && value !== null) out['default'] = value
        return
      case 'description':
        // A description that #enum has written already ends with this one.
        if (keywords.has(key) && typeof value === 'string') out[key] = joined(value, out[key])
        return
      case 'nullable':
        return
      default:
        if (keywords.has(key) && out[key] === undefined) out[key] = value
    }
  }

  #each(schemas: Fields, level: number): Fields {
    const out: Fields = {}
    // A property may be called like a keyword, or `__proto__`: here names are names.
    for (const name of Object.keys(schemas))
      if (schemas[name] !== false) defineProperty(out, name, this.#lower(schemas[name], level + 1))
    return out
  }

  #items(out: Fields, key: string, schema: Fields, level: number): void {
    const { keywords } = this.#support
    const value = schema[key]
    if (keywords.has(key) && !Array.isArray(value)) {
      if (key === 'items') out['items'] ??= this.#lower(value, level + 1)
    } else if (keywords.has(key) && key === 'prefixItems') {
      out[key] = (value as readonly unknown[]).map((one) => this.#lower(one, level + 1))
    } else if (Array.isArray(value) && keywords.has('items')) {
      // A tuple: each place may hold what any of them may.
      const places = value.filter(isObject)
      if (places.length > 0) out['items'] = this.#lower(places.length === 1 ? places[0] : { anyOf: places }, level + 1)
    }
  }

  #enum(out: Fields, values: readonly unknown[], type: string | undefined): void {
    const { enums, keywords, nulls } = this.#support
    const given = values.filter((value) => value !== null)
    if (given.length < values.length && nulls === 'nullable') out['nullable'] = true
    const list = nulls === 'nullable' ? given : values
    if (enums === 'any' && keywords.has('enum')) {
      if (list.length > 0) out['enum'] = [...list]
      return
    }
    const texts = given.filter((value) => typeof value === 'string' && value !== '')
    if (keywords.has('enum') && type === 'string' && given.every((value) => typeof value === 'string')) {
      if (texts.length > 0) out['enum'] = texts
    } else if (given.length > 0 && keywords.has('description')) {
      const named = given.map((value) => JSON.stringify(value)).join(', ')
      out['description'] = joined(out['description'], given.length === 1 ? `Always ${named}.` : `One of ${named}.`)
    }
  }

  #required(out: Fields): void {
    const properties = (out['properties'] ?? {}) as Fields
    const names = Array.isArray(out['required']) ? (out['required'] as readonly unknown[]) : []
    const known = names.filter((name) => typeof name === 'string' && Object.hasOwn(properties, name))
    if (known.length > 0) out['required'] = known
    else delete out['required']
  }

  #orNull(schema: JsonObject, nullable: boolean): JsonObject {
    if (!nullable) return schema
    if (this.#support.nulls === 'nullable') {
      if (!this.#support.loneAnyOf || !Array.isArray(schema['anyOf'])) return { ...schema, nullable: true }
      return { anyOf: (schema['anyOf'] as readonly JsonObject[]).map((branch) => this.#orNull(branch, true)) }
    }
    const { type, anyOf } = schema
    if (Array.isArray(anyOf)) return { ...schema, anyOf: [...(anyOf as unknown[]), { type: 'null' }] }
    const types = typeof type === 'string' ? [type] : Array.isArray(type) ? (type as string[]) : undefined
    if (types && this.#support.typeLists) {
      const values = schema['enum']
      const list = Array.isArray(values) && !values.includes(null) ? { enum: [...(values as unknown[]), null] } : {}
      return { ...schema, type: [...types, 'null'], ...list }
    }
    return this.#support.keywords.has('anyOf') ? { anyOf: [schema, { type: 'null' }] } : schema
  }

  #kept(fields: Fields): Fields {
    const out: Fields = {}
    for (const key in fields) this.#keyword(out, key, fields, undefined, 0)
    return out
  }

  #anything(): JsonObject {
    return this.#support.anything ?? {}
  }

  /** What is left of a schema that goes on too long. */
  #stub(schema: Fields | JsonObject): JsonObject {
    const seen = typeof schema['$ref'] === 'string' ? resolveReference(this.#whole, schema['$ref']) : schema
    const fields = isObject(seen) ? seen : {}
    const type = typesOf(fields).types[0] ?? inferType(fields)
    if (type === undefined) return this.#anything()
    return type === 'array' && this.#support.anything ? { type, items: this.#anything() } : { type }
  }
}

/** Keywords by which a branch of a union says what a value is. */
const TELLING = ['type', 'properties', 'items', 'enum', 'const', '$ref', 'anyOf', 'oneOf', 'allOf', 'format', 'pattern']

/** The bound of an integer moves by one; that of another number cannot be told from its neighbour. */
function exclusive(
  out: Fields,
  key: string,
  schema: Fields,
  type: string | undefined,
  keywords: ReadonlySet<string>,
): void {
  const value = schema[key]
  if (keywords.has(key)) {
    out[key] = value
    return
  }
  const isMinimum = key === 'exclusiveMinimum'
  const bound = isMinimum ? 'minimum' : 'maximum'
  // Draft 4 has a flag beside the bound.
  const limit = value === true ? schema[bound] : value
  if (typeof limit !== 'number' || !keywords.has(bound)) return
  const moved = type !== 'integer' ? limit : isMinimum ? Math.floor(limit) + 1 : Math.ceil(limit) - 1
  const other = value === true ? undefined : schema[bound]
  if (typeof other !== 'number') out[bound] = moved
  else out[bound] = isMinimum ? Math.max(other, moved) : Math.min(other, moved)
}

function joined(first: unknown, second: unknown): string {
  return [first, second].filter((text) => typeof text === 'string' && text !== '').join(' ')
}
