import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The compiled command line, as a user runs it. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface RouterOptions {
  /** Written as `config.json`; a string is written as it stands. */
  readonly config: object | string
  /** Added to a small, fixed environment. */
  readonly env?: Readonly<Record<string, string>>
  /** The command's file, {@link MAIN} unless given. */
  readonly main?: string
}

/** One line of the routing log. */
export type RoutingLine = Readonly<Record<string, unknown>>

/** The real router, as a process of its own with a home of its own. */
export interface RunningRouter {
  /** Origin, such as `http://127.0.0.1:3456`. */
  readonly url: string
  readonly home: string
  readonly pid: number
  readonly child: ChildProcess
  /** The lines of the routing log so far. */
  log(): readonly RoutingLine[]
  /** Everything it wrote: standard output and error, and every log file. */
  written(): string
  /** Resolves with the exit code once the process has ended. */
  readonly exited: Promise<number | null>
  /** Asks it to end, waits, ends it for good if it does not, and removes its home. */
  stop(): Promise<void>
}

const READY_MS = 15_000
const STOP_MS = 5000

/**
 * Starts the router on a free port and waits until it says that it is ready.
 *
 * @throws Error with its output when it ends or stays silent instead
 */
export async function startRouter({ config, env = {}, main = MAIN }: RouterOptions): Promise<RunningRouter> {
  const home = mkdtempSync(join(tmpdir(), 'ccr-router-'))
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 2)
  writeFileSync(join(home, 'config.json'), text, { mode: 0o600 })
  const child = spawn(process.execPath, [main, 'start', '--port', '0'], {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, CCR_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (part) => output.push(part))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exited.finally(() => clearTimeout(timer))
    }
    rmSync(home, { recursive: true, force: true })
  }
  try {
    const url = await readyUrl(child, exited, output)
    return {
      url,
      home,
      pid: child.pid ?? 0,
      child,
      log: () => readLines(join(home, 'claude-code-router.log')),
      written: () => output.join('') + readLogs(home),
      exited,
      stop,
    }
  } catch (fault) {
    await stop()
    throw fault
  }
}

/** Runs `use` with a router that is stopped afterwards, whatever happens. */
export async function withRouter<T>(options: RouterOptions, use: (router: RunningRouter) => Promise<T>): Promise<T> {
  const router = await startRouter(options)
  try {
    return await use(router)
  } finally {
    await router.stop()
  }
}

function readyUrl(child: ChildProcess, exited: Promise<number | null>, output: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (fact: string): void => {
      clearTimeout(timer)
      reject(new Error(`the router ${fact}:\n${output.join('')}`))
    }
    const timer = setTimeout(() => fail(`was not ready in ${READY_MS} ms`), READY_MS)
    const look = (): void => {
      const url = /\bready at (http:\/\/\S+)/.exec(output.join(''))?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      child.stdout?.off('data', look)
      resolve(url.replace(/\/$/, ''))
    }
    child.stdout?.on('data', look)
    void exited.then((code) => fail(`ended with ${code}`))
  })
}

function readLines(file: string): RoutingLine[] {
  if (!existsSync(file)) return []
  // The last line may be in the middle of being written.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as RoutingLine)
}

function readLogs(home: string): string {
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'))
  return files.map((name) => readFileSync(join(home, name), 'utf8')).join('')
}
