import { createHash } from 'node:crypto'
import type { Blueprint } from '../core/blueprint.ts'
import { findBuiltins, originOf, packageRoot } from '../load/builtin.ts'
import { loadEntries, type EntryConfig, type EntryFailure, type LoadedEntries } from '../load/entries.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { fromManifest, fromPlugin, type InstalledPlugin } from './installed.ts'
import { readDefaultPreset } from './preset.ts'
import { profilesOf, type ProfileConfig } from './profiles.ts'
import { readConfig, type ConfigPlace } from './read.ts'
import { resolveConfig, resolveProfile, type ResolvedConfig } from './resolve.ts'

/** A config and the code it names, ready to become a generation. */
export interface Assembly {
  readonly config: ResolvedConfig
  readonly blueprint: Blueprint
  /** Entries whose plugin could not be loaded. */
  readonly failures: readonly EntryFailure[]
  /** Equal for two assemblies of which one generation would serve as well as the other. */
  readonly fingerprint: string
}

/**
 * Reads the config, loads the plugins that it names, and resolves it with what they declare.
 *
 * @param root the installation, where built-in plugins and presets are
 * @throws CcrError of the config; a faulty plugin or provider is left out instead
 */
export async function assemble(place: ConfigPlace, root = packageRoot()): Promise<Assembly> {
  const { inputs = new Set() } = place
  const [loaded, builtins, preset] = await Promise.all([
    readConfig({ ...place, inputs }),
    findBuiltins(root, originOf(place.env)),
    readDefaultPreset(root, inputs),
  ])
  // The code comes first, because a file may declare sections and dialects that the rest of the config uses.
  const configs = resolveEntries(loaded, presetEntries(preset))
  const main = await loadEntries(configs, builtins)
  const profiles: (ProfileConfig & { readonly configs: typeof configs; readonly code: LoadedEntries })[] = []
  for (const profile of profilesOf(loaded)) {
    const own = resolveEntries(profile.loaded, configs)
    profiles.push({ ...profile, configs: own, code: await loadEntries(own, builtins) })
  }
  const worlds = [{ configs, code: main }, ...profiles]
  for (const { code } of worlds) for (const input of code.inputs) inputs.add(input)
  const installed = [
    ...builtins.map(({ manifest }) => fromManifest(manifest)),
    ...worlds.flatMap((world) => filePlugins(world.configs, world.code.entries)),
  ]
  const config = resolveConfig(loaded, { preset, installed, entries: configs })
  const resolved = profiles.map(({ name, loaded: own, configs: entries, code }) => {
    return { name, code, ...resolveProfile(own, { preset, installed, entries }) }
  })
  const hashes = worlds.map(({ code }) => code.entries.map(({ id, hash }) => [id, hash]))
  return {
    config: {
      ...config,
      warnings: [...new Set([...config.warnings, ...resolved.flatMap(({ warnings }) => warnings)])],
      disabledProviders: distinct([config, ...resolved].flatMap(({ disabledProviders }) => disabledProviders)),
    },
    blueprint: {
      entries: main.entries,
      providers: config.providers,
      sections: config.sections,
      profiles: Object.fromEntries(
        resolved.map(({ name, code, providers, sections }) => [name, { entries: code.entries, providers, sections }]),
      ),
    },
    failures: distinct(worlds.flatMap(({ code }) => code.failures)),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([loaded.value, preset, hashes]))
      .digest('hex'),
  }
}

function filePlugins(configs: readonly EntryConfig[], entries: LoadedEntries['entries']): readonly InstalledPlugin[] {
  const files = new Set(configs.filter(({ file }) => file !== undefined).map(({ id }) => id))
  return entries.filter(({ id }) => files.has(id)).map(({ plugin }) => fromPlugin(plugin))
}

/** What a profile has from the config around it is told once. */
function distinct<T extends object>(reports: readonly T[]): readonly T[] {
  return [...new Map(reports.map((report) => [JSON.stringify(report), report])).values()]
}
