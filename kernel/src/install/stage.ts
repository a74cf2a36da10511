import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { hashTree } from '../load/integrity.ts'
import type { LockEntry } from '../load/lock.ts'
import { createPrivateDirectory, syncDirectory } from '../load/private-files.ts'
import { isTaken } from '../load/process-identity.ts'
import { pluginFolder, storeFolder } from '../load/store.ts'
import type { Candidate } from './inspect.ts'
import { runNpm } from './npm.ts'

/** Files of a plugin that are complete, and not in use yet. */
export interface Staged {
  readonly folder: string
  /** `sha256-…` of all of them. */
  readonly tree: string
}

/** How dependencies are brought in. */
export interface StageOptions {
  /** A folder on the same disk as the store; see {@link withScratch}. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Only versions published before this time are taken; milliseconds since the epoch. */
  readonly before: number | undefined
  readonly progress: (step: string) => void
}

const SCRATCH = /^\.staging-(\d+)-/

/** Runs an action with an empty folder beside the store, and removes the folder again. */
export async function withScratch<Result>(home: string, action: (folder: string) => Promise<Result>): Promise<Result> {
  const store = storeFolder(home)
  const folder = join(store, `.staging-${process.pid}-${randomBytes(6).toString('hex')}`)
  await createPrivateDirectory(folder)
  try {
    return await action(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    // Only an empty one goes: where nothing was installed, nothing is left.
    for (const parent of [store, dirname(store)]) await rmdir(parent).catch(() => undefined)
  }
}

/**
 * Writes the files of a plugin and of what it depends on, without running anything of either.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function stage(candidate: Candidate, { folder, env, before, progress }: StageOptions): Promise<Staged> {
  const plugin = join(folder, 'plugin')
  for (const [path, bytes] of candidate.files) {
    const file = join(plugin, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, bytes, { flag: 'wx', mode: 0o600 })
  }
  const wanted = Object.keys(candidate.dependencies).length
  if (wanted > 0) {
    progress(`installing ${wanted === 1 ? 'one dependency' : `${wanted} dependencies`}`)
    await rename(await installDependencies(candidate, join(folder, 'npm'), env, before), join(plugin, 'node_modules'))
  }
  return { folder: plugin, tree: await hashTree(plugin) }
}

/** In a project that holds nothing else: settings that come with a package must not become npm's. */
async function installDependencies(
  { dependencies, package: { optionalDependencies } }: Candidate,
  folder: string,
  env: NodeJS.ProcessEnv,
  before: number | undefined,
): Promise<string> {
  await mkdir(folder, { mode: 0o700 })
  // npm itself lets the optional ones win.
  const project = { private: true, dependencies, optionalDependencies: pick(optionalDependencies, dependencies) }
  await writeFile(join(folder, 'package.json'), JSON.stringify(project))
  const args = ['install', '--omit=dev', '--install-links', '--legacy-peer-deps', '--no-bin-links', '--no-package-lock']
  const only = ['git', 'remote', 'file', 'directory'].map((kind) => `--allow-${kind}=none`)
  const young = before === undefined ? [] : [`--before=${new Date(before).toISOString()}`]
  await runNpm([...args, ...only, ...young], { folder, env })
  return join(folder, 'node_modules')
}

/** What of a record is wanted. */
function pick(
  from: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => Object.hasOwn(wanted, name)))
}

/** Moves staged files to their place in the store. To be called by one command at a time. */
export async function place(home: string, { folder }: Staged, pin: LockEntry): Promise<void> {
  const target = pluginFolder(home, pin)
  await rm(target, { recursive: true, force: true })
  await createPrivateDirectory(dirname(target))
  await rename(folder, target)
  await syncDirectory(dirname(target))
}

/**
 * Removes what no lock entry names: remains of commands that were ended in their middle. To be called by one command at
 * a time.
 */
export async function cleanStore(home: string, pins: readonly LockEntry[]): Promise<void> {
  const store = storeFolder(home)
  const kept = new Set(pins.map((pin) => relative(store, pluginFolder(home, pin))))
  const folders = (path: string): Promise<string[]> =>
    readdir(join(store, path), { withFileTypes: true }).then(
      (found) => found.filter((one) => one.isDirectory()).map(({ name }) => join(path, name)),
      () => [],
    )
  for (const top of await folders('.')) {
    if (SCRATCH.test(top)) {
      if (!isTaken(Number(SCRATCH.exec(top)?.[1]))) await rm(join(store, top), { recursive: true, force: true })
      continue
    }
    const names = top.startsWith('@') ? await folders(top) : [top]
    for (const name of names) {
      for (const version of await folders(name)) {
        if (!kept.has(version)) await rm(join(store, version), { recursive: true, force: true })
      }
    }
    // Only empty ones go.
    for (const name of new Set([...names, ...names.map((one) => one.split(sep)[0]!)])) {
      await rmdir(join(store, name)).catch(() => undefined)
    }
  }
}
