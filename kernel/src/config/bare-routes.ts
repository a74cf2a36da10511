import type { InstalledPlugin } from './installed.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer, splitPointer } from './pointer.ts'
import { listedModels, providerItems } from './providers.ts'
import { sectionValues } from './section-keys.ts'

/** A config whose routes are whole, and what was taken for what. */
export interface CompletedRoutes {
  readonly loaded: LoadedConfig
  readonly warnings: readonly string[]
}

/**
 * Completes routes that name a provider, or a model, alone, where there is but one target that they can mean. Any other
 * stays as it is.
 *
 * @param readers sections of the plugins in use; `x-names: 'provider'` marks a route in their schemas
 */
export function completeRoutes(loaded: LoadedConfig, readers: readonly InstalledPlugin['sections'][]): CompletedRoutes {
  const targets = targetsOf(loaded)
  const meant = new Map<string, string>()
  const warnings: string[] = []
  for (const { pointer, value, schemas } of sectionValues(loaded, readers)) {
    if (typeof value !== 'string' || value.includes(',')) continue
    if (!schemas.some((schema) => schema['x-names'] === 'provider')) continue
    const [target, ...others] = targets.get(value.trim().toLowerCase()) ?? []
    if (target === undefined || others.length > 0) continue
    meant.set(pointer, target)
    warnings.push(`${loaded.at(pointer)}: ${pointer} names no provider and model, and is taken for "${target}".`)
  }
  if (meant.size === 0) return { loaded, warnings }
  const sections = new Set([...meant.keys()].map((pointer) => splitPointer(pointer)[0]))
  const value = Object.entries(loaded.value).map(([key, section]): [string, unknown] => [
    key,
    sections.has(key) ? withValues(section, joinPointer('', key), meant) : section,
  ])
  return { loaded: { ...loaded, value: Object.fromEntries(value) }, warnings }
}

/** A copy of what stands at a pointer, with other values where there are some. */
function withValues(value: unknown, pointer: string, values: ReadonlyMap<string, unknown>): unknown {
  if (values.has(pointer)) return values.get(pointer)
  if (Array.isArray(value)) return value.map((one, index) => withValues(one, joinPointer(pointer, index), values))
  if (!isPlainObject(value)) return value
  const members = Object.entries(value).map(([key, one]) => [key, withValues(one, joinPointer(pointer, key), values)])
  return Object.fromEntries(members)
}

/** The targets that a text alone can mean, by the text in lower case, as routes are read: a provider or a model. */
function targetsOf(loaded: LoadedConfig): ReadonlyMap<string, ReadonlySet<string>> {
  const targets = new Map<string, Set<string>>()
  for (const { item } of providerItems(loaded)) {
    if (!isPlainObject(item) || item['enabled'] === false) continue
    const { name: provider, models } = item
    if (typeof provider !== 'string') continue
    for (const model of listedModels(models)) {
      for (const name of [provider, model]) {
        const key = name.trim().toLowerCase()
        const named = targets.get(key) ?? new Set()
        targets.set(key, named.add(`${provider},${model}`))
      }
    }
  }
  return targets
}
