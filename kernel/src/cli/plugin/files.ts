import { dirname } from 'node:path'
import { interpolate } from '../../config/interpolate.ts'
import { filePath } from '../../load/entries.ts'
import { tryPlugin, type TriedPlugin } from '../../load/trial.ts'
import type { CommandContext } from '../context.ts'
import type { WrittenEntry } from './entries.ts'
import { withoutSecrets } from '../secret-environment.ts'

/** An entry that names a plugin by the path of its file. */
export interface FileEntry {
  readonly entry: WrittenEntry
  /** As the entry names it, its variables filled in. */
  readonly use: string
  /** Absolute path. */
  readonly file: string
}

/**
 * The entries that name a plugin by its path.
 *
 * @param configFile paths are relative to its folder
 */
export function fileEntries(
  { env }: CommandContext,
  entries: readonly WrittenEntry[],
  configFile: string,
): readonly FileEntry[] {
  return entries.flatMap((entry) => {
    const use = String(interpolate(entry.use, env).value)
    const file = filePath(use, dirname(configFile))
    return file === undefined ? [] : [{ entry, use, file }]
  })
}

/** An entry that a user may mean, with what its code said of itself where that was run to be told its name. */
export interface MeantFile extends FileEntry {
  readonly tried?: TriedPlugin | undefined
}

/** The entries that a user may mean, and the names that there are. */
export interface NamedFiles {
  readonly meant: readonly MeantFile[]
  readonly known: readonly string[]
}

/**
 * The entry with this id, else every use of the plugin that has this name by its code, which is run in a process of its
 * own to be told it; code that cannot be loaded has none.
 */
export async function filesNamed(
  context: CommandContext,
  files: readonly FileEntry[],
  name: string,
): Promise<NamedFiles> {
  const known = files.map(({ entry, use }) => entry.id ?? use)
  const byId = files.filter(({ entry, use }) => [entry.id ?? entry.use, entry.id ?? use].includes(name))
  if (byId.length > 0 || files.length === 0) return { meant: byId, known }
  const env = await withoutSecrets(context)
  const trials = [...new Set(files.map(({ file }) => file))].map(async (file) => {
    const tried = await tryPlugin(file, { env, version: NO_VERSION, adapt: true }).catch(() => undefined)
    return [file, tried] as const
  })
  const plugins = new Map(await Promise.all(trials))
  const meant = files.map((one) => ({ ...one, tried: plugins.get(one.file) }))
  const names = [...plugins.values()].flatMap((tried) => tried?.name ?? [])
  return { meant: meant.filter(({ tried }) => tried?.name === name), known: [...known, ...names] }
}

/** What stands for the version of a plugin that is a file. */
export const NO_VERSION = '-'
