import { CcrError } from '@ccr/sdk'
import { ALIASES } from './aliases.ts'
import { findFault, type Fault } from './fault.ts'
import type { LoadedConfig } from './loaded.ts'
import { isWithin, joinPointer } from './pointer.ts'
import { proxyFault } from './proxy.ts'
import { KernelConfig } from './schema.ts'
import { timerFault } from './timers.ts'

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

/** What is wrong with a value that names a variable that is not set, or has one inside it that does. */
export function unsetVariable(
  { variables }: LoadedConfig,
  pointer: string,
  counts: (pointer: string) => boolean = () => true,
): { readonly pointer: string; readonly reason: string } | undefined {
  const use = variables.find((one) => one.value === undefined && isWithin(one.pointer, pointer) && counts(one.pointer))
  if (use === undefined) return undefined
  const reason = `the environment variable ${use.name} is not set. Set it and restart; a literal dollar is written $$.`
  return { pointer: use.pointer, reason }
}

/**
 * Checks the keys that the kernel owns; providers and plugin entries are checked one by one, where they are resolved.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function checkKernelKeys(loaded: LoadedConfig): void {
  const fault =
    findFault(KernelConfig, loaded.value) ??
    repeatedAlias(loaded) ??
    // Its schema was checked above.
    proxyFault(loaded.value as KernelConfig) ??
    timerFault(loaded.value)
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
  for (const [name, alias] of Object.entries(ALIASES)) {
    if (Object.hasOwn(value, name) && Object.hasOwn(value, alias)) {
      const other = joinPointer(pointer, name)
      return { pointer: joinPointer(pointer, alias), fact: `says again what ${other} says at ${loaded.at(other)}` }
    }
  }
  return undefined
}
