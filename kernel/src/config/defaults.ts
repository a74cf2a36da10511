import { Value, type TSchema } from '@ccr/sdk/typebox'
import { isPlainObject } from './plain-data.ts'

/**
 * A value with the defaults of its JSON Schema where it says nothing, also of a schema that a manifest holds:
 * `Value.Default` fills in those of schemas that were made in this process alone.
 */
export function withDefaults(schema: unknown, value: unknown): unknown {
  if (!isPlainObject(schema)) return value
  const { default: fallback, properties, items, anyOf } = schema
  if (value === undefined) return fallback === undefined ? undefined : withDefaults(schema, fallback)
  if (Array.isArray(anyOf)) {
    const filled = anyOf.map((branch: TSchema) => [branch, withDefaults(branch, value)] as const)
    return filled.find(([branch, one]) => Value.Check(branch, one))?.[1] ?? value
  }
  if (Array.isArray(value)) return value.map((item) => withDefaults(items, item))
  if (!isPlainObject(value) || !isPlainObject(properties)) return value
  const filled = Object.entries(properties).map(([key, inner]): [string, unknown] => {
    return [key, withDefaults(inner, Object.hasOwn(value, key) ? value[key] : undefined)]
  })
  return { ...value, ...Object.fromEntries(filled.filter(([, one]) => one !== undefined)) }
}
