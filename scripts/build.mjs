// Builds everything through turbo, which must not report its use to anybody; without its cache where it does not run.
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }

function run(command, args, stdio = 'inherit') {
  return spawnSync(command, args, { stdio, shell: process.platform === 'win32', env }).status === 0
}

function build() {
  if (run('turbo', ['run', '//#build:all', '--output-logs=errors-only'])) return true
  if (run('turbo', ['--version'], 'ignore')) return false
  console.error('turbo has no program for this platform; building without it')
  return run('npm', ['run', '--silent', 'build:all'])
}

if (build()) {
  // The compiler writes it as any other file, and npm makes a command executable only when it links it first.
  chmodSync(fileURLToPath(new URL('../kernel/dist/cli/main.js', import.meta.url)), 0o755)
} else process.exitCode = 1
