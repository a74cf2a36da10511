import { isObject } from './is-object.ts'
import { Value, type TSchema } from './typebox/index.ts'

/** A JSON Schema, as its keywords are read here. */
type Schema = TSchema & {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
  readonly additionalProperties?: unknown
  readonly items?: unknown
  readonly anyOf?: readonly TSchema[]
}

/** As JSON has them; zeros may stand before. */
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/**
 * A value with numbers, `true` and `false` in place of the texts that say exactly these, where its schema wants them
 * and takes no text: what a variable holds, and what a form was filled in with, is always text. A member that is empty
 * there is none. What does not fit its schema even so stays as it is. The value itself is never changed.
 */
export function asDeclared(schema: TSchema, value: unknown): unknown {
  const fits = (one: unknown): boolean => Value.Check(schema, one)
  if (fits(value)) return value
  if (typeof value === 'string') {
    const said = saidBy(value)
    return said !== undefined && fits(said) ? said : value
  }
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
