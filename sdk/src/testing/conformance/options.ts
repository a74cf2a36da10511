import { fitted } from '@ccr/sdk/kernel'
import { ConformanceError } from './cases.ts'
import type { Subject } from './world.ts'

/** A JSON Schema, as far as it is read here. */
interface Schema {
  readonly type?: unknown
  readonly description?: unknown
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
  readonly patternProperties?: Readonly<Record<string, Schema>>
  /** A list has one for all its items, a tuple one for each. */
  readonly items?: Schema | readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** A typo in an option is an error, and every option says what it means. */
export function optionsAreClosed({ plugin }: Subject): Promise<'passed'> {
  const faults: string[] = []
  if (plugin.description.trim() === '') faults.push('the plugin has no description')
  look(plugin.options as Schema, '', faults)
  const sections = (plugin.config as Schema).properties ?? {}
  for (const [key, section] of Object.entries(sections)) {
    if (!isText(section.description) && !everyPropertyIsDescribed(section)) {
      faults.push(`the config section '${key}' has no description`)
    }
  }
  if (faults.length === 0) return Promise.resolve('passed')
  throw new ConformanceError(`${faults.join('; ')}; close and describe it where the schema is written`)
}

function look(schema: Schema, pointer: string, faults: string[]): void {
  const at = pointer === '' ? 'the options' : `the option ${pointer}`
  if (schema.properties && schema.additionalProperties !== false && !isDescribed(schema.additionalProperties)) {
    faults.push(`${at} may hold unknown keys: additionalProperties is neither false nor a schema that describes them`)
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const place = `${pointer}/${key}`
    if (!isText(property.description)) faults.push(`the option ${place} has no description`)
    if (property.default !== undefined && fitted(property as never, property.default).faults.length > 0) {
      faults.push(`the default of ${place} does not fit its own schema`)
    }
    look(property, place, faults)
  }
  for (const one of listOf(schema.items)) look(one, `${pointer}/items`, faults)
  const values = [...Object.values(schema.patternProperties ?? {}), ...listOf(schema.additionalProperties)]
  for (const one of values) look(one, `${pointer}/*`, faults)
  for (const one of [schema.anyOf, schema.oneOf, schema.allOf].flatMap(listOf)) look(one, pointer, faults)
}

/** Keys that only another party knows, such as the fields of a protocol, are explained as a whole. */
function isDescribed(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && isText((schema as Schema).description)
}

/** The schemas where one may stand, several, or none. */
function listOf(schemas: unknown): readonly Schema[] {
  return [schemas].flat().filter((one) => typeof one === 'object' && one !== null) as readonly Schema[]
}

function everyPropertyIsDescribed({ properties, items }: Schema): boolean {
  if (!properties) return listOf(items).length > 0 && listOf(items).every(everyPropertyIsDescribed)
  const all = Object.values(properties)
  return all.length > 0 && all.every(({ description }) => isText(description))
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== ''
}

/** Its cases are accepted and refused as they say. */
export function optionsFitCases({ plugin, cases }: Subject): Promise<'passed'> {
  const { valid = [{}], invalid = [] } = cases
  for (const options of valid) {
    const { faults } = fitted(plugin.options, options)
    if (faults.length === 0) continue
    const refused = `${show(options)} ${cases.valid ? 'are' : 'is'} refused: ${faults.join('; ')}`
    if (cases.valid) throw new ConformanceError(`the valid options ${refused}; correct either`)
    const remedy = 'add `valid` cases, as in conformance.ts beside it'
    throw new ConformanceError(`no case says which options it accepts, and ${refused}; ${remedy}`)
  }
  for (const { options, pointer } of invalid) {
    const { faults } = fitted(plugin.options, options)
    if (faults.length === 0) throw new ConformanceError(`the invalid options ${show(options)} are accepted`)
    if (faults.some((fault) => fault.startsWith(`${pointer} `))) continue
    const fact = `the invalid options ${show(options)} are refused, but not at ${pointer}`
    throw new ConformanceError(`${fact}: ${faults.join('; ')}; correct the pointer or the schema`)
  }
  return Promise.resolve('passed')
}

function show(options: unknown): string {
  return JSON.stringify(options) ?? 'undefined'
}
