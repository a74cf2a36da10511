import { CcrError, type TransformerFile } from '@ccr/sdk'
import type { EntryConfig, EntryFailure, LoadedEntries } from '../load/entries.ts'
import { configFault } from './check.ts'
import { pathInConfig } from './code-files.ts'
import { findFault } from './fault.ts'
import { fromPlugin, usedBy, type InstalledPlugin } from './installed.ts'
import { joinPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'

/** What the files declare that sections of a profile name. */
export interface NamedFiles {
  /** Known to `transformer.use`; none of them takes part in anything by itself. */
  readonly plugins: readonly InstalledPlugin[]
  readonly failures: readonly EntryFailure[]
  /** Absolute paths for a watcher. */
  readonly inputs: readonly string[]
  /** What tells one state of the code from another. */
  readonly hashes: readonly string[]
}

/** What the sections are read with. */
export interface NamedFileOptions {
  readonly loaded: LoadedConfig
  readonly installed: readonly InstalledPlugin[]
  readonly entries: readonly EntryConfig[]
  /** `false` runs no code of files. */
  readonly thirdParty: boolean
  load(entries: readonly EntryConfig[]): Promise<LoadedEntries>
}

/**
 * Loads the files that sections made by `transformerFiles` of the SDK list. A faulty one is left out with its error.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA` when a section is no such list
 */
export async function loadTransformerFiles(options: NamedFileOptions): Promise<NamedFiles> {
  const { loaded, load, thirdParty } = options
  const stated = itemsOf(options)
  const entries = stated.map(({ pointer, item }): EntryConfig => {
    const { path, options: common = {} } = item
    const file = pathInConfig(path.replace(/^file:/, ''), loaded.fileOf(pointer))
    return { id: pointer.slice(1), use: path, options: common, file, enabled: true, at: loaded.at(pointer) }
  })
  if (!thirdParty) return { plugins: [], failures: entries.map(unloaded), inputs: [], hashes: [] }
  const { entries: code, failures, inputs } = await load(entries)
  const plugins = entries.flatMap(({ id, use, file, options: common }): InstalledPlugin | [] => {
    const plugin = code.find((one) => one.id === id)?.plugin
    return plugin === undefined ? [] : { ...fromPlugin(plugin, use, file!), use: plugin.name, fromFile: false, common }
  })
  return {
    plugins,
    failures: failures.map((failure) => ({ ...failure, declares: true })),
    inputs,
    hashes: code.map(({ hash }) => hash),
  }
}

function unloaded({ id, use, at }: EntryConfig): EntryFailure {
  const error = new CcrError('CCR_PLUGIN_LOAD', `safe mode does not run ${use}`, { at })
  return { id, use, error, harmless: true, declares: true }
}

interface Item {
  readonly pointer: string
  readonly item: TransformerFile
}

function itemsOf({ loaded, installed, entries }: NamedFileOptions): readonly Item[] {
  const sections = new Map(
    installed.filter(usedBy(entries)).flatMap((plugin) => Object.entries(plugin.sections).filter(isOfFiles)),
  )
  return [...sections].flatMap(([key, schema]) => {
    const section = loaded.value[key]
    if (section === undefined) return []
    const pointer = joinPointer('', key)
    const fault = findFault(schema, section, pointer)
    if (fault !== undefined) throw configFault(loaded, fault)
    // The schema was checked above.
    return (section as readonly TransformerFile[]).map((item, index) => ({
      pointer: joinPointer(pointer, index),
      item,
    }))
  })
}

function isOfFiles([, schema]: readonly [string, object]): boolean {
  return (schema as { readonly transformerFiles?: unknown }).transformerFiles === true
}
