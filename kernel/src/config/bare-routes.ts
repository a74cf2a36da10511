import type { InstalledPlugin } from './installed.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { splitPointer } from './pointer.ts'
import { withValueAt } from './presets/places.ts'
import { providerItems } from './providers.ts'
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
  let { value: config } = loaded
  const warnings: string[] = []
  for (const { pointer, value, schemas } of sectionValues(loaded, readers)) {
    if (typeof value !== 'string' || value.includes(',')) continue
    if (!schemas.some((schema) => schema['x-names'] === 'provider')) continue
    const [target, ...others] = targetsNamed(value, targets)
    if (target === undefined || others.length > 0) continue
    // A section is an object, and what is in it is reached by its keys.
    config = withValueAt(config, splitPointer(pointer), target) as LoadedConfig['value']
    warnings.push(`${loaded.at(pointer)}: ${pointer} names no provider and model, and is taken for "${target}".`)
  }
  return { loaded: config === loaded.value ? loaded : { ...loaded, value: config }, warnings }
}

interface ListedTarget {
  readonly provider: string
  readonly model: string
}

function targetsOf(loaded: LoadedConfig): readonly ListedTarget[] {
  return providerItems(loaded).flatMap(({ item }) => {
    if (!isPlainObject(item) || item['enabled'] === false) return []
    const { name: provider, models } = item
    const listed = Array.isArray(models) ? models.filter((model) => typeof model === 'string') : []
    return typeof provider === 'string' ? listed.map((model) => ({ provider, model })) : []
  })
}

/** Without regard to case, as routes are read. */
function targetsNamed(text: string, targets: readonly ListedTarget[]): readonly string[] {
  const name = text.trim().toLowerCase()
  if (name === '') return []
  const named = targets.filter(({ provider, model }) => [provider, model].some((one) => one.toLowerCase() === name))
  return [...new Set(named.map(({ provider, model }) => `${provider},${model}`))]
}
