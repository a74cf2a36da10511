import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { CommandContext } from '../../src/cli/context.ts'
import { serve, type Running } from '../../src/host/serve.ts'
import { integrityOf, packPackage, type PackageDraft } from './plugin-packages.ts'

/** A home with commands and a router in this process. */
export interface PluginWorld {
  readonly root: string
  readonly home: string
  /** What commands run in; their lines are in {@link lines}. */
  readonly context: CommandContext
  readonly lines: string[]
  /** Runs a command and gives what it printed, both kinds of lines. */
  said(command: (context: CommandContext) => Promise<unknown>): Promise<string>
  configure(config: string | object): Promise<void>
  config(): Promise<string>
  start(): Promise<Running>
  /** What a plugin of {@link packPackage} answers; nothing when it is not in use. */
  ask(plugin: string): Promise<string | undefined>
  report(): Promise<WorldReport>
  /** An archive in a file, and how to agree to it. */
  archive(draft: PackageDraft): Promise<{ readonly file: string; readonly bytes: Buffer; readonly agreed: Agreed }>
  /** The text of every file of the home that a failed command must leave as it is, by path. */
  snapshot(): Promise<Readonly<Record<string, string>>>
  dispose(): Promise<void>
}

export interface Agreed {
  readonly yes: true
  readonly integrity: string
}

export interface WorldReport {
  readonly generation: number
  readonly failures: readonly { readonly subject: string; readonly code: string; readonly message: string }[]
}

export async function createPluginWorld(env: NodeJS.ProcessEnv = {}): Promise<PluginWorld> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'ccr plugins-')))
  const home = join(root, 'home')
  await mkdir(home)
  const lines: string[] = []
  const add = (line: string): void => void lines.push(line)
  const { PATH } = process.env
  const context: CommandContext = {
    home,
    env: { PATH, HOME: root, ...env },
    version: '0.0.0',
    print: add,
    complain: add,
  }
  const started: Running[] = []
  const running = (): Running => started.at(-1)!
  return {
    root,
    home,
    context,
    lines,
    async said(command) {
      lines.length = 0
      await command(context)
      return lines.join('\n')
    },
    configure: (config) =>
      writeFile(join(home, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config)),
    config: () => readFile(join(home, 'config.json'), 'utf8'),
    async start() {
      const router = await serve({ home, port: 0, env: {}, version: '0.0.0' })
      started.push(router)
      return router
    },
    async ask(plugin) {
      const answer = await fetch(`${running().url}/${plugin}`)
      return answer.status === 404 ? undefined : answer.text()
    },
    async report() {
      const key = (await readFile(join(home, 'run', 'admin.key'), 'utf8')).trim()
      const answer = await fetch(`${running().url}/api/generation`, { headers: { authorization: `Bearer ${key}` } })
      return (await answer.json()) as WorldReport
    },
    async archive(draft) {
      const bytes = await packPackage(root, draft)
      const file = join(root, `${draft.name.replace('/', '-')}-${draft.version ?? '1.0.0'}.tgz`)
      await writeFile(file, bytes)
      return { file, bytes, agreed: { yes: true, integrity: integrityOf(bytes) } }
    },
    async snapshot() {
      const found = await readdir(home, { recursive: true, withFileTypes: true })
      const files = found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
      const kept = files.filter((file) => !/\/(?:run|logs)\/|claude-code-router\.log$/.test(file.slice(home.length)))
      return Object.fromEntries(
        await Promise.all(kept.sort().map(async (file) => [file, await readFile(file, 'base64')])),
      )
    },
    async dispose() {
      for (const router of started) await router.close({ graceMs: 0 })
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Asks until the answer holds, for at most 30 s. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000
  while (performance.now() < end) {
    if (await holds()) return
    await pause(25)
  }
  throw new Error(`${what}: not within 30 s`)
}
