import { readdir, readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCli } from './cli-harness.ts'
import type { Cli } from './cli-harness.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: Cli
beforeEach(async () => {
  cli = await createCli()
})
afterEach(() => cli.dispose())

test.each(['--version', '-v', 'version'])('%s prints the version of the package', async (argument) => {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await cli.run([argument])).toMatchObject({ code: 0, stdout: `ccr ${manifest.version}\n`, stderr: '' })
})

test.each(['--help', '-h', 'help'])('%s lists the commands on stdout', async (argument) => {
  const { code, stdout, stderr } = await cli.run([argument])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const command of ['start', 'stop', 'restart', 'status', 'reload', 'code'])
    expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
})

test('help of one command lists its options', async () => {
  const { code, stdout } = await cli.run(['start', '--help'])
  expect(code).toBe(0)
  for (const option of ['--port', '--host', '--config', '--daemon']) expect(stdout).toContain(option)
})

test('help of a command of a group is that of the command itself', async () => {
  const { code, stdout } = await cli.run(['help', 'plugin', 'add'])
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: ccr plugin add ') })
  expect((await cli.run(['plugin', 'add', '--help'])).stdout).toBe(stdout)
})

test('no command is answered with the help on stderr', async () => {
  const { code, stdout, stderr } = await cli.run([])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('Usage: ccr')
})

test.each([
  ['strat', 'start'],
  ['sotp', 'stop'],
  ['reloat', 'reload'],
  ['statsu', 'status'],
])('an unknown command %s fails and names %s', async (typed, nearest) => {
  const { code, stdout, stderr } = await cli.run([typed])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(`ccr: unknown command '${typed}'`)
  expect(stderr).toContain(`Did you mean ${nearest}?`)
})

test.each([[['gibberish']], [['plugin', 'gibberish']]])(
  'one that is near to none says where they stand: %s',
  async (args) => {
    const { code, stderr } = await cli.run(args)
    expect([code, stderr]).toEqual([1, "ccr: unknown command 'gibberish'; --help names those that there are\n"])
  },
)

test.each([
  ['start', ['start', '--port', '0']],
  ['plugin disable', ['plugin', 'disable', 'route-custom']],
])('%s in a home that is a file says so', async (_name, args) => {
  await writeFile(cli.home, 'no folder')
  const { code, stderr } = await cli.run(args)
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/home(\/run)? cannot be used: a file is where a folder should be\. Move it, or name another/),
  ])
})

test('a command that needs npm ends when there is none', async () => {
  const { code, stderr } = await cli.run(['plugin', 'add', 'some-plugin'], { PATH: cli.directory })
  expect(code).toBe(1)
  expect(stderr).toMatch(/npm cannot be run: .*\. Install npm, or put it on the PATH\.\n$/)
})

test('route explain of a file that is not there says what to give', async () => {
  const { code, stderr } = await cli.run(['route', 'explain', './none.json'])
  const remedy = 'Give a file with the body that a client would send, or - for stdin'
  expect([code, stderr]).toEqual([1, `ccr: ./none.json does not exist. ${remedy}\n`])
})

test('plugin info of a path that is not there says so', async () => {
  const { code, stderr } = await cli.run(['plugin', 'info', './none'])
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^ccr: "\.\/none" names no plugin: .*none does not exist\. /),
  ])
})

test.each([
  ['ui', 'config.json'],
  ['statusline', 'ccr status'],
  ['model', '/model provider,model'],
])('%s, which earlier versions had, fails and says what to do instead: %s', async (word, instead) => {
  for (const args of [[word], [word, '--help'], ['help', word]]) {
    const { code, stdout, stderr } = await cli.run(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^ccr: there is no command '${word}'[^\\n]*\\.\n$`))
    expect(stderr).toContain(instead)
  }
})

test.each([
  ['an unknown option', ['start', '--prot', '1'], '--port'],
  ['a port that is no number', ['start', '--port', 'http'], '65535'],
  ['a port beyond the range', ['start', '--port', '65536'], '65535'],
  ['a missing value', ['start', '--config'], '--config'],
])('%s is a usage error', async (_name, args, told) => {
  const { code, stderr } = await cli.run(args)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^ccr: /)
  expect(stderr).toContain(told)
})

test.each([
  ['status', 3, 'ccr is not running'],
  ['stop', 0, 'ccr is not running'],
])('%s without a router says so, and creates nothing', async (command, exitCode, said) => {
  const { code, stdout } = await cli.run([command])
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: `${said}\n` })
  expect(await readdir(cli.directory)).toEqual([])
})

test('status --json without a router is JSON', async () => {
  const { code, stdout } = await cli.run(['status', '--json'])
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toEqual({ running: false, home: cli.home })
})

test('reload without a router fails', async () => {
  const { code, stdout, stderr } = await cli.run(['reload'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^ccr: .*not running/)
})

const BROKEN = '{\n  // half a file\n  "PORT": 3456,\n  "Providers": [ { "name": "x", }\n  "Router": {}\n}\n'

test.each([
  ['start', ['start']],
  ['start --daemon', ['start', '--daemon']],
  ['code', ['code', '-p', 'hello']],
])('%s with a broken config names the place, exits 78 and leaves the file alone', async (_name, args) => {
  const file = await cli.writeConfig(BROKEN)
  const { code, stdout, stderr } = await cli.run(args, { CLAUDE_PATH: '/bin/false' })
  expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
  expect(stderr).toMatch(/^ccr: /)
  expect(stderr.split(`${file}:5:3`)).toHaveLength(2)
  expect(await readFile(file, 'utf8')).toBe(BROKEN)
  expect((await cli.run(['status'])).code).toBe(3)
})

test.each([
  ['of the wrong type', '"PORT": "a port"'],
  ['that is no provider and model', '"Router": { "default": "gpt-4" }'],
])('a config value %s names the place and exits 78', async (_name, line) => {
  const text = `{\n  ${line}\n}\n`
  const file = await cli.writeConfig(text)
  const { code, stderr } = await cli.run(['start'])
  expect(code).toBe(78)
  expect(stderr).toContain(`${file}:2:`)
  expect(await readFile(file, 'utf8')).toBe(text)
})

test('a config file that does not exist, but was asked for, is an error', async () => {
  const { code, stderr } = await cli.run(['start', '--config', 'nowhere.json'])
  expect(code).toBe(78)
  expect(stderr).toContain('nowhere.json')
})

test.each([
  ['of a result', { plugins: [{ use: 'gone\u001b[2J\u009b1m' }] }, ['plugin', 'list']],
  ['of a failure', { profiles: { 'gone\u001b[2J\u009b1m': 5 } }, ['plugin', 'list']],
])('a name %s moves no cursor of the terminal', async (_of, config, args) => {
  await cli.writeConfig(JSON.stringify(config))
  const { stdout, stderr } = await cli.run(args)
  expect(stdout + stderr).toContain('gone?[2J?1m')
})
