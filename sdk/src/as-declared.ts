import { isObject } from './is-object.ts'
import { Value, type TSchema } from './typebox/index.ts'

/** A JSON Schema, as its keywords are read here. */
type Schema = TSchema & {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
  readonly additionalProperties?: unknown
  readonly items?: unknown
  readonly anyOf?: readonly TSchema[]
  readonly const?: unknown
  readonly type?: unknown
}

/** As JSON has them; zeros may stand before. */
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/**
 * A value as its schema wants it, where it can mean nothing else:
 *
 * - numbers, `true` and `false` in place of the texts that say exactly these, since what a variable holds, and what a
 *   form was filled in with, is always text; a member that is empty there is none
 * - a word of a choice in the spelling of the choice
 * - a list of one in place of its only item, and an object in place of an empty list
 *
 * What does not fit its schema even so stays as it is. The value itself is never changed.
 */
export function asDeclared(schema: TSchema, value: unknown): unknown {
  const fits = (one: unknown): boolean => Value.Check(schema, one)
  if (fits(value)) return value
  const other = [...meantBy(schema, value)].find(fits)
  if (other !== undefined) return other
  if (typeof value === 'string') return value
  const { anyOf } = schema as Schema
  if (anyOf !== undefined) {
    const read = anyOf.map((branch) => asDeclared(branch, value))
    return read.find(fits) ?? value
  }
  const at = (key: string, inner: unknown): unknown => {
    const own = schemaAt(schema, key)
    return isObject(own) ? asDeclared(own, inner) : inner
  }
  if (Array.isArray(value)) return value.map((item, index) => at(String(index), item))
  if (!isObject(value)) return value
  const said = Object.entries(value).filter(([key, inner]) => inner !== '' || !wantsNoText(schemaAt(schema, key)))
  return Object.fromEntries(said.map(([key, inner]) => [key, at(key, inner)]))
}

/** What a value may mean, beside itself. */
function* meantBy(schema: TSchema, value: unknown): Generator {
  if (typeof value === 'string') {
    yield saidBy(value)
    yield* choicesOf(schema).filter((one) => one.toLowerCase() === value.toLowerCase())
  }
  if (!Array.isArray(value) && wantsList(schema)) yield asDeclared(schema, [value])
  if (Array.isArray(value) && value.length === 0) yield {}
}

/** The texts that a schema chooses from. */
function choicesOf(schema: TSchema): readonly string[] {
  const { const: only, anyOf = [] } = schema as Schema
  return typeof only === 'string' ? [only] : anyOf.flatMap(choicesOf)
}

function wantsList(schema: TSchema): boolean {
  return (schema as Schema).type === 'array'
}

function wantsNoText(schema: unknown): boolean {
  return isObject(schema) && ['integer', 'number', 'boolean'].includes(String(schema['type']))
}

function saidBy(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return NUMBER.test(text) ? Number(text) : undefined
}

/** What a schema says of what stands at a key, or of the items of a list. */
function schemaAt(schema: Schema, key: string): unknown {
  const { properties = {}, patternProperties = {}, additionalProperties, items } = schema
  if (Object.hasOwn(properties, key)) return properties[key]
  const ofPattern = Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern, 'u').test(key))
  return ofPattern?.[1] ?? items ?? additionalProperties
}
