import { dirname } from 'node:path'
import { writtenKey } from './aliases.ts'
import { filePath, shortName, type EntryConfig } from '../load/entries.ts'
import { suggestion } from '../load/nearest.ts'
import { configFault } from './check.ts'
import { findFault } from './fault.ts'
import { toCondition } from './condition.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer } from './pointer.ts'
import type { Preset } from './preset.ts'
import type { LoadedConfig } from './loaded.ts'
import { EntryForm, LegacyEntryForm } from './schema.ts'

/** The entries of a preset. */
export function presetEntries({ name, plugins }: Preset): readonly EntryConfig[] {
  return plugins.map((use) => ({ id: use, use, options: {}, enabled: true, at: `presets/${name}` }))
}

/**
 * The entries of a config: those it builds on, then its own. One of its own takes the place of one with the same id.
 *
 * @param nameOf gives the name of the plugin that an entry means
 * @throws CcrError `CCR_CONFIG_SCHEMA`
 */
export function resolveEntries(
  loaded: LoadedConfig,
  base: readonly EntryConfig[],
  nameOf: (use: string) => string = shortName,
): readonly EntryConfig[] {
  const entries = new Map(base.map((entry) => [entry.id, entry]))
  const key = writtenKey(loaded.value, 'plugins')
  const places = new Map<string, string>()
  for (const [index, item] of ((loaded.value[key] ?? []) as readonly unknown[]).entries()) {
    const pointer = joinPointer(joinPointer('', key), index)
    const entry = toEntry(loaded, pointer, item, nameOf)
    const other = places.get(entry.id)
    if (other !== undefined) {
      const fact = `has the id ${entry.id}, like the entry at ${other}`
      throw configFault(loaded, { pointer, fact }, 'Give one of them an id of its own.')
    }
    places.set(entry.id, entry.at)
    entries.set(entry.id, entry)
  }
  return [...entries.values()]
}

function toEntry(loaded: LoadedConfig, pointer: string, item: unknown, nameOf: (use: string) => string): EntryConfig {
  const { use, id, enabled, when, ...rest } = toForm(loaded, pointer, item)
  const file = filePath(use, dirname(loaded.fileOf(pointer)))
  const name = file === undefined ? nameOf(use) : use
  const condition = when && toCondition(when)
  const at = loaded.at(pointer)
  const optionsAt = (inner: string): string => loaded.at(`${joinPointer(pointer, 'options')}${inner}`)
  const stated = { options: {}, ...rest, optionsAt, file, at, when: condition }
  return { ...stated, id: id ?? name, use: name, enabled: enabled ?? true }
}

function toForm(loaded: LoadedConfig, pointer: string, item: unknown): EntryForm & Pick<EntryConfig, 'optional'> {
  if (typeof item === 'string' && item !== '') return { use: item }
  if (!isPlainObject(item)) {
    throw configFault(loaded, { pointer, fact: 'must be the name of a plugin, or an object with use' })
  }
  if (Object.hasOwn(item, 'name') && !Object.hasOwn(item, 'use')) {
    const fault = findFault(LegacyEntryForm, item, pointer)
    if (fault !== undefined) throw configFault(loaded, fault)
    const { name, options, enabled } = item as LegacyEntryForm
    return { use: name, enabled: enabled === true, ...(options !== undefined && { options }), optional: true }
  }
  const known = Object.keys(EntryForm.properties)
  for (const key of Object.keys(item)) {
    if (known.includes(key)) continue
    const fact = `is not a field of an entry.${suggestion(key, known)} Fields: ${known.join(', ')}`
    throw configFault(loaded, { pointer: joinPointer(pointer, key), fact }, 'Correct or remove it.')
  }
  const fault = findFault(EntryForm, item, pointer)
  if (fault !== undefined) throw configFault(loaded, fault)
  return item as EntryForm
}
