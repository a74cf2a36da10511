import { CcrError } from '@ccr/sdk'
import { ALIASES, namesOf } from '../aliases.ts'
import { isWithin } from '../pointer.ts'
import type { ProfileConfig } from '../profiles.ts'
import type { BrokenPreset, LoadedConfig } from '../loaded.ts'
import { readInstalledPresets, toBroken, type InstalledPreset } from './installed.ts'
import { preparePreset, topKey } from './prepared.ts'
import { CLIENT_KEYS, type PluginPin } from './schema.ts'

/** What becomes of the presets of a home. */
export interface ServedPresets {
  readonly profiles: readonly ProfileConfig[]
  /** Those that the profiles were made from, by name. */
  readonly served: ReadonlyMap<string, InstalledPreset>
  readonly broken: readonly BrokenPreset[]
  /** Values that must not leave the router. */
  readonly secrets: readonly string[]
}

/** An installed plugin. */
export interface PinnedPlugin {
  /** Name of the package. */
  readonly name: string
  /** Name of the plugin in it. */
  readonly plugin: string
  readonly version: string
  readonly integrity: string
}

/** What presets are made into profiles with. */
export interface ServingOptions {
  /** Is given what decides the result. */
  readonly inputs: Set<string>
  /** Presets as they are served now: one that a change breaks stays what it was. */
  readonly before: ReadonlyMap<string, InstalledPreset>
  /** The plugins that are installed. */
  readonly pins: readonly PinnedPlugin[]
  /** Whether the config uses a plugin. */
  readonly uses: (plugin: string) => boolean
  /** Throws when a profile cannot be built. */
  readonly check: (profile: ProfileConfig) => void
}

/** The presets of a home as profiles of its config. One that cannot be used is left out, or stays as it was. */
export async function servedPresets(loaded: LoadedConfig, options: ServingOptions): Promise<ServedPresets> {
  const { inputs, before, check } = options
  const { presets, broken: unreadable } = await readInstalledPresets(loaded.home, inputs)
  const profiles: ProfileConfig[] = []
  const secrets: string[] = []
  const served = new Map<string, InstalledPreset>()
  const broken: BrokenPreset[] = []
  const serve = (preset: InstalledPreset): void => {
    const profile = toProfile(loaded, preset, options)
    check(profile)
    profiles.push(profile)
    served.set(preset.name, preset)
    secrets.push(...(profile.loaded.secrets ?? []))
  }
  const fail = (name: string, thrown: unknown): void => {
    const good = before.get(name)
    try {
      if (good !== undefined) serve(good)
      broken.push(toBroken(name, thrown, good !== undefined))
    } catch {
      // What was good before may not fit the config any more.
      broken.push(toBroken(name, thrown))
    }
  }
  for (const preset of presets) {
    try {
      serve(preset)
    } catch (thrown) {
      fail(preset.name, thrown)
    }
  }
  for (const { name, reason, at } of unreadable) fail(name, new CcrError('CCR_PRESET_INVALID', reason, { at }))
  return { profiles, served, broken, secrets }
}

function toProfile(loaded: LoadedConfig, preset: InstalledPreset, options: ServingOptions): ProfileConfig {
  const { name } = preset
  const taken = (loaded.value['profiles'] ?? {}) as Readonly<Record<string, unknown>>
  if (Object.hasOwn(taken, name)) {
    const message = `the preset ${name} has the name of a profile of the config. Rename one of them.`
    throw new CcrError('CCR_PRESET_NAME', message, { at: loaded.at(`/profiles/${name}`) })
  }
  const prepared = preparePreset(preset, loaded)
  const own = Object.fromEntries(Object.entries(prepared.config).filter(([key]) => !CLIENT_KEYS.includes(key)))
  const plugins = (preset.manifest.plugins ?? []).map((pin) => pinned(preset, pin, options.pins))
  const missing = plugins.filter(({ plugin }) => !options.uses(plugin)).map((one) => ({ use: one.plugin }))
  const replaced = new Set([...Object.keys(own), 'profiles', 'presets', ...namesOf('plugins')])
  if (replaced.has('Providers')) replaced.add(ALIASES.Providers)
  const isOwn = (pointer: string): boolean => Object.hasOwn(own, topKey(pointer) ?? '')
  return {
    name,
    loaded: {
      ...loaded,
      value: {
        ...Object.fromEntries(Object.entries(loaded.value).filter(([key]) => !replaced.has(key))),
        ...own,
        ...(missing.length > 0 && { plugins: missing }),
      },
      variables: loaded.variables.filter(({ pointer }) => ![...replaced].some((key) => isWithin(pointer, `/${key}`))),
      secrets: prepared.secrets,
      at: (pointer) =>
        isOwn(pointer) ? prepared.at(pointer) : /^\/plugins(?:\/|$)/.test(pointer) ? prepared.file : loaded.at(pointer),
      fileOf: (pointer) => (isOwn(pointer) ? prepared.file : loaded.fileOf(pointer)),
    },
  }
}

function pinned({ name, source }: InstalledPreset, pin: PluginPin, pins: readonly PinnedPlugin[]): PinnedPlugin {
  const found = pins.find((one) => one.name === pin.name)
  if (found !== undefined && found.version === pin.version && found.integrity === pin.integrity) return found
  const fact = found === undefined ? 'which is not installed' : `and ${found.version} is installed, or another archive`
  const remedy = `Install it with \`${pluginCommand(pin)}\`.`
  const message = `the preset ${name} needs the plugin ${pin.name} ${pin.version}, ${fact}. ${remedy}`
  throw new CcrError('CCR_PRESET_INVALID', message, { at: source.at('/plugins') })
}

/** The command that installs what a preset names, after showing it. */
export function pluginCommand({ name, version, integrity }: PluginPin): string {
  return `ccr plugin add ${name}@${version} --integrity ${integrity}`
}
