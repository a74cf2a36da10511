import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCli, finish, type Cli } from './cli-harness.ts'

let cli: Cli
beforeAll(async () => {
  cli = await createCli()
  await mkdir(join(cli.directory, 'empty'))
  await writeFile(join(cli.directory, 'request.json'), '{')
})
afterAll(() => cli.dispose())

/** docs/reference/cli.md: 1 where an argument or command is unknown, 3 where nothing runs. */
test.each<readonly [number, string]>([
  [1, 'plugin disable nosuch'],
  [1, 'plugin enable nosuch'],
  [1, 'plugin remove nosuch'],
  [1, 'plugin update nosuch'],
  [1, 'plugin info ./nosuch'],
  [1, 'plugin info ./empty'],
  [1, 'plugin add ./nosuch'],
  [1, 'plugin add ./empty'],
  [1, 'plugin test ./nosuch'],
  [1, 'plugin manifest ./nosuch'],
  [1, 'plugin manifest ./empty'],
  [1, 'plugin manifest ./request.json'],
  [1, 'plugin dev ./nosuch'],
  [1, 'plugin new No_Such'],
  [1, 'plugin nosuch'],
  [1, 'plugin top'],
  [1, 'preset info nosuch'],
  [1, 'preset delete nosuch'],
  [1, 'preset install ./nosuch'],
  [1, 'route explain ./nosuch.json'],
  [1, 'route explain request.json'],
  [1, 'nosuch'],
  [1, 'start --nosuch'],
  [1, 'start --port x'],
  [1, 'help nosuch'],
  [1, 'nosuch --help'],
  [1, 'reload'],
  [3, 'status'],
])('exit code %i: ccr %s', async (code, line) => {
  const result = await cli.run(line.split(' '))
  expect(result).toMatchObject({ code, signal: null })
  expect(`${result.stdout}${result.stderr}`).not.toMatch(/\n\s+at \w+ \(|undefined|\[object/)
  // What fails a check is the result of `plugin test`.
  if (code === 1) expect(result.stderr || result.stdout).toMatch(/^(?:ccr:|not ok) +\S/)
})

test.each(['preset install', 'route explain'])('the help of %s names no empty default', async (command) => {
  const { stdout } = await cli.run([...command.split(' '), '--help'])
  expect(stdout).toContain('=value>')
  expect(stdout).not.toMatch(/default: (?:\[\]|\{\})/)
})

// A device whose disk is always full.
test.skipIf(!existsSync('/dev/full')).each(['plugin list --json', '--help', 'version'])(
  'a result that its file has no space for is a failure: ccr %s',
  async (line) => {
    const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
    const env = { PATH: process.env['PATH'], HOME: cli.directory, CCR_HOME: cli.home }
    const shell = ['-c', `"$0" "$@" >/dev/full`, process.execPath, main, ...line.split(' ')]
    const { code, stderr } = await finish(spawn('/bin/sh', shell, { env }))
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'ccr: the output could not be written: ENOSPC\n' })
  },
)
