import { DEFAULT_PROFILE } from '../core/generation.ts'
import type { Builtin } from '../load/builtin.ts'
import { loadEntries, pluginNames, shortName } from '../load/entries.ts'
import type { EntryConfig, LoadedEntries } from '../load/entries.ts'
import { FileLoader } from '../load/file-loader.ts'
import { adaptBy } from '../load/adapters.ts'
import type { StoredPlugin } from '../load/store.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { fromManifest, fromPlugin, switchedOff, type InstalledPlugin } from './installed.ts'
import { loadTransformerFiles, type NamedFiles } from './transformer-files.ts'
import type { LoadedConfig } from './loaded.ts'
import type { Preset } from './preset.ts'
import type { ProfileConfig } from './profiles.ts'

/** A profile with its entries and their code. */
export interface World extends ProfileConfig {
  readonly configs: readonly EntryConfig[]
  readonly code: LoadedEntries
  /** Entries that were not loaded because their code did not come with the router, and only such code was wanted. */
  readonly leftOut: readonly EntryConfig[]
}

/** Which code is loaded beside what the config says. */
export interface CodeOptions {
  /** Entries that stand in no config; each takes the place of those with its file, or its plugin. */
  readonly lent?: readonly EntryConfig[] | undefined
  /** `false` leaves out every plugin that did not come with the router, without running any of its code. */
  readonly thirdParty?: boolean | undefined
}

/** Loads the code of a config's profiles, each file once. */
export class WorldLoader {
  readonly #builtins: readonly Builtin[]
  readonly #added: readonly StoredPlugin[]
  readonly #lent: readonly EntryConfig[]
  readonly #thirdParty: boolean
  readonly #nameOf: (use: string) => string
  readonly #files = new FileLoader()

  constructor(builtins: readonly Builtin[], stored: readonly StoredPlugin[], options: CodeOptions) {
    const { lent = [], thirdParty = true } = options
    this.#builtins = builtins
    // A chain of a provider may name them as well as an entry.
    this.#added = thirdParty ? stored : []
    this.#lent = lent
    this.#thirdParty = thirdParty
    this.#nameOf = pluginNames(builtins, stored)
  }

  /** The profile that serves requests which name none, and is around all others. */
  main(loaded: LoadedConfig, preset: Preset): Promise<World> {
    const [stated, leftOut] = this.#wanted(this.entriesOf(loaded, presetEntries(preset)))
    const isReplaced = ({ file }: EntryConfig): boolean =>
      file !== undefined && this.#lent.some((one) => one.file === file)
    const configs = [...stated.filter((entry) => !isReplaced(entry)), ...this.#lent]
    const isOff = switchedOff(configs)
    // What came from elsewhere runs only where it is used.
    const isNamed = (name: string): boolean => configs.some(({ use, enabled }) => enabled && use === name)
    this.#files.adapt = adaptBy(
      this.#builtins.filter(({ name }) => !isOff(name)),
      this.#added.filter(({ pin }) => isNamed(pin.plugin)),
    )
    return this.#world({ name: DEFAULT_PROFILE, loaded }, configs, leftOut)
  }

  /** Another profile. */
  profile(profile: ProfileConfig, main: World): Promise<World> {
    return this.#world(profile, ...this.#wanted(this.entriesOf(profile.loaded, main.configs)))
  }

  /** The entries of a profile; `around` are those that it has without saying so. */
  entriesOf(loaded: LoadedConfig, around: readonly EntryConfig[]): readonly EntryConfig[] {
    return resolveEntries(loaded, around, this.#nameOf)
  }

  load(entries: readonly EntryConfig[]): Promise<LoadedEntries> {
    return loadEntries(entries, this.#builtins, this.#added, this.#files)
  }

  /** What plugins say of themselves: those that came with the router, were added, or are files of these profiles. */
  installed(worlds: readonly World[]): readonly InstalledPlugin[] {
    // What one that was added says counts only while its files are those that were agreed to.
    const refused = new Set(worlds.flatMap(({ code }) => code.failures.map(({ use }) => use)))
    const added = this.#added.flatMap(({ pin, manifest }) => (manifest && !refused.has(pin.plugin) ? [manifest] : []))
    const own = this.#builtins.map(({ manifest }) => fromManifest(manifest))
    // Of those only an entry makes use.
    const others = added.map((manifest) => ({ ...fromManifest(manifest), adapts: false }))
    return [...own, ...others, ...worlds.flatMap(filePlugins)]
  }

  /** What the files declare that sections of a profile list. */
  named({ loaded, configs: entries }: World, installed: readonly InstalledPlugin[]): Promise<NamedFiles> {
    const load = (files: readonly EntryConfig[]): Promise<LoadedEntries> => this.load(files)
    return loadTransformerFiles({ loaded, installed, entries, thirdParty: this.#thirdParty, load })
  }

  async #world(
    profile: ProfileConfig,
    configs: readonly EntryConfig[],
    leftOut: readonly EntryConfig[],
  ): Promise<World> {
    return { ...profile, configs, code: inPlaceOfOthers(await this.load(configs), this.#lent), leftOut }
  }

  /** The entries whose code may be loaded, and those that are switched on and may not. */
  #wanted(entries: readonly EntryConfig[]): readonly [wanted: readonly EntryConfig[], leftOut: readonly EntryConfig[]] {
    if (this.#thirdParty) return [entries, []]
    const names = new Set(this.#builtins.map(({ name }) => name))
    const isForeign = ({ enabled, file, use }: EntryConfig): boolean =>
      enabled && (file !== undefined || !names.has(shortName(use)))
    return [entries.filter((entry) => !isForeign(entry)), entries.filter(isForeign)]
  }
}

function inPlaceOfOthers(code: LoadedEntries, lent: readonly EntryConfig[]): LoadedEntries {
  const isLent = (id: string): boolean => lent.some((one) => one.id === id)
  const names = new Set(code.entries.filter(({ id }) => isLent(id)).map(({ plugin }) => plugin.name))
  return { ...code, entries: code.entries.filter(({ id, plugin }) => isLent(id) || !names.has(plugin.name)) }
}

function filePlugins({ configs, code }: World): readonly InstalledPlugin[] {
  return configs.flatMap(({ id, use, file }) => {
    const entry = code.entries.find((one) => one.id === id)
    return file === undefined || entry === undefined ? [] : fromPlugin(entry.plugin, use, file)
  })
}
