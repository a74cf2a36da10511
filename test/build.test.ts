import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
const COMMAND = fileURLToPath(new URL('../kernel/dist/cli/main.js', import.meta.url))

let folder: string

beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'ccr-build-'))))
afterEach(() => rm(folder, { recursive: true }))

/** Programs of these names that note how they were called; `turbo --version` and all others end with these codes. */
async function build(codes: { turbo: number; version: number; npm: number }) {
  const calls = join(folder, 'calls')
  const programs = {
    turbo: `if [ "$1" = --version ]; then exit ${codes.version}; fi; exit ${codes.turbo}`,
    npm: `exit ${codes.npm}`,
  }
  for (const [name, end] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\necho "${name} $*" >> '${calls}'\n${end}\n`)
    await chmod(join(folder, name), 0o755)
  }
  const PATH = [folder, dirname(process.execPath), '/bin', '/usr/bin'].join(delimiter)
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { env: { PATH }, encoding: 'utf8' })
  return { status, stderr, calls: (await readFile(calls, 'utf8')).trim().split('\n') }
}

describe('npm run build', () => {
  const RUN = 'turbo run //#build:all --output-logs=errors-only'

  it('goes through turbo', async () => {
    const { status, calls } = await build({ turbo: 0, version: 0, npm: 1 })
    expect({ status, calls }).toEqual({ status: 0, calls: [RUN] })
  })

  it.runIf(process.platform !== 'win32')('leaves the command executable, whatever wrote its file', async () => {
    await chmod(COMMAND, 0o644)
    await build({ turbo: 0, version: 0, npm: 1 })
    expect((await stat(COMMAND)).mode & 0o777).toBe(0o755)
  })

  it('fails when the build does', async () => {
    const { status, calls } = await build({ turbo: 1, version: 0, npm: 0 })
    expect({ status, calls }).toEqual({ status: 1, calls: [RUN, 'turbo --version'] })
  })

  it.each([0, 1])('goes on without turbo where that has no program, and ends as the build does (%i)', async (npm) => {
    const { status, stderr, calls } = await build({ turbo: 1, version: 1, npm })
    expect(calls).toEqual([RUN, 'turbo --version', 'npm run --silent build:all'])
    expect(stderr).toContain('turbo has no program for this platform')
    expect(status).toBe(npm)
  })
})
