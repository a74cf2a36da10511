import { createHash } from 'node:crypto'
import type { Blueprint } from '../core/blueprint.ts'
import { findBuiltins, originOf, packageRoot, type Builtin } from '../load/builtin.ts'
import { loadEntries, type EntryConfig, type EntryFailure, type LoadedEntries } from '../load/entries.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { fromManifest, fromPlugin, type InstalledPlugin } from './installed.ts'
import { readDefaultPreset } from './preset.ts'
import { profilesOf, type ProfileConfig } from './profiles.ts'
import { readConfig, type ConfigPlace } from './read.ts'
import { resolveConfig, resolveProfile, type ResolvedConfig, type ResolvedProfile } from './resolve.ts'

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
  const resolved = [
    await withChains(config, main, builtins),
    ...(await Promise.all(
      profiles.map(({ loaded: own, configs: entries, code }) =>
        withChains(resolveProfile(own, { preset, installed, entries }), code, builtins),
      ),
    )),
  ]
  const inUse = resolved.map(({ code }) => code)
  for (const { inputs: files } of inUse) for (const input of files) inputs.add(input)
  const hashes = inUse.map(({ entries }) => entries.map(({ id, hash }) => [id, hash]))
  const [own, ...others] = resolved.map(({ providers, sections, code: { entries } }) => {
    return { providers, sections, entries }
  })
  return {
    config: {
      ...config,
      warnings: [...new Set(resolved.flatMap(({ warnings }) => warnings))],
      disabledProviders: distinct(resolved.flatMap(({ disabledProviders }) => disabledProviders)),
    },
    blueprint: {
      ...own!,
      profiles: Object.fromEntries(profiles.map(({ name }, index) => [name, others[index]!])),
    },
    failures: distinct(inUse.flatMap(({ failures }) => failures)),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([loaded.value, preset, hashes]))
      .digest('hex'),
  }
}

/** The profile with the code that the transformers of its providers name; without what that code lacks, no provider. */
async function withChains<Of extends ResolvedProfile>(profile: Of, code: LoadedEntries, builtins: readonly Builtin[]) {
  const { chained, providers, disabledProviders } = profile
  const loaded = await loadEntries(
    chained.map(({ entry }) => entry),
    builtins,
  )
  const faulty = loaded.failures.flatMap(({ id, error }) => {
    const found = chained.find(({ entry }) => entry.id === id)!
    return { name: found.provider, reason: error.message, at: found.entry.at }
  })
  const lost = new Set(faulty.map(({ name }) => name))
  return {
    ...profile,
    providers: providers.filter(({ name }) => !lost.has(name)),
    disabledProviders: [...disabledProviders, ...faulty],
    code: {
      entries: [...code.entries, ...loaded.entries],
      failures: [...code.failures, ...loaded.failures],
      inputs: [...code.inputs, ...loaded.inputs],
    },
  }
}

function filePlugins(configs: readonly EntryConfig[], entries: LoadedEntries['entries']): readonly InstalledPlugin[] {
  return configs.flatMap(({ id, use, file }) => {
    const entry = entries.find((one) => one.id === id)
    return file === undefined || entry === undefined ? [] : fromPlugin(entry.plugin, use, file)
  })
}

/** What a profile has from the config around it is told once. */
function distinct<T extends object>(reports: readonly T[]): readonly T[] {
  return [...new Map(reports.map((report) => [JSON.stringify(report), report])).values()]
}
