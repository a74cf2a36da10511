import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCli, eventually, finish, firstLine, freePort, urlIn } from './cli-harness.ts'
import type { Cli } from './cli-harness.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: Cli
let port: number
beforeEach(async () => {
  cli = await createCli()
  port = await freePort()
  await cli.writeConfig({ PORT: port })
})
afterEach(() => cli.dispose())

interface Seen {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string
}

/** An executable that writes what it was given as JSON, then runs `script`. */
async function fakeClaude(script = ''): Promise<string> {
  const file = join(cli.directory, 'claude')
  const source = `#!${process.execPath}
const stdin = require('node:fs').readFileSync(0, 'utf8')
process.stdout.write(JSON.stringify({ argv: process.argv.slice(2), env: process.env, stdin }) + '\\n')
${script}
`
  await writeFile(file, source)
  await chmod(file, 0o755)
  return file
}

async function seenBy(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Seen> {
  const result = await cli.run(['code', ...args], { CLAUDE_PATH: await fakeClaude(), ...env })
  expect(result).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(result.stdout) as Seen
}

test('the arguments arrive untouched, and no shell reads them', async () => {
  const args = [
    'a prompt',
    '-p',
    'say "hi"',
    "it's",
    '$(touch marker)',
    '`touch marker`',
    '$HOME',
    '--no-x',
    '--flag',
    'word',
    '-n',
    '007',
    '',
    '--',
    '--help',
    '--version',
    '*',
    'a\nb',
    'ü',
  ]
  expect((await seenBy(args)).argv).toEqual(args)
  expect(await readdir(cli.directory)).not.toContain('marker')
})

test('CLAUDE_PATH may begin with the home folder', async () => {
  await fakeClaude()
  await cli.writeConfig({ PORT: port, CLAUDE_PATH: '~/claude' })
  expect(await cli.run(['code'])).toMatchObject({ code: 0, stderr: '' })
  expect(await cli.run(['code'], { CLAUDE_PATH: '~/absent' })).toMatchObject({ code: 127 })
})

test('the environment leads to the router, and keeps what is not its business', async () => {
  const { env } = await seenBy([], {
    ANTHROPIC_API_KEY: 'sk-own',
    CLAUDE_CODE_USE_BEDROCK: '1',
    CLAUDE_CODE_USE_VERTEX: '1',
    NO_PROXY: 'example.org, localhost',
    OWN: 'value',
  })
  expect(env).toMatchObject({
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_AUTH_TOKEN: 'test',
    NO_PROXY: 'example.org,localhost,127.0.0.1',
    DISABLE_TELEMETRY: 'true',
    DISABLE_COST_WARNINGS: 'true',
    API_TIMEOUT_MS: '600000',
    OWN: 'value',
  })
  for (const name of ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CI'])
    expect(env).not.toHaveProperty(name)
})

test('the config gives key, timeout, executable and the mode without a terminal', async () => {
  await cli.writeConfig({
    PORT: port,
    APIKEY: '$THE_KEY',
    API_TIMEOUT_MS: 1234,
    NON_INTERACTIVE_MODE: true,
    CLAUDE_PATH: await fakeClaude(),
  })
  const { code, stdout, stderr } = await cli.run(['code', '-p', 'x'], { THE_KEY: 'k-from-environment' })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { env, stdin } = JSON.parse(stdout) as Seen
  expect(stdin).toBe('')
  expect(env).toMatchObject({
    ANTHROPIC_AUTH_TOKEN: 'k-from-environment',
    API_TIMEOUT_MS: '1234',
    CI: 'true',
    FORCE_COLOR: '0',
    NODE_NO_READLINE: '1',
    TERM: 'dumb',
  })
})

test('it starts the router when none runs, and leaves it running for the next', async () => {
  const first = await seenBy([])
  const status = await cli.run(['status', '--json'])
  expect(JSON.parse(status.stdout)).toMatchObject({ running: true, url: first.env['ANTHROPIC_BASE_URL'] })
  expect((await seenBy([])).env['ANTHROPIC_BASE_URL']).toBe(first.env['ANTHROPIC_BASE_URL'])
  expect((await cli.run(['status', '--json'])).stdout).toContain(
    `"pid":${(JSON.parse(status.stdout) as { pid: number }).pid}`,
  )
})

test('it uses the router that runs, wherever that listens', async () => {
  const router = cli.launch(['start', '--port', '0'])
  const url = urlIn(await firstLine(router))
  expect(url).not.toContain(`:${port}`)
  expect((await seenBy([])).env['ANTHROPIC_BASE_URL']).toBe(url)
})

test('parallel runs share one router', async () => {
  const claude = await fakeClaude()
  const results = await Promise.all([1, 2, 3].map(() => cli.run(['code'], { CLAUDE_PATH: claude })))
  expect(results.map((result) => result.code)).toEqual([0, 0, 0])
  expect(new Set(results.map((result) => (JSON.parse(result.stdout) as Seen).env['ANTHROPIC_BASE_URL'])).size).toBe(1)
})

test.each([
  ['an exit code', 'process.exit(42)', 42],
  ['a signal', "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)", 137],
])('%s of Claude Code is passed on', async (_name, script, expected) => {
  expect((await cli.run(['code'], { CLAUDE_PATH: await fakeClaude(script) })).code).toBe(expected)
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s is passed on to Claude Code, whose exit code counts',
  async (signal) => {
    const script = `process.on('${signal}', () => process.exit(33))
setInterval(() => {}, 1000)
process.stdout.write('listening\\n')`
    const child = cli.launch(['code'], { CLAUDE_PATH: await fakeClaude(script) })
    const result = finish(child)
    let stdout = ''
    child.stdout.on('data', (text: string) => (stdout += text))
    await eventually('Claude Code', () => (stdout.includes('listening') ? true : undefined))
    child.kill(signal)
    expect((await result).code).toBe(33)
  },
)

test.each([
  ['by a path', { CLAUDE_PATH: './nowhere' }],
  ['by a name', { PATH: '/nowhere:/nor/here' }],
])('an executable that is missing, %s, is told with the way to install it, and starts no router', async (_, env) => {
  const { code, stdout, stderr } = await cli.run(['code'], env)
  expect({ code, stdout }).toEqual({ code: 127, stdout: '' })
  expect(stderr).toContain('npm install -g @anthropic-ai/claude-code')
  expect((await cli.run(['status'])).code).toBe(3)
})

test('nothing is written into the home of the user', async () => {
  await seenBy([])
  expect((await readdir(cli.directory)).sort()).toEqual(['claude', 'home'])
  expect(JSON.parse(await readFile(join(cli.home, 'config.json'), 'utf8'))).toEqual({ PORT: port })
})
