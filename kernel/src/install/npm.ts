import { spawn } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CcrError } from '@ccr/sdk'

/** A run of npm that has not been started by anything else. */
export interface NpmOptions {
  /** An empty folder of this run's own: neither a project nor its settings lie above it. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly timeoutMs?: number | undefined
}

const TIMEOUT_MS = 180_000
const OUTPUT_LIMIT = 16 * 1024 * 1024

/** Given to every run: nothing that a package says is executed, and nothing is looked up that is not needed. */
const FLAGS = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--loglevel=error',
  '--no-progress',
  '--no-color',
]

/**
 * Runs npm, with the user's own settings of registries, and gives what it printed.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE` with what npm said
 */
export async function runNpm(args: readonly string[], options: NpmOptions): Promise<string> {
  const { folder, timeoutMs = TIMEOUT_MS } = options
  await prepare(folder)
  const [command, first] = npmCommand()
  const child = spawn(command, [...first, ...args, ...FLAGS, `--cache=${join(folder, '.cache')}`], {
    cwd: folder,
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  })
  // The limit that spawn() offers keeps a process that could not start any from ending.
  const limit = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      if (output[name].length > OUTPUT_LIMIT) child.kill('SIGKILL')
    })
  }
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
    .catch((thrown: Error) => {
      throw failed(args, `npm cannot be run: ${thrown.message}`, 'Install npm, or put it on the PATH.')
    })
    .finally(() => clearTimeout(limit))
  if (code === 0) return output.stdout
  if (signal !== null) throw failed(args, `npm did not end within ${timeoutMs / 1000} s`, 'Try again later.')
  throw failed(args, reasonIn(output.stderr || output.stdout), remedyFor(output.stderr))
}

/** npm looks for a project upwards from where it runs; here it finds this one. */
async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!(await readdir(folder)).includes('package.json')) await writeFile(join(folder, 'package.json'), '{}\n')
}

/** On Windows npm is a script that only a shell can start; the program it starts lies beside Node. */
function npmCommand(): readonly [string, readonly string[]] {
  if (process.platform !== 'win32') return ['npm', []]
  return [process.execPath, [join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')]]
}

/** What an npm that may have started this process says about the project it was started in. */
const PROJECT = /^(?:npm_(?:package|lifecycle|command|execpath|node_execpath)|init_cwd)/i
const PROJECT_CONFIG =
  /^npm_config_(?:local_prefix|global|prefix|workspaces?|include_workspace_root|ignore_scripts|dry_run|json|long)/i

function environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !PROJECT.test(name) && !PROJECT_CONFIG.test(name)))
}

function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^(?:A complete log|npm warn|Unknown )/.test(line))
  const code = lines.find((line) => line.startsWith('code '))?.slice('code '.length)
  const fact = lines.find((line) => !/^(?:code|errno|syscall) /.test(line))
  return [...(code === undefined ? [] : [code]), fact ?? 'npm failed without a word'].join(': ').slice(0, 400)
}

function remedyFor(stderr: string): string {
  if (stderr.includes('EINTEGRITY')) return 'What arrived is not what the registry promises; do not install it.'
  if (/E404|ETARGET/.test(stderr)) return 'Check the name, the version and the registry.'
  return 'Check the registry and the connection.'
}

function failed(args: readonly string[], fact: string, remedy: string): CcrError {
  return new CcrError('CCR_INSTALL_SOURCE', `npm ${args[0]} failed: ${fact.replace(/\.$/, '')}. ${remedy}`)
}
