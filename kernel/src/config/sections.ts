import { asDeclared, spelledAs, Type } from '@ccr/sdk'
import type { EntryConfig } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { configFault } from './check.ts'
import { namesCode } from './code-files.ts'
import { findFault } from './fault.ts'
import { usedBy, type InstalledPlugin } from './installed.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer } from './pointer.ts'
import { listedModels, providerItems } from './providers.ts'
import { isRemark, saysNothing } from './remarks.ts'
import type { LoadedConfig } from './loaded.ts'
import { KernelConfig, ProviderConfig } from './schema.ts'

/** The config sections of one plugin, by key. */
type Sections = InstalledPlugin['sections']

/**
 * The top-level keys of a config that are not the kernel's own, as their readers declare them. Under `Providers` stand
 * those fields of providers that are not, each with the provider's name: a plugin that declares the section gets no
 * address and no key.
 *
 * @param readers sections of the plugins in use
 */
export function sectionsOf(loaded: LoadedConfig, readers: readonly Sections[]): Readonly<Record<string, unknown>> {
  const own = Object.entries(loaded.value).filter(([key]) => !isKernelKey(key))
  const fields = providerItems(loaded).flatMap(({ item }) => (isPlainObject(item) ? foreignFields(item) : []))
  if (fields.length > 0) own.push(['Providers', fields])
  const declared = readers.reduce<unknown>(
    (read, sections) => asDeclared(Type.Object(sections), read),
    Object.fromEntries(own),
  )
  // Of an object it makes an object.
  return declared as Readonly<Record<string, unknown>>
}

function foreignFields(provider: Readonly<Record<string, unknown>>): readonly object[] {
  const fields = Object.entries(provider).filter(([field]) => !Object.hasOwn(ProviderConfig.properties, field))
  const { name, enabled } = provider
  if (fields.length === 0 || typeof name !== 'string' || enabled === false) return []
  return [{ name, ...Object.fromEntries(fields) }]
}

/**
 * Checks the sections that the plugins in use declare, each against the schema of every plugin that reads it.
 *
 * @param values the sections, by key
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function checkSections(loaded: LoadedConfig, values: object, used: readonly InstalledPlugin[]): void {
  // A faulty provider is left out alone, so that a plugin checks its fields of it by itself.
  for (const [key, value] of Object.entries(values).filter(([one]) => !isKernelKey(one))) {
    const faults = used.flatMap(({ name, sections }) => {
      const schema = Object.hasOwn(sections, key) ? sections[key] : undefined
      const fault = schema && findFault(schema, value, joinPointer('', key))
      return fault === undefined ? [] : [{ name, ...fault }]
    })
    const [first] = faults
    if (first === undefined) continue
    const readers = [...new Set(faults.filter(({ pointer }) => pointer === first.pointer).map(({ name }) => name))]
    throw configFault(loaded, first, `Correct the value; ${readers.join(', ')} ${readers[1] ? 'read' : 'reads'} it.`)
  }
}

/**
 * Warnings for keys that nothing reads: misspelt, or those of a plugin that is not in use. Where the config names code
 * of the user's own, that may read a key like none that is known.
 */
export function unreadKeys(
  loaded: LoadedConfig,
  installed: readonly InstalledPlugin[],
  entries: readonly EntryConfig[],
): readonly string[] {
  const warnings: string[] = []
  const readsAny = namesCode(loaded, installed, entries)
  const owners = ownersOf(installed)
  const known = [...Object.keys(KernelConfig.properties), ...owners.keys()]
  const switchedOff = new Set(entries.filter((entry) => !entry.enabled).map((entry) => entry.use))
  const isInUse = usedBy(entries)
  for (const key of Object.keys(loaded.value)) {
    if (Object.hasOwn(KernelConfig.properties, key)) continue
    const place = `${loaded.at(joinPointer('', key))}: `
    const readers = owners.get(key)
    if (readers === undefined) {
      const fact = unreadKey(key, known, readsAny || saysNothing(loaded.value[key]))
      if (fact !== undefined) warnings.push(`${place}${key} ${fact}`)
    } else if (!readers.some(isInUse)) {
      const names = readers.map(({ name }) => name)
      const state = names.some((name) => switchedOff.has(name)) ? 'switched off' : 'not in use'
      warnings.push(`${place}${key} has no effect: it is read by ${names.join(', ')}, which is ${state}.`)
    }
  }
  return [...warnings, ...unreadProviderFields(loaded, installed, readsAny), ...unreadChains(loaded)]
}

function unreadProviderFields(
  loaded: LoadedConfig,
  installed: readonly InstalledPlugin[],
  readsAny: boolean,
): readonly string[] {
  const known = [...Object.keys(ProviderConfig.properties), ...installed.flatMap(({ sections }) => fieldsOf(sections))]
  return providerItems(loaded).flatMap(({ pointer, item }) => {
    const unread = isPlainObject(item) ? Object.entries(item).filter(([field]) => !known.includes(field)) : []
    return unread.flatMap(([field, value]) => {
      const fact = unreadKey(field, known, readsAny || saysNothing(value))
      const place = joinPointer(pointer, field)
      return fact === undefined ? [] : [`${loaded.at(place)}: ${place} ${fact}`]
    })
  })
}

/** Warnings for what stands in `transformer` as a model and has no `use`, or has the name of nearly one. */
function unreadChains(loaded: LoadedConfig): readonly string[] {
  return providerItems(loaded).flatMap(({ pointer, item }) => {
    const transformer = isPlainObject(item) ? item['transformer'] : undefined
    if (!isPlainObject(transformer)) return []
    const listed = listedModels((item as { readonly models?: unknown }).models)
    return Object.entries(transformer).flatMap(([model, chain]) => {
      if (model === 'use' || isRemark(model) || saysNothing(chain)) return []
      const place = joinPointer(`${pointer}/transformer`, model)
      if (isPlainObject(chain) && chain['use'] !== undefined) {
        const meant = spelledAs(model, listed) === undefined ? suggestion(model, listed) : ''
        const fact = 'is for a model that this provider does not list.'
        return meant === '' ? [] : [`${loaded.at(place)}: ${place} ${fact}${meant}`]
      }
      return [`${loaded.at(place)}: ${place} is not read: beside use stand models, each as { use: […] }.`]
    })
  })
}

/** What to say of a key that nothing reads; nothing where nobody misses it, unless it is nearly a known one. */
function unreadKey(key: string, known: readonly string[], isUnmissed: boolean): string | undefined {
  if (isRemark(key)) return undefined
  const meant = suggestion(key, known)
  return meant === '' && isUnmissed ? undefined : `is not read by any installed plugin.${meant}`
}

/** The fields of a provider that a plugin reads. */
function fieldsOf({ Providers: list }: Sections): readonly string[] {
  const { items } = (list ?? {}) as { readonly items?: { readonly properties?: object } }
  return Object.keys(items?.properties ?? {})
}

function ownersOf(installed: readonly InstalledPlugin[]): ReadonlyMap<string, readonly InstalledPlugin[]> {
  const owners = new Map<string, InstalledPlugin[]>()
  for (const plugin of installed) {
    for (const key of Object.keys(plugin.sections)) owners.set(key, [...(owners.get(key) ?? []), plugin])
  }
  return owners
}

function isKernelKey(key: string): boolean {
  return Object.hasOwn(KernelConfig.properties, key)
}
