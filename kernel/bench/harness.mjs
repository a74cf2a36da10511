import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

/** Ports of the mock upstream, the references and the router. */
const PORTS = [9100, 9111, 9115, 9117, 9301]

/**
 * A copy of the load harness in which its dependencies are installed. The copy is named after the contents, so a second
 * run finds it.
 */
export function prepareHarness(source, say) {
  const folder = join(tmpdir(), `ccr-bench-${hashOf(source)}`)
  if (existsSync(folder)) return folder
  const draft = `${folder}.${process.pid}`
  say(`copying the harness to ${folder} and installing what it needs, once`)
  cpSync(source, draft, {
    recursive: true,
    filter: (path) => !/\/(node_modules|results)(\/|$)/.test(relative(source, path)),
  })
  execFileSync('chmod', ['-R', 'u+w', draft])
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: draft,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    renameSync(draft, folder)
  } catch (fault) {
    rmSync(draft, { recursive: true, force: true })
    throw fault
  }
  return folder
}

function hashOf(folder) {
  const hash = createHash('sha256')
  const walk = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === 'node_modules' || entry.name === 'results') continue
      const inner = join(path, entry.name)
      if (entry.isDirectory()) walk(inner)
      else hash.update(relative(folder, inner)).update('\0').update(readFileSync(inner))
    }
  }
  walk(folder)
  return hash.digest('hex').slice(0, 16)
}

/**
 * Runs the harness to its end and returns what it wrote. It runs in a network namespace of its own where the system
 * allows one, because its ports are fixed; elsewhere the ports must be free.
 */
export async function runHarness(folder, { targets, phases, cells, repeats, extra }, say) {
  const work = join(folder, 'work')
  mkdirSync(work, { recursive: true })
  const out = join(work, `run-${process.pid}`)
  const options = { targets, phases, cells, repeats, extra, out }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const prefix = namespacePrefix()
  if (prefix.length === 0) await assertFree(PORTS)
  say(prefix.length === 0 ? 'running on the ports of this machine' : 'running in a private network namespace')
  const [command, ...rest] = [...prefix, process.execPath, join(folder, 'bench.mjs'), ...args]
  const child = spawn(command, rest, {
    cwd: folder,
    env: { ...process.env, BENCH_WORK: work },
    stdio: ['ignore', 2, 2],
  })
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
  const forward = (signal) => child.kill(signal)
  process.once('SIGINT', forward).once('SIGTERM', forward)
  const timer = setInterval(reportProgress(`${out}.json`, repeats, say), 3000)
  const code = await ended.finally(() => clearInterval(timer))
  if (code !== 0) throw new Error(`the harness ended with ${code}; its logs are in ${join(work, 'logs')}`)
  return JSON.parse(readFileSync(`${out}.json`, 'utf8'))
}

function namespacePrefix() {
  const shell = ['bash', '-c', 'ip link set lo up && exec "$@"', 'bash']
  for (const unshare of [
    ['unshare', '-n', '--'],
    ['unshare', '-r', '-n', '--'],
  ]) {
    const [command, ...args] = [...unshare, ...shell, 'true']
    if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return [...unshare, ...shell]
  }
  return []
}

async function assertFree(ports) {
  for (const port of ports) {
    await new Promise((resolve, reject) => {
      const server = createServer()
      server.once('error', () => reject(new Error(`port ${port} is taken; the harness needs ${ports.join(', ')}`)))
      server.listen(port, '127.0.0.1', () => server.close(resolve))
    })
  }
}

function reportProgress(file, repeats, say) {
  let seen = 0
  return () => {
    if (!existsSync(file)) return
    let load
    try {
      load = JSON.parse(readFileSync(file, 'utf8')).load
    } catch {
      return // caught in the middle of being written; the next look finds it whole
    }
    for (; seen < load.length; seen++) say(`${load[seen][0]}: repeat ${load[seen][1] + 1} of ${repeats} is done`)
  }
}
