import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { serve, type Running, type ServeOptions } from '../../src/host/serve.ts'

/** What the plugin of the test answers: a word from each of the files that make it. */
export interface Words {
  readonly entry: string
  readonly dependency: string
  readonly data: string
  readonly option: string
}

/** The files that a {@link WatchedRouter} is made from. */
export interface WatchedFiles {
  /** In a folder of its own, beside that of the plugin and the home. */
  readonly config: string
  readonly entry: string
  /** In a folder below that of the entry. */
  readonly dependency: string
  /** Beside the entry. */
  readonly data: string
}

/** A router in this process, with a plugin whose answers show which version of each file is in use. */
export interface WatchedRouter {
  readonly root: string
  readonly home: string
  readonly files: WatchedFiles
  readonly running: Running
  words(): Promise<Words>
  generation(): Promise<number>
  /** The code of the last error that `/health` tells. */
  fault(): Promise<string | undefined>
  /** `GET /api/generation`, for whoever holds the admin key. */
  report(): Promise<{ readonly lastError?: { readonly code: string; readonly message: string; readonly at?: string } }>
  stop(): Promise<void>
}

/** The word that every file says at first. */
export const OLD = 'OLD'
/** The word that it says after a change. */
export const NEW = 'NEW'

/** The text of a config that uses the plugin. */
export function configText(more: object = {}): string {
  return JSON.stringify({ plugins: [{ use: 'file:../plugin/entry.ts', options: { option: OLD } }], ...more }, null, 2)
}

const ENTRY = `import { definePlugin, Type } from '@ccr/sdk'
import { dependency } from './lib/value.ts'
import data from './data.json'

const entry: string = '${OLD}'

export default definePlugin({
  name: 'watched',
  apiVersion: 1,
  description: 'Says what its files say.',
  options: Type.Object({ option: Type.String() }),
  activate(ctx) {
    const body = { entry, dependency, data: data.word, option: ctx.options.option }
    ctx.endpoint({ method: 'GET', path: '/words', access: 'public', respond: () => ({ status: 200, body }) })
  },
})
`

interface Health {
  readonly generation: number
  readonly config: { readonly lastError?: { readonly code: string } }
}

/** Writes the files; nothing runs yet. */
export async function writeWatchedFiles(config = configText()): Promise<{ root: string; files: WatchedFiles }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'ccr-watched-')))
  const files: WatchedFiles = {
    config: join(root, 'config/config.json'),
    entry: join(root, 'plugin/entry.ts'),
    dependency: join(root, 'plugin/lib/value.ts'),
    data: join(root, 'plugin/data.json'),
  }
  for (const folder of ['home', 'config', 'plugin/lib']) await mkdir(join(root, folder), { recursive: true })
  await writeFile(files.config, config)
  await writeFile(files.entry, ENTRY)
  await writeFile(files.dependency, `export const dependency: string = '${OLD}'\n`)
  await writeFile(files.data, JSON.stringify({ word: OLD }))
  return { root, files }
}

/** Starts a router on such files. */
export async function startWatched(
  { root, files }: { readonly root: string; readonly files: WatchedFiles },
  options: Partial<ServeOptions> = {},
): Promise<WatchedRouter> {
  const home = join(root, 'home')
  const running = await serve({ home, configFile: files.config, port: 0, env: {}, version: '1.2.3', ...options })
  const get = async (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
    (await fetch(running.url + path, { headers })).json()
  const health = async () => (await get('/health')) as Health
  return {
    root,
    home,
    files,
    running,
    words: async () => (await get('/words')) as Words,
    generation: async () => (await health()).generation,
    fault: async () => (await health()).config.lastError?.code,
    report: async () => {
      const key = (await readFile(join(home, 'run/admin.key'), 'utf8')).trim()
      return (await get('/api/generation', { 'x-api-key': key })) as Awaited<ReturnType<WatchedRouter['report']>>
    },
    stop: async () => {
      await running.close({ graceMs: 0 })
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** Asks until it holds, for at most 10 s. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; await pause(10)) if (await holds()) return
  throw new Error(`${what}: not within 10 s`)
}

/** Makes a file say another word, in place. */
export async function say(file: string, from: string, to: string): Promise<void> {
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to))
}
