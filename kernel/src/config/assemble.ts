import { createHash } from 'node:crypto'
import type { Blueprint } from '../core/blueprint.ts'
import { DEFAULT_PROFILE } from '../core/generation.ts'
import { findBuiltins, originOf, packageRoot, type Builtin } from '../load/builtin.ts'
import {
  loadEntries,
  pluginNames,
  shortName,
  type EntryConfig,
  type EntryFailure,
  type FileLoads,
  type LoadedEntries,
} from '../load/entries.ts'
import type { LockEntry } from '../load/lock.ts'
import { findStored } from '../load/store.ts'
import { loadCodeSections } from './code-files.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { hideSecrets } from './environment.ts'
import { fromManifest, fromPlugin, type InstalledPlugin } from './installed.ts'
import type { NamedProvider } from './named-providers.ts'
import { readDefaultPreset } from './preset.ts'
import { profilesOf, type ProfileConfig } from './profiles.ts'
import type { InstalledPreset } from './presets/installed.ts'
import { servedPresets } from './presets/served.ts'
import type { BrokenPreset, LoadedConfig } from './loaded.ts'
import { readConfig, type ConfigPlace } from './read.ts'
import { resolveConfig, resolveProfile, type ResolvedConfig, type ResolvedProfile } from './resolve.ts'
import { sameNames } from './same-names.ts'

/** A config and the code it names, ready to become a generation. */
export interface Assembly {
  readonly config: ResolvedConfig
  readonly blueprint: Blueprint
  /** Entries whose plugin could not be loaded. */
  readonly failures: readonly EntryFailure[]
  /** Entries that were not loaded because their code did not come with the router, and only such code was wanted. */
  readonly leftOut: readonly { readonly profile: string; readonly id: string; readonly file?: string | undefined }[]
  /** What the lock says of the plugins that were added. */
  readonly pins: readonly LockEntry[]
  /** The presets that profiles were made from, by name. */
  readonly served: ReadonlyMap<string, InstalledPreset>
  /** Presets that cannot be used as they are. */
  readonly brokenPresets: readonly BrokenPreset[]
  /** The providers that the sections of each profile name. */
  readonly namedProviders: readonly (NamedProvider & { readonly profile: string })[]
  /** Equal for two assemblies of which one generation would serve as well as the other. */
  readonly fingerprint: string
}

/** What an assembly is made from. */
export interface AssembleOptions extends ConfigPlace {
  /** Entries that stand in no config; each takes the place of those with its file, or its plugin. */
  readonly lent?: readonly EntryConfig[] | undefined
  /** Presets as they are served now: one that a change breaks stays what it was. */
  readonly served?: ReadonlyMap<string, InstalledPreset> | undefined
  /** `false` leaves out every plugin that did not come with the router, without running any of its code. */
  readonly thirdParty?: boolean | undefined
}

/**
 * Reads the config, loads the plugins that it names, and resolves it with what they declare.
 *
 * @param root the installation, where built-in plugins and presets are
 * @throws CcrError of the config; a faulty plugin or provider is left out instead
 */
