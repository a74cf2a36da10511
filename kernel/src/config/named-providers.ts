import { splitTarget } from '@ccr/sdk'
import { missingVariables } from './check.ts'
import type { InstalledPlugin } from './installed.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { providerItems } from './providers.ts'
import { sectionValues } from './section-keys.ts'

/** A provider that a section names. Only what is built from the config shows whether it is there. */
export interface NamedProvider {
  readonly name: string
  readonly pointer: string
  /** `file:line:column`. */
  readonly at: string
  /** It is configured, and switched off. */
  readonly switchedOff: boolean
}

/**
 * The providers that sections name where their schema says so: `x-names: 'provider'` marks a text of the form
 * `provider,model`.
 *
 * @param readers sections of the plugins in use
 */
export function namedProviders(
  loaded: LoadedConfig,
  readers: readonly InstalledPlugin['sections'][],
): readonly NamedProvider[] {
  const off = providerItems(loaded).flatMap(({ item }) =>
    isPlainObject(item) && item['enabled'] === false ? String(item['name']).toLowerCase() : [],
  )
  return sectionValues(loaded, readers).flatMap(({ pointer, value, schemas }) => {
    if (typeof value !== 'string' || !schemas.some((schema) => schema['x-names'] === 'provider')) return []
    const name = splitTarget(value)?.provider ?? ''
    // A variable that is not set is told of by itself.
    if (name === '' || missingVariables(loaded, pointer).length > 0) return []
    return [{ name, pointer, at: loaded.at(pointer), switchedOff: off.includes(name.toLowerCase()) }]
  })
}
