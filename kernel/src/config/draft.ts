import { createHash } from 'node:crypto'
import { readdir, readFile, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { codeOf } from '../load/code-of.ts'
import { dropsPlugins, lockFile } from '../load/lock.ts'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'

/** What stands in the two files that a command may change. */
export interface ConfigState {
  /** Absolute path of the config file. */
  readonly file: string
  /** Nothing where there is no file. */
  readonly config: string | undefined
  readonly lock: string | undefined
  /** Differs whenever one of the two does. */
  readonly version: string
}

/** What is to stand in them; what is not named stays as it is. */
export interface ConfigDraft {
  readonly config?: string | undefined
  readonly lock?: string | undefined
}

/** How many copies of earlier configs are kept. */
const BACKUPS = 5

/** The file that commands change: the one given, or `config.json` in the home. */
export function configFile(home: string, file: string | undefined): string {
  return file ?? join(home, 'config.json')
}

/** Reads both files of a home as they are now. */
export async function readState(home: string, file?: string): Promise<ConfigState> {
  const path = configFile(home, file)
  const [config, lock] = await Promise.all([textOf(path), textOf(lockFile(home))])
  const version = createHash('sha256')
    .update(JSON.stringify([config, lock]))
    .digest('hex')
  return { file: path, config, lock, version }
}

/** A draft by the paths of its files, for {@link readConfig}. */
export function draftTexts(home: string, file: string, draft: ConfigDraft): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  if (draft.config !== undefined) texts.set(file, draft.config)
  if (draft.lock !== undefined) texts.set(lockFile(home), draft.lock)
  return texts
}

/**
 * Writes a draft, each file in one step; of the config it replaces it keeps a copy. When one cannot be written, both
 * are as they were.
 *
 * @throws CcrError `CCR_CONFIG_STALE` when the files are no longer what the draft was made from
 */
export async function writeDraft(home: string, base: ConfigState, draft: ConfigDraft): Promise<void> {
  if ((await readState(home, base.file)).version !== base.version) throw staleConfig(base.file)
  await createPrivateDirectory(home)
  const lock = async (): Promise<void> => {
    if (draft.lock !== undefined) await replace(lockFile(home), base.lock, draft.lock)
  }
  const config = async (): Promise<void> => {
    if (draft.config === undefined || draft.config === base.config) return
    if (base.config !== undefined) await backUp(base.file, base.config)
    await replace(base.file, base.config, draft.config)
  }
  // Whatever the config names at any moment is pinned.
  const lockLast = draft.lock !== undefined && dropsPlugins(base.lock, draft.lock)
  const [first, second, undo] = lockLast
    ? [config, lock, () => replace(base.file, draft.config ?? base.config, base.config)]
    : [lock, config, () => replace(lockFile(home), draft.lock ?? base.lock, base.lock)]
  await first()
  try {
    await second()
  } catch (thrown) {
    await undo()
    throw thrown
  }
}

/** The error for a draft that was made from files as they no longer are. */
export function staleConfig(file: string): CcrError {
  const message = `${file} was changed by somebody else at the same time; nothing was written. Try again.`
  return new CcrError('CCR_CONFIG_STALE', message, { at: file })
}

async function replace(file: string, before: string | undefined, after: string | undefined): Promise<void> {
  if (after === before) return
  if (after === undefined) return rm(file, { force: true })
  // A link stays one: what it leads to is replaced.
  await writePrivateFile(await realpath(file).catch(() => file), after)
}

async function backUp(file: string, text: string): Promise<void> {
  const folder = dirname(file)
  const name = basename(file)
  const stamp = new Date().toISOString().replaceAll(':', '-')
  await writePrivateFile(join(folder, `${name}.${stamp}.bak`), text)
  const kept = (await readdir(folder)).filter((one) => one.startsWith(`${name}.`) && one.endsWith('.bak')).sort()
  for (const old of kept.slice(0, -BACKUPS)) await rm(join(folder, old), { force: true })
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((thrown: unknown) => {
    if (codeOf(thrown) === 'ENOENT') return undefined
    const message = `${file} cannot be read: ${messageOf(thrown)}. Correct the file or its permissions.`
    throw new CcrError('CCR_CONFIG_READ', message, { at: file, cause: thrown })
  })
}