export async function assemble(place: AssembleOptions, root = packageRoot()): Promise<Assembly> {
  const { inputs = new Set(), lent = [], thirdParty = true } = place
  const [loaded, builtins, preset, stored] = await Promise.all([
    readConfig({ ...place, inputs }),
    findBuiltins(root, originOf(place.env)),
    readDefaultPreset(root, inputs),
    findStored(place.home, inputs, place.drafts),
  ])
  // Before any code of a plugin runs.
  hideSecrets(loaded)
  const nameOf = pluginNames(builtins, stored)
  // A chain of a provider may name them as well as an entry.
  const usable = thirdParty ? stored : []
  const loads: FileLoads = new Map()
  const load = (entries: readonly EntryConfig[]): Promise<LoadedEntries> =>
    loadEntries(entries, builtins, usable, loads)
  // The code comes first, because a file may declare sections and dialects that the rest of the config uses.
  const leftOut: Assembly['leftOut'][number][] = []
  const wanted = (profile: string, entries: readonly EntryConfig[]): readonly EntryConfig[] => {
    const [own, others] = thirdParty ? [entries, []] : byOrigin(entries, builtins)
    for (const { id, file } of others) leftOut.push({ profile, id, file })
    return own
  }
  const stated = wanted(DEFAULT_PROFILE, resolveEntries(loaded, presetEntries(preset), nameOf))
  const configs: readonly EntryConfig[] = [...stated.filter((entry) => !isReplaced(entry, lent)), ...lent]
  const main = inPlaceOfOthers(await load(configs), lent)
  const profiles: (ProfileConfig & { readonly configs: typeof configs; readonly code: LoadedEntries })[] = []
  const addProfile = async (profile: ProfileConfig): Promise<void> => {
    const own = wanted(profile.name, resolveEntries(profile.loaded, configs, nameOf))
    profiles.push({ ...profile, configs: own, code: inPlaceOfOthers(await load(own), lent) })
  }
  for (const profile of profilesOf(loaded)) await addProfile(profile)
  const worlds = [{ configs, code: main }, ...profiles]
  for (const { code } of worlds) for (const input of code.inputs) inputs.add(input)
  // What a plugin says of itself counts only while its files are those that were agreed to.
  const refused = new Set(worlds.flatMap(({ code }) => code.failures.map(({ use }) => use)))
  const added = usable.flatMap(({ pin, manifest }) => (manifest && !refused.has(pin.plugin) ? [manifest] : []))
  const installed = [
    ...[...builtins.map(({ manifest }) => manifest), ...added].map(fromManifest),
    ...worlds.flatMap((world) => filePlugins(world.configs, world.code.entries)),
  ]
  const presets = await servedPresets(loaded, {
    inputs,
    before: place.served ?? new Map(),
    pins: stored.map(({ pin }) => pin),
    uses: (plugin) => configs.some(({ use, enabled }) => enabled && use === plugin),
    check({ loaded: own }) {
      resolveProfile(own, { preset, installed, entries: resolveEntries(own, configs, nameOf) })
    },
  })
  for (const profile of presets.profiles) await addProfile(profile)
  const brokenPresets = [...(loaded.brokenPresets ?? []), ...presets.broken]
  const config = resolveConfig(loaded, { preset, installed, entries: configs })
  const withCode = async <Of extends ResolvedProfile>(own: LoadedConfig, profile: Of, code: LoadedEntries) => {
    const { entries } = profile
    const named = await loadCodeSections(profile.sections, { loaded: own, installed, entries, thirdParty })
    return { ...(await withChains(profile, code, load)), sections: named.sections, named }
  }
  const resolved = [
    await withCode(loaded, config, main),
    ...(await Promise.all(
      profiles.map(({ loaded: own, configs: entries, code }) =>
        withCode(own, resolveProfile(own, { preset, installed, entries }), code),
      ),
    )),
  ]
  for (const { named } of resolved) for (const input of named.inputs) inputs.add(input)
  const inUse = resolved.map(({ code }) => code)
  for (const { inputs: files } of inUse) for (const input of files) inputs.add(input)
  const hashes = [
    ...inUse.map(({ entries }) => entries.map(({ id, hash }) => [id, hash])),
    resolved.map(({ named }) => named.hashes),
  ]
  const [own, ...others] = resolved.map(({ providers, sections, code: { entries } }) => {
    return { providers, sections, entries }
  })
  return {
    config: {
      ...config,
      secrets: [...config.secrets, ...(loaded.secrets ?? []), ...presets.secrets],
      warnings: [
        ...new Set([
          ...resolved.flatMap(({ warnings }) => warnings),
          ...[{ configs, code: main }, ...profiles].flatMap((world) => sameNames(world.configs, world.code.entries)),
        ]),
      ],
      disabledProviders: distinct(resolved.flatMap(({ disabledProviders }) => disabledProviders)),
    },
    blueprint: {
      ...own!,
      profiles: Object.fromEntries(profiles.map(({ name }, index) => [name, others[index]!])),
    },
    served: presets.served,
    brokenPresets,
    namedProviders: resolved.flatMap(({ namedProviders }, index) => {
      const profile = [DEFAULT_PROFILE, ...profiles.map(({ name }) => name)][index]!
      return namedProviders.map((one) => ({ ...one, profile }))
    }),
    failures: distinct([...inUse, ...resolved.map(({ named }) => named)].flatMap(({ failures }) => failures)),
    leftOut,
    pins: stored.map(({ pin }) => pin),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([loaded.value, preset, [...presets.served], brokenPresets, hashes]))
      .digest('hex'),
  }
}

/** The profile with the code that the transformers of its providers name; without what that code lacks, no provider. */
async function withChains<Of extends ResolvedProfile>(
  profile: Of,
  code: LoadedEntries,
  load: (entries: readonly EntryConfig[]) => Promise<LoadedEntries>,
) {
  const { chained, providers, disabledProviders } = profile
  const loaded = await load(chained.map(({ entry }) => entry))
  const faulty = loaded.failures.map((failure) => {
    const { provider, entry } = chained.find((one) => one.entry.id === failure.id)!
    return { ...failure, provider, at: entry.at }
  })
  const lost = new Set(faulty.map(({ provider }) => provider))
  return {
    ...profile,
    providers: providers.filter(({ name }) => !lost.has(name)),
    disabledProviders: [
      ...disabledProviders,
      ...faulty.map(({ provider, error, at }) => ({ name: provider, reason: error.message, at })),
    ],
    code: {
      entries: [...code.entries, ...loaded.entries],
      failures: [...code.failures, ...faulty],
      inputs: [...code.inputs, ...loaded.inputs],
    },
  }
}

/** Entries that are switched on, by where their code is from: with the router, or from elsewhere. */
function byOrigin(entries: readonly EntryConfig[], builtins: readonly Builtin[]) {
  const names = new Set(builtins.map(({ name }) => name))
  const isForeign = ({ enabled, file, use }: EntryConfig): boolean =>
    enabled && (file !== undefined || !names.has(shortName(use)))
  return [entries.filter((entry) => !isForeign(entry)), entries.filter(isForeign)] as const
}

function isReplaced({ file }: EntryConfig, lent: readonly EntryConfig[]): boolean {
  return file !== undefined && lent.some((one) => one.file === file)
}

function inPlaceOfOthers(code: LoadedEntries, lent: readonly EntryConfig[]): LoadedEntries {
  const isLent = (id: string): boolean => lent.some((one) => one.id === id)
  const names = new Set(code.entries.filter(({ id }) => isLent(id)).map(({ plugin }) => plugin.name))
  return { ...code, entries: code.entries.filter(({ id, plugin }) => isLent(id) || !names.has(plugin.name)) }
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
