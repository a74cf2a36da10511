import { createRequire } from 'node:module'
import { createGenerator } from 'ts-json-schema-generator'
import Schema from 'typebox/schema'

const require = createRequire(import.meta.url)

/** A type of an official SDK. */
export interface OfficialType {
  readonly name: string
  /** Module that exports it. */
  readonly module: string
  /** Fields that other servers of the protocol take, by the definition that they stand in. */
  readonly further?: Readonly<Record<string, readonly string[]>>
}

/** Most faults that are told of one value: a union that does not fit has one for each of its members. */
const MAX_FAULTS = 10

type Definitions = Record<string, { properties?: Record<string, unknown> }>

type Check = (value: unknown) => readonly string[]

const made = new Map<string, Check>()

/**
 * A check of values against JSON Schema that is generated from an official SDK's types, in which no object may have
 * fields that the type does not know. Gives what is wrong with a value; nothing when it fits.
 */
export function createOfficialCheck(type: OfficialType): Check {
  const check = made.get(type.name) ?? generate(type)
  // Making one costs seconds.
  made.set(type.name, check)
  return check
}

function generate({ name, module, further = {} }: OfficialType): Check {
  const path = require.resolve(module).replace(/\.js$/, '.d.ts')
  const schema = createGenerator({ path, type: name, skipTypeCheck: true }).createSchema(name)
  const definitions = schema.definitions as Definitions
  for (const [definition, fields] of Object.entries(further)) {
    const { properties } = definitions[definition] ?? {}
    if (!properties) throw new Error(`${module} has no object type '${definition}' any more`)
    for (const field of fields) properties[field] = {}
  }
  const check = Schema.Compile(schema as object)
  return (value) => {
    if (check.Check(value)) return []
    const [, errors] = check.Errors(value)
    return errors.slice(0, MAX_FAULTS).map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
  }
}
