import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The built router, running as a process of its own. */
export interface RunningRouter {
  readonly url: string
  /** Its home directory, which is removed when it stops. */
  readonly home: string
  /** Waits until the routing log holds `count` lines of the event, and returns them all. */
  routes(event: string, count: number): Promise<readonly RoutingLine[]>
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>
}

/** One line of the routing log. */
export interface RoutingLine {
  readonly event: string
  readonly [field: string]: unknown
}

const MAIN = fileURLToPath(new URL('../../kernel/dist/cli/main.js', import.meta.url))
const DEADLINE_MS = 30_000

/** Starts the router on a free port, with a home of its own that holds this config. */
export async function startRouter(config: object = {}): Promise<RunningRouter> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; build first with \`npm run build\``)
  const home = mkdtempSync(join(tmpdir(), 'ccr-client-test-'))
  writeFileSync(join(home, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, CCR_HOME: home }
  const args = [MAIN, 'start', '--port', '0']
  const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = async (): Promise<void> => {
    await end(child)
    rmSync(home, { recursive: true, force: true })
  }
  try {
    const url = await readyUrl(child)
    return { url, home, routes: (event, count) => readRoutes(join(home, 'claude-code-router.log'), event, count), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (fact: string): void => {
      clearTimeout(timer)
      reject(new Error(`the router ${fact}; it said: ${output}`))
    }
    const timer = setTimeout(() => fail(`was not ready within ${DEADLINE_MS} ms`), DEADLINE_MS)
    const read = (text: Buffer): void => {
      output += text.toString()
      const url = /ready at (http:\/\/[\w.:-]+)/.exec(output)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.on('error', (error) => fail(`did not start: ${error.message}`))
    child.on('exit', (code) => fail(`ended with exit code ${code} before it was ready`))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(timer)
}

async function readRoutes(file: string, event: string, count: number): Promise<readonly RoutingLine[]> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RoutingLine)
    if (all.filter((line) => line.event === event).length >= count) return all
    if (Date.now() > deadline) throw new Error(`fewer than ${count} '${event}' lines in ${file}: ${lines.join('\n')}`)
    await delay(20)
  }
}
