import { suggestion } from '../load/nearest.ts'
import type { InstalledPlugin } from './installed.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer } from './pointer.ts'
import { isRemark } from './remarks.ts'

/** A JSON Schema, as its keywords are read here. */
export type SectionSchema = Readonly<Record<string, unknown>>

/** A value inside a section, with what each of its readers says of it. */
export interface SectionValue {
  readonly pointer: string
  readonly value: unknown
  readonly schemas: readonly SectionSchema[]
}

/**
 * Warnings for keys inside sections that are nearly those that a plugin reads. A key that is like none is let be: what
 * an open section holds beside them may be read by code that declares nothing, such as a custom router.
 *
 * @param readers sections of the plugins in use
 */
export function misspeltKeys(loaded: LoadedConfig, readers: readonly InstalledPlugin['sections'][]): readonly string[] {
  return sectionValues(loaded, readers).flatMap(({ pointer, value, schemas }) => {
    if (!isPlainObject(value)) return []
    const known = new Set(schemas.flatMap((schema) => Object.keys(propertiesOf(schema))))
    const unread = Object.keys(value).filter((key) => schemas.every((schema) => schemaOf(schema, key) === undefined))
    return unread.flatMap((key) => {
      if (isRemark(key)) return []
      const meant = suggestion(key, known)
      const place = joinPointer(pointer, key)
      return meant === '' ? [] : [`${loaded.at(place)}: ${place} is not read by any plugin in use.${meant}`]
    })
  })
}

/** Every value of the sections that these readers declare, outermost first. */
export function sectionValues(
  { value: config }: LoadedConfig,
  readers: readonly InstalledPlugin['sections'][],
): readonly SectionValue[] {
  const sections = Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'Providers'))
  const schemas = readers.map((properties) => ({ properties }))
  return valuesWithin({ pointer: '', value: sections, schemas }).slice(1)
}

function valuesWithin(outer: SectionValue): SectionValue[] {
  const { pointer, value, schemas } = outer
  if (!isPlainObject(value) && !Array.isArray(value)) return [outer]
  const inner = Object.entries(value).flatMap(([key, one]) => {
    const own = schemas.flatMap((schema) => branchesOf(schemaOf(schema, key)))
    return own.length === 0 ? [] : valuesWithin({ pointer: joinPointer(pointer, key), value: one, schemas: own })
  })
  return [outer, ...inner]
}

/** What a schema says of what stands at a key, or of the items of a list; nothing when it says nothing. */
function schemaOf(schema: SectionSchema, key: string): unknown {
  const properties = propertiesOf(schema)
  if (Object.hasOwn(properties, key)) return properties[key]
  const patterns = Object.entries((schema['patternProperties'] ?? {}) as SectionSchema)
  const { items, additionalProperties } = schema
  return (
    patterns.find(([pattern]) => new RegExp(pattern, 'u').test(key))?.[1] ??
    items ??
    (isPlainObject(additionalProperties) ? additionalProperties : undefined)
  )
}

function propertiesOf({ properties }: SectionSchema): SectionSchema {
  return (properties ?? {}) as SectionSchema
}

/** A schema, or those of which one must fit. */
function branchesOf(schema: unknown): readonly SectionSchema[] {
  if (!isPlainObject(schema)) return []
  const branches = [schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']].flat()
  return branches[0] === undefined ? [schema] : branches.flatMap(branchesOf)
}
