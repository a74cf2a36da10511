import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command line in a home of its own, with nothing of the environment but what makes Node run. */
export interface Cli {
  /** A directory for this test; the user's home. */
  readonly directory: string
  /** CCR_HOME. */
  readonly home: string
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished>
  /** A command that goes on running. */
  launch(args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams
  writeConfig(config: string | object): Promise<string>
  /** Stops what still runs and removes the directory. */
  dispose(): Promise<void>
}

export async function createCli(): Promise<Cli> {
  const directory = await mkdtemp(join(tmpdir(), 'ccr cli-'))
  const home = join(directory, 'home')
  const launched: ChildProcessWithoutNullStreams[] = []
  const environment = (extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    HOME: directory,
    CCR_HOME: home,
    ...extra,
  })

  const cli: Cli = {
    directory,
    home,
    run: (args, env = {}) =>
      finish(spawn(process.execPath, [MAIN, ...args], { env: environment(env), cwd: directory })),
    launch(args, env = {}) {
      const child = spawn(process.execPath, [MAIN, ...args], { env: environment(env), cwd: directory })
      launched.push(child)
      return child
    },
    async writeConfig(config) {
      await mkdir(home, { recursive: true })
      const file = join(home, 'config.json')
      await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config))
      return file
    },
    async dispose() {
      // What is killed below needs no stop; a daemon does, even while its supervisor waits to start it again.
      if (existsSync(join(home, 'run', 'start.json'))) await cli.run(['stop'])
      for (const child of launched) {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL')
          await once(child, 'exit')
        }
      }
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return cli
}

export async function finish(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end()
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, stdout, stderr }
}

/** The first line of a child's output; rejects with its errors when it ends before. */
export function firstLine(child: ChildProcessWithoutNullStreams): Promise<string> {
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')))
    })
    child.once('close', (code) => reject(new Error(`it ended with ${code} before its first line: ${stderr}`)))
  })
}

/** The address in a line of `ccr start`. */
export function urlIn(line: string): string {
  const url = /http:\/\/\S+/.exec(line)?.[0]
  if (url === undefined) throw new Error(`no address in: ${line}`)
  return url
}

/** Asks until the answer holds, for at most 15 s. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined> | Answer | undefined,
): Promise<Answer> {
  const until = performance.now() + 15_000
  while (performance.now() < until) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(50)
  }
  throw new Error(`${what}: not within 15 s`)
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether a process with this id exists and is not only waiting to be reaped. */
export function lives(child: {
  readonly exitCode: number | null
  readonly signalCode: NodeJS.Signals | null
}): boolean {
  return child.exitCode === null && child.signalCode === null
}
