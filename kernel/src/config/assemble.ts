import { createHash } from 'node:crypto'
import type { Blueprint, ProfileBlueprint } from '../core/blueprint.ts'
import { findBuiltins, originOf, packageRoot } from '../load/builtin.ts'
import type { EntryFailure } from '../load/entries.ts'
import type { LockEntry } from '../load/lock.ts'
import { findStored } from '../load/store.ts'
import { complete, type CompleteProfile, type CompletionOptions } from './complete.ts'
import { hideSecrets } from './environment.ts'
import type { NamedProvider } from './named-providers.ts'
import { readDefaultPreset, type Preset } from './preset.ts'
import { profilesOf } from './profiles.ts'
import type { InstalledPreset } from './presets/installed.ts'
import { servedPresets, type ServedPresets } from './presets/served.ts'
import type { BrokenPreset, LoadedConfig } from './loaded.ts'
import { readConfig, type ConfigPlace } from './read.ts'
import {
  resolveConfig,
  resolveProfile,
  type ResolvedConfig,
  type ResolvedProfile,
  type Surroundings,
} from './resolve.ts'
import { sameNames } from './same-names.ts'
import type { NamedFiles } from './transformer-files.ts'
import { WorldLoader, type CodeOptions, type World } from './worlds.ts'

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
export interface AssembleOptions extends ConfigPlace, CodeOptions {
  /** Presets as they are served now: one that a change breaks stays what it was. */
  readonly served?: ReadonlyMap<string, InstalledPreset> | undefined
}

/**
 * Reads the config, loads the plugins that it names, and resolves it with what they declare.
 *
 * @param root the installation, where built-in plugins and presets are
 * @throws CcrError of the config; a faulty plugin or provider is left out instead
 */
export async function assemble(place: AssembleOptions, root = packageRoot()): Promise<Assembly> {
  const { inputs = new Set(), thirdParty = true, served: before = new Map() } = place
  const [loaded, builtins, preset, stored] = await Promise.all([
    readConfig({ ...place, inputs }),
    findBuiltins(root, originOf(place.env)),
    readDefaultPreset(root, inputs),
    findStored(place.home, inputs, place.drafts),
  ])
  // Before any code of a plugin runs.
  hideSecrets(loaded)
  const pins = stored.map(({ pin }) => pin)
  // The code comes first, because a file may declare sections and dialects that the rest of the config uses.
  const loader = new WorldLoader(builtins, stored, place)
  const main = await loader.main(loaded, preset)
  const worlds = [main]
  for (const profile of profilesOf(loaded)) worlds.push(await loader.profile(profile, main))
  for (const { code } of worlds) for (const input of code.inputs) inputs.add(input)
  const installed = loader.installed(worlds)
  const around = await loader.named(main, installed)
  const presets = await servedPresets(loaded, {
    inputs,
    before,
    pins,
    uses: (plugin) => main.configs.some(({ use, enabled }) => enabled && use === plugin),
    check({ loaded: own }) {
      const entries = loader.entriesOf(own, main.configs)
      resolveProfile(own, { preset, installed: [...installed, ...around.plugins], entries, unread: around.failures })
    },
  })
  for (const profile of presets.profiles) worlds.push(await loader.profile(profile, main))
  const settle = async <P extends ResolvedProfile>(
    world: World,
    files: NamedFiles,
    resolve: (loaded: LoadedConfig, surroundings: Surroundings) => P,
  ): Promise<readonly [resolved: P, complete: CompleteProfile]> => {
    for (const input of files.inputs) inputs.add(input)
    const known = [...installed, ...files.plugins]
    const surroundings = { preset, installed: known, entries: world.configs, unread: files.failures }
    const resolved = resolve(world.loaded, surroundings)
    const load: CompletionOptions['load'] = (entries) => loader.load(entries)
    return [resolved, await complete(world, resolved, { installed: known, files, thirdParty, load })]
  }
  const [config, first] = await settle(main, around, resolveConfig)
  const others = worlds.slice(1).map(async (world) => {
    const [, profile] = await settle(world, await loader.named(world, installed), resolveProfile)
    return profile
  })
  const profiles = [first, ...(await Promise.all(others))]
  for (const { code, named } of profiles) for (const input of [...code.inputs, ...named.inputs]) inputs.add(input)
  return toAssembly({ loaded, preset, pins, presets, config, worlds, profiles })
}

interface Parts {
  readonly loaded: LoadedConfig
  readonly preset: Preset
  readonly pins: readonly LockEntry[]
  readonly presets: ServedPresets
  readonly config: ResolvedConfig
  readonly worlds: readonly World[]
  /** The same as `worlds`, completed. */
  readonly profiles: readonly CompleteProfile[]
}

function toAssembly({ loaded, preset, pins, presets, config, worlds, profiles }: Parts): Assembly {
  const { served } = presets
  const brokenPresets = [...(loaded.brokenPresets ?? []), ...presets.broken]
  const warnings = [
    ...profiles.flatMap((profile) => profile.warnings),
    ...worlds.flatMap(({ configs, code }) => sameNames(configs, code.entries)),
  ]
  const hashes = profiles.map(({ code, named, files }) => [
    code.entries.map(({ id, hash }) => [id, hash]),
    ...[named.hashes, files.hashes, files.failures.map(({ error }) => error.message)],
  ])
  return {
    config: {
      ...config,
      secrets: [...config.secrets, ...(loaded.secrets ?? []), ...presets.secrets],
      warnings: [...new Set(warnings)],
      disabledProviders: distinct(profiles.flatMap(({ disabledProviders }) => disabledProviders)),
    },
    blueprint: toBlueprint(profiles),
    served,
    brokenPresets,
    namedProviders: profiles.flatMap(({ name: profile, namedProviders }) =>
      namedProviders.map((one) => ({ ...one, profile })),
    ),
    failures: distinct([
      ...profiles.flatMap(({ code }) => code.failures),
      ...profiles.flatMap(({ named, files }) => [...named.failures, ...files.failures]),
    ]),
    leftOut: worlds.flatMap(({ name: profile, leftOut }) => leftOut.map(({ id, file }) => ({ profile, id, file }))),
    pins,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([loaded.value, preset, [...served], brokenPresets, hashes]))
      .digest('hex'),
  }
}

function toBlueprint([main, ...others]: readonly CompleteProfile[]): Blueprint {
  const profiles = others.map((profile) => [profile.name, toProfileBlueprint(profile)] as const)
  return { ...toProfileBlueprint(main!), profiles: Object.fromEntries(profiles) }
}

function toProfileBlueprint({ providers, sections, code: { entries } }: CompleteProfile): ProfileBlueprint {
  return { providers, sections, entries }
}

/** What a profile has from the config around it is told once. */
function distinct<T extends object>(reports: readonly T[]): readonly T[] {
  return [...new Map(reports.map((report) => [JSON.stringify(report), report])).values()]
}
