import { dirname, resolve } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import type { Condition, Entry } from '../core/blueprint.ts'
import { importBuiltin, PACKAGE_PREFIX, type Builtin } from './builtin.ts'
import { FileLoader } from './file-loader.ts'
import type { LoadedPlugin, LoadFailure } from './evaluate.ts'
import { suggestion } from './nearest.ts'
import { findByName, loadStored, type StoredPlugin } from './store.ts'

/** One use of a plugin, as the config states it. */
export interface EntryConfig {
  readonly id: string
  /** Name of a built-in or added plugin, or the `file:` text. */
  readonly use: string
  readonly options: Readonly<Record<string, unknown>>
  /** Where the config says one of them, by its JSON pointer: `file:line:column`. */
  readonly optionsAt?: ((pointer: string) => string) | undefined
  readonly before?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  readonly onFailure?: 'fail' | 'skip' | undefined
  readonly when?: Condition | undefined
  readonly enabled: boolean
  /** It is no fault that there is no such plugin: it was one of a program whose configs are read here. */
  readonly optional?: boolean | undefined
  /** Absolute path of the plugin's file, for a `file:` plugin. */
  readonly file?: string | undefined
  /** The provider whose `transformer` it stands for. */
  readonly provider?: string | undefined
  /** Where the config says so. */
  readonly at: string
}

/** An entry that could not be loaded. */
export interface EntryFailure {
  readonly id: string
  readonly use: string
  readonly error: CcrError
  /** Everything else is taken all the same. */
  readonly harmless?: boolean | undefined
  /** The provider that it was for, and no other; it is left out, or the model of it that alone has the entry. */
  readonly provider?: string | undefined
  /** It takes part in nothing by itself: what names it is left out, and says so. */
  readonly declares?: boolean | undefined
}

/** What became of the entries. */
export interface LoadedEntries {
  /** In config order, without what is switched off or failed. */
  readonly entries: readonly Entry[]
  readonly failures: readonly EntryFailure[]
  /**
   * Absolute paths for a watcher: every file of the plugins that were loaded from source, and of those that failed also
   * the files that are missing, whose folders may not exist either.
   */
  readonly inputs: readonly string[]
}

/**
 * Loads the code of every entry that is switched on. A faulty one is left out, with its error.
 *
 * @param stored plugins that were added; the built-in ones come first
 * @param files loads each file once
 */
export async function loadEntries(
  configs: readonly EntryConfig[],
  builtins: readonly Builtin[],
  stored: readonly StoredPlugin[] = [],
  files = new FileLoader(),
): Promise<LoadedEntries> {
  const enabled = configs.filter((config) => config.enabled)
  const installed = { builtins, stored }
  const results = await Promise.all(
    enabled.map((config) =>
      loadOne(config, installed, files).catch((thrown: unknown): LoadFailure => ({
        error: toCcrError(config, thrown),
        inputs: [],
      })),
    ),
  )
  const entries: Entry[] = []
  const failures: EntryFailure[] = []
  const inputs = new Set<string>()
  for (const [index, { id, use, file, optional }] of enabled.entries()) {
    const result = results[index]
    if (result === undefined) continue
    if (file !== undefined) inputs.add(file)
    for (const input of result.inputs) inputs.add(input)
    if ('error' in result) {
      const { error } = result
      failures.push({ id, use, error, harmless: optional && error.code === 'CCR_PLUGIN_UNKNOWN' })
    } else entries.push(result.entry)
  }
  return { entries, failures, inputs: [...inputs].sort() }
}

/** The short name of a built-in plugin, from either of its names. */
export function shortName(use: string): string {
  return use.startsWith(PACKAGE_PREFIX) ? use.slice(PACKAGE_PREFIX.length) : use
}

/** Gives the name of the plugin that an entry means, by the name of the plugin or of its package. */
export function pluginNames(builtins: readonly Builtin[], stored: readonly StoredPlugin[]): (use: string) => string {
  const known = new Set(builtins.map(({ name }) => name))
  return (use) => {
    const name = shortName(use)
    return known.has(name) ? name : (findByName(stored, use)?.pin.plugin ?? name)
  }
}

/** The path that a `file:` text means, relative to a folder; nothing for a name. */
export function filePath(use: string, folder: string): string | undefined {
  if (!use.startsWith('file:')) return undefined
  return resolve(folder, use.slice('file:'.length).replace(/^\/\/(?=\/)/, ''))
}

interface LoadedEntry {
  readonly entry: Entry
  readonly inputs: readonly string[]
}

/** What an entry may name. */
interface Installed {
  readonly builtins: readonly Builtin[]
  readonly stored: readonly StoredPlugin[]
}

async function loadOne(
  config: EntryConfig,
  { builtins, stored }: Installed,
  files: FileLoader,
): Promise<LoadedEntry | LoadFailure> {
  const { file: own, options } = config
  if (own !== undefined) return toEntry(config, own, await files.load(own, options))
  const name = shortName(config.use)
  const builtin = builtins.find((one) => one.name === name)
  const added = findByName(stored, config.use)
  if (builtin === undefined && added !== undefined) {
    const { file, code } = await loadStored(added)
    return toEntry(config, file, code, added.pin.capabilities)
  }
  if (builtin === undefined) throw unknownPlugin(config, { builtins, stored })
  const code = builtin.code ?? { ...(await importBuiltin(builtin)), inputs: [] }
  return toEntry(config, builtin.file, code)
}

function toEntry(
  config: EntryConfig,
  file: string,
  code: LoadedPlugin | LoadFailure,
  granted?: readonly string[],
): LoadedEntry | LoadFailure {
  if ('error' in code) return code
  const { id, options, optionsAt, before, after, timeoutMs, onFailure, when, provider } = config
  const { plugin, hash, timing: loading, inputs } = code
  const paths = [dirname(file), ...inputs]
  const stated = { id, options, optionsAt, before, after, timeoutMs, onFailure, when, provider }
  return { entry: { ...stated, plugin, hash, file, paths, granted: granted ?? code.granted, loading }, inputs }
}

function unknownPlugin({ use, at }: EntryConfig, { builtins, stored }: Installed): CcrError {
  const names = [...builtins.map(({ name }) => name), ...stored.map(({ pin }) => pin.plugin)]
  const list =
    names.length === 0 ? 'No plugin is installed: build the router first.' : `Installed: ${names.join(', ')}.`
  const near = suggestion(shortName(use), names)
  const remedy = '`ccr plugin add` adds one. A file is named as file:./path.ts.'
  const message = `${at}: the plugin ${use} is not installed.${near} ${list} ${remedy}`
  return new CcrError('CCR_PLUGIN_UNKNOWN', message, { plugin: use, at })
}

function toCcrError({ use, at }: EntryConfig, thrown: unknown): CcrError {
  if (isCcrError(thrown)) return thrown
  const message = `${at}: the plugin ${use} cannot be loaded: ${messageOf(thrown)}. Correct it, or remove the entry.`
  return new CcrError('CCR_PLUGIN_LOAD', message, { plugin: use, at, cause: thrown })
}
