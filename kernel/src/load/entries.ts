import { resolve } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import type { Entry } from '../core/blueprint.ts'
import { findBuiltins, importBuiltin, PACKAGE_PREFIX, type Builtin } from './builtin.ts'
import { loadPluginFile } from './evaluate.ts'
import { suggestion } from './nearest.ts'

/** One use of a plugin, as the config states it. */
export interface EntryConfig {
  readonly id: string
  /** Short name of a built-in plugin, or the `file:` text. */
  readonly use: string
  readonly options: Readonly<Record<string, unknown>>
  readonly before?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  readonly onFailure?: 'fail' | 'skip' | undefined
  readonly enabled: boolean
  /** Absolute path of the plugin's file, for a `file:` plugin. */
  readonly file?: string | undefined
  /** Where the config says so. */
  readonly at: string
}

/** An entry that could not be loaded. */
export interface EntryFailure {
  readonly id: string
  readonly use: string
  readonly error: CcrError
}

/** What became of the entries. */
export interface LoadedEntries {
  /** In config order, without what is switched off or failed. */
  readonly entries: readonly Entry[]
  readonly failures: readonly EntryFailure[]
  /** Absolute paths of the files of `file:` plugins, for a watcher; of one that failed at least its entry file. */
  readonly inputs: readonly string[]
}

/** Loads the code of every entry that is switched on. A faulty one is left out, with its error. */
export async function loadEntries(
  configs: readonly EntryConfig[],
  builtins?: readonly Builtin[],
): Promise<LoadedEntries> {
  const enabled = configs.filter((config) => config.enabled)
  const installed = builtins ?? (await findBuiltins())
  const files = new Map<string, ReturnType<typeof loadPluginFile>>()
  const loadFile = (file: string): ReturnType<typeof loadPluginFile> => {
    const loading = files.get(file) ?? loadPluginFile(file)
    files.set(file, loading)
    return loading
  }
  const entries: Entry[] = []
  const failures: EntryFailure[] = []
  const inputs = new Set<string>()
  const results = await Promise.allSettled(enabled.map((config) => loadOne(config, installed, loadFile)))
  for (const [index, result] of results.entries()) {
    const config = enabled[index]
    if (config === undefined) continue
    if (config.file !== undefined) inputs.add(config.file)
    if (result.status === 'fulfilled') {
      entries.push(result.value.entry)
      for (const input of result.value.inputs) inputs.add(input)
    } else {
      failures.push({ id: config.id, use: config.use, error: toCcrError(config, result.reason) })
    }
  }
  return { entries, failures, inputs: [...inputs].sort() }
}

/** The short name of a built-in plugin, from either of its names. */
export function shortName(use: string): string {
  return use.startsWith(PACKAGE_PREFIX) ? use.slice(PACKAGE_PREFIX.length) : use
}

/** The path that a `file:` text means, relative to a folder; nothing for a name. */
export function filePath(use: string, folder: string): string | undefined {
  if (!use.startsWith('file:')) return undefined
  return resolve(folder, use.slice('file:'.length).replace(/^\/\/(?=\/)/, ''))
}

interface Loaded {
  readonly entry: Entry
  readonly inputs: readonly string[]
}

async function loadOne(
  config: EntryConfig,
  builtins: readonly Builtin[],
  loadFile: (file: string) => ReturnType<typeof loadPluginFile>,
): Promise<Loaded> {
  const { id, options, before, after, timeoutMs, onFailure } = config
  const placement = { id, options, before, after, timeoutMs, onFailure }
  if (config.file !== undefined) {
    const { plugin, hash, inputs } = await loadFile(config.file)
    return { entry: { ...placement, plugin, hash, file: config.file }, inputs }
  }
  const name = shortName(config.use)
  const builtin = builtins.find((one) => one.name === name)
  if (builtin === undefined) throw unknownPlugin(config, builtins)
  const { plugin, hash } = await importBuiltin(builtin)
  return { entry: { ...placement, plugin, hash, file: builtin.file }, inputs: [] }
}

function unknownPlugin({ use, at }: EntryConfig, builtins: readonly Builtin[]): CcrError {
  const names = builtins.map(({ name }) => name)
  const list =
    names.length === 0 ? 'No plugin is installed: build the router first.' : `Installed: ${names.join(', ')}.`
  const near = suggestion(shortName(use), names)
  const message = `${at}: the plugin ${use} is not installed.${near} ${list} A file is named as file:./path.ts.`
  return new CcrError('CCR_PLUGIN_UNKNOWN', message, { plugin: use, at })
}

function toCcrError({ use, at }: EntryConfig, thrown: unknown): CcrError {
  if (isCcrError(thrown)) return thrown
  const message = `${at}: the plugin ${use} cannot be loaded: ${messageOf(thrown)}. Correct it, or remove the entry.`
  return new CcrError('CCR_PLUGIN_LOAD', message, { plugin: use, at, cause: thrown })
}
