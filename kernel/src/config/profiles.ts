import { namesOf } from './aliases.ts'
import { configFault, repeatedAlias } from './check.ts'
import { findFault } from './fault.ts'
import { isWithin, joinPointer, splitPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { KernelConfig } from './schema.ts'

/** One of `profiles`, as a config of its own: what it does not say it has from the config around it. */
export interface ProfileConfig {
  readonly name: string
  readonly loaded: LoadedConfig
}

/** Keys of the kernel that a profile may have; any other belongs to the router as a whole. */
const OWN_KEYS: readonly string[] = namesOf('Providers', 'plugins')

/**
 * The profiles of a config, in its order. `plugins` of a profile holds only its own.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function profilesOf(loaded: LoadedConfig): readonly ProfileConfig[] {
  const profiles = (loaded.value['profiles'] ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>>>>
  return Object.entries(profiles).map(([name, own]) => {
    const pointer = joinPointer('/profiles', name)
    for (const key of Object.keys(own)) {
      if (!Object.hasOwn(KernelConfig.properties, key) || OWN_KEYS.includes(key)) continue
      const fact = `belongs to the router as a whole, not to a profile`
      throw configFault(loaded, { pointer: joinPointer(pointer, key), fact }, 'Move it to the top of the config.')
    }
    const fault = findFault(KernelConfig, own, pointer) ?? repeatedAlias(loaded, own, pointer)
    if (fault !== undefined) throw configFault(loaded, fault)
    return { name, loaded: toConfig(loaded, pointer, own) }
  })
}

function toConfig(loaded: LoadedConfig, pointer: string, own: Readonly<Record<string, unknown>>): LoadedConfig {
  const replaced = new Set([...Object.keys(own), 'profiles', ...namesOf('plugins')])
  const lists = namesOf('Providers')
  if (lists.some((key) => replaced.has(key))) for (const key of lists) replaced.add(key)
  const inherited = Object.entries(loaded.value).filter(([key]) => !replaced.has(key))
  const place = (inner: string): string => {
    const [key] = splitPointer(inner)
    return key !== undefined && !Object.hasOwn(own, key) ? inner : pointer + inner
  }
  return {
    ...loaded,
    value: { ...Object.fromEntries(inherited), ...own },
    variables: loaded.variables.flatMap((use) => {
      if (isWithin(use.pointer, pointer)) return [{ ...use, pointer: use.pointer.slice(pointer.length) }]
      return replaced.has(splitPointer(use.pointer)[0] ?? '') ? [] : [use]
    }),
    at: (inner) => loaded.at(place(inner)),
    fileOf: (inner) => loaded.fileOf(place(inner)),
  }
}
