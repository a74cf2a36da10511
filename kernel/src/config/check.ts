import { CcrError } from '@ccr/sdk'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import type { LoadedConfig } from './loaded.ts'
import { isWithin, joinPointer, splitPointer } from './pointer.ts'
import { KernelConfig } from './schema.ts'
import { timerFault } from './timers.ts'

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
  if (error.keyword === 'boolean') return { pointer: at, fact: 'is not a known key here' }
  const expected = expectation(schemaAt(schema, error.schemaPath))
  return { pointer: at, fact: `must be ${expected ?? error.message.replace(/^must be /, '')}` }
}

/** The error for a fault in a config. */
export function configFault(loaded: LoadedConfig, { pointer, fact }: Fault, remedy = 'Correct the value.'): CcrError {
  const at = loaded.at(pointer)
  const unset = missingVariables(loaded, pointer).map((name) => ` The environment variable ${name} is not set.`)
  const message = `${at}: ${pointer || 'the config'} ${fact}.${unset.join('')} ${remedy}`
  return new CcrError('CCR_CONFIG_SCHEMA', message, { at })
}

/** Names of the unset variables that a value, or one inside it, asks for. */
export function missingVariables(loaded: LoadedConfig, pointer: string): readonly string[] {
  const missing = loaded.variables.filter((use) => use.value === undefined && isWithin(use.pointer, pointer))
  return [...new Set(missing.map(({ name }) => name))]
}

/**
 * Checks the keys that the kernel owns; providers and plugin entries are checked one by one, where they are resolved.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function checkKernelKeys(loaded: LoadedConfig): void {
  const fault =
    findFault(KernelConfig, loaded.value) ?? repeatedAlias(loaded) ?? portRange(loaded) ?? timerFault(loaded.value)
  if (fault !== undefined) throw configFault(loaded, fault)
  if (missingVariables(loaded, '/APIKEY').length > 0) {
    // Its placeholder would become a key that anyone can guess.
    throw configFault(loaded, { pointer: '/APIKEY', fact: 'has no value' }, 'Set the variable, or remove the key.')
  }
}

/** A key that is said twice, under its two names, by a config or one of its profiles. */
export function repeatedAlias(
  loaded: LoadedConfig,
  value: Readonly<Record<string, unknown>> = loaded.value,
  pointer = '',
): Fault | undefined {
  for (const [name, alias] of [
    ['Providers', 'providers'],
    ['plugins', 'Plugins'],
  ] as const) {
    if (Object.hasOwn(value, name) && Object.hasOwn(value, alias)) {
      const other = joinPointer(pointer, name)
      return { pointer: joinPointer(pointer, alias), fact: `says again what ${other} says at ${loaded.at(other)}` }
    }
  }
  return undefined
}

function portRange(loaded: LoadedConfig): Fault | undefined {
  return Number(loaded.value['PORT'] ?? 0) > 65535
    ? { pointer: '/PORT', fact: 'must be an integer from 0 to 65535' }
    : undefined
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
