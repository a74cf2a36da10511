import { joinPointer } from './pointer.ts'

/** One place where a config value names an environment variable. */
export interface VariableUse {
  /** JSON pointer of the string that names it. */
  readonly pointer: string
  readonly name: string
  /** Nothing when the variable is unset or empty; its placeholder then stays as it was written. */
  readonly value: string | undefined
}

/** The environment, as far as config reads it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A value whose placeholders are filled in, and what was used for them. */
export interface Interpolated {
  readonly value: unknown
  readonly variables: readonly VariableUse[]
}

/**
 * Fills `$NAME` (upper case, digits and `_`) and `${any name}` in every string value; keys are left alone. `$$` is a
 * literal dollar. What a variable holds is not looked at again.
 */
export function interpolate(value: unknown, environment: Environment): Interpolated {
  const variables: VariableUse[] = []
  return { value: fill(value, '', environment, variables), variables }
}

const PLACEHOLDER = /\$(?:(\$)|\{([^}]+)\}|([A-Z_][A-Z0-9_]*))/g

function fill(value: unknown, pointer: string, environment: Environment, variables: VariableUse[]): unknown {
  if (typeof value === 'string') return fillText(value, pointer, environment, variables)
  if (Array.isArray(value)) return value.map((item, index) => fill(item, `${pointer}/${index}`, environment, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fill(item, joinPointer(pointer, key), environment, variables)]),
  )
}

function fillText(text: string, pointer: string, environment: Environment, variables: VariableUse[]): string {
  return text.replace(PLACEHOLDER, (placeholder, dollar?: string, braced?: string, bare?: string) => {
    if (dollar !== undefined) return '$'
    const name = braced ?? bare ?? ''
    const value = Object.hasOwn(environment, name) && environment[name] !== '' ? environment[name] : undefined
    variables.push({ pointer, name, value })
    return value ?? placeholder
  })
}
