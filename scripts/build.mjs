// Builds everything through turbo, which must not report its use to anybody.
import { spawnSync } from 'node:child_process'

const { status } = spawnSync('turbo', ['run', '//#build:all', '--output-logs=errors-only'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
})
process.exit(status ?? 1)
