import { Value, type TSchema } from '@ccr/sdk/typebox'
import { nearestName } from '../load/nearest.ts'
import { splitPointer } from './pointer.ts'

/** What does not fit a schema. */
export interface Fault {
  readonly pointer: string
  /** `must be …`, or whatever completes a sentence that begins with the pointer. */
  readonly fact: string
}

/** The first fault of a value, or nothing when it fits. The text never repeats the value, which may be secret. */
export function findFault(schema: TSchema, value: unknown, pointer = ''): Fault | undefined {
  if (Value.Check(schema, value)) return undefined
  const errors = Value.Errors(schema, value)
  const first = errors[0]
  if (first === undefined) return { pointer, fact: 'does not fit its schema' }
  // The branches of a union come before the union itself, which says more.
  const error =
    errors.find((one) => one.keyword === 'anyOf' && first.schemaPath.startsWith(`${one.schemaPath}/anyOf/`)) ?? first
  const at = pointer + error.instancePath
  const params = error.params as { readonly requiredProperties?: readonly string[] }
  if (error.keyword === 'required') return { pointer: at, fact: `lacks ${params.requiredProperties?.join(', ')}` }
  if (error.keyword === 'boolean') {
    const known = schemaAt(schema, error.schemaPath.replace(/\/additionalProperties$/, ''))?.['properties']
    const near = nearestName(splitPointer(error.instancePath).at(-1)!, Object.keys(known ?? {}))
    return { pointer: at, fact: `is not a known key here${near === undefined ? '' : ` (did you mean ${near}?)`}` }
  }
  // Of many branches only the errors of the first few are told, and then not the union's own.
  const schemaPath = error.schemaPath.replace(/\/anyOf\/\d+$/, '')
  const expected = expectation(schemaAt(schema, schemaPath))
  return { pointer: at, fact: `must be ${expected ?? error.message.replace(/^must be /, '')}` }
}

function schemaAt(schema: TSchema, schemaPath: string): Readonly<Record<string, unknown>> | undefined {
  let current: unknown = schema
  for (const key of splitPointer(schemaPath.replace(/^#/, ''))) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Readonly<Record<string, unknown>>)[key]
  }
  return typeof current === 'object' && current !== null ? (current as Readonly<Record<string, unknown>>) : undefined
}

/** What a schema asks for, in words. */
function expectation(schema: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (schema === undefined) return undefined
  if (typeof schema['title'] === 'string') return schema['title']
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(schema['anyOf'])) {
    const parts = schema['anyOf'].map((one: Readonly<Record<string, unknown>>) => expectation(one))
    return parts.every((one) => one !== undefined) ? parts.join(' or ') : undefined
  }
  switch (schema['type']) {
    case 'integer':
    case 'number':
      return `${schema['type'] === 'integer' ? 'an integer' : 'a number'}${range(schema['minimum'], schema['maximum'])}`
    case 'string':
      return schema['minLength'] === undefined ? 'text' : 'text that is not empty'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'an object'
    default:
      return undefined
  }
}

function range(minimum: unknown, maximum: unknown): string {
  if (minimum === undefined) return maximum === undefined ? '' : ` of at most ${String(maximum)}`
  return maximum === undefined ? ` of at least ${String(minimum)}` : ` from ${String(minimum)} to ${String(maximum)}`
}
