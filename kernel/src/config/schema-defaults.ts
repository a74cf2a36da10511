import { isPlainObject } from './plain-data.ts'

/**
 * A value with the defaults that a JSON Schema names, at every level of its objects. TypeBox fills in those of schemas
 * that it has made; what the manifest of a plugin holds is such a schema no more.
 */
export function withDefaults(schema: unknown, value: unknown): unknown {
  if (!isPlainObject(schema)) return value
  const said = value === undefined ? schema['default'] : value
  const { properties } = schema
  if (!isPlainObject(properties) || !isPlainObject(said)) return said
  const filled: Record<string, unknown> = { ...said }
  for (const [key, part] of Object.entries(properties)) {
    const known = withDefaults(part, filled[key])
    if (known !== undefined) filled[key] = known
  }
  return filled
}
