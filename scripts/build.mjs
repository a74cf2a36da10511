// Builds everything through turbo, which must not report its use to anybody; without its cache where it does not run.
import { spawnSync } from 'node:child_process'

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }

function run(command, args, stdio = 'inherit') {
  return spawnSync(command, args, { stdio, shell: process.platform === 'win32', env }).status === 0
}

const built = run('turbo', ['run', '//#build:all', '--output-logs=errors-only'])
if (!built && !run('turbo', ['--version'], 'ignore')) {
  console.error('turbo has no program for this platform; building without it')
  process.exit(run('npm', ['run', '--silent', 'build:all']) ? 0 : 1)
}
process.exit(built ? 0 : 1)
