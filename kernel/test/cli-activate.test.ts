import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCli, firstLine, freePort, urlIn, type Cli } from './cli-harness.ts'
import { MAIN } from './support/router.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: Cli
beforeEach(async () => {
  cli = await createCli()
})
afterEach(() => cli.dispose())

const VARIABLES = [
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_API_KEY',
  'API_TIMEOUT_MS',
  'NO_PROXY',
  'TERM',
]

/** The variables of a shell that has evaluated what the command printed. */
function evaluated(command: string, env: NodeJS.ProcessEnv = {}): Readonly<Record<string, string>> {
  const script = `eval "$(${JSON.stringify(process.execPath)} ${MAIN} ${command} 2>/dev/null)"; env -0`
  const out = execFileSync('sh', ['-c', script], {
    env: { PATH: process.env['PATH'], HOME: cli.directory, CCR_HOME: cli.home, ...env },
    encoding: 'utf8',
  })
  const all = out.split('\0').map((line): [string, string] => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)]
  })
  return Object.fromEntries(all.filter(([name]) => VARIABLES.includes(name)))
}

test.each(['activate', 'env'])('what %s prints lets a shell run Claude Code through the router', async (command) => {
  const APIKEY = `key-'"$HOME\`id\`\\-0123456789`
  await cli.writeConfig({ PORT: 4567, APIKEY: APIKEY.replace('$', '$$$$'), NON_INTERACTIVE_MODE: true })
  const given = { ANTHROPIC_API_KEY: 'of another account', NO_PROXY: 'intranet', TERM: 'xterm' }
  expect(evaluated(command, given)).toEqual({
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:4567',
    ANTHROPIC_AUTH_TOKEN: APIKEY,
    API_TIMEOUT_MS: '600000',
    NO_PROXY: 'intranet,127.0.0.1',
    // Of the shell, which goes on being one for people.
    TERM: 'xterm',
  })
})

test('activate says what a shell has not got already, and that no router runs', async () => {
  await cli.writeConfig({ PORT: 4567 })
  const { code, stdout, stderr } = await cli.run(['activate'], { DISABLE_TELEMETRY: 'true' })
  expect(code).toBe(0)
  expect(stdout).toContain(`export ANTHROPIC_BASE_URL='http://127.0.0.1:4567'\n`)
  expect(stdout).not.toContain('DISABLE_TELEMETRY')
  expect(stderr).toBe('ccr: no router runs now; `ccr start --daemon` starts one\n')
})

test('activate names the router that runs, wherever that is', async () => {
  await cli.writeConfig({ PORT: 1 })
  const port = await freePort()
  const url = urlIn(await firstLine(cli.launch(['start', '--port', String(port)])))
  const { stdout, stderr } = await cli.run(['activate', '--shell', 'fish'])
  expect(stdout).toContain(`set -gx ANTHROPIC_BASE_URL '${url}';\n`)
  expect(stderr).toBe('')
})

test.each([
  ['a preset that is not installed', ['activate', 'nobody'], 'nobody'],
  ['a shell that it does not know', ['activate', '--shell', 'csh'], 'fish'],
])('activate refuses %s, and prints nothing to evaluate', async (_, args, said) => {
  await cli.writeConfig({ PORT: 4567 })
  const { code, stdout, stderr } = await cli.run(args)
  expect([code === 0, stdout]).toEqual([false, ''])
  expect(stderr).toContain(said)
})

test('activate prints nothing to evaluate where only a start would tell the port', async () => {
  await cli.writeConfig({ PORT: 0 })
  const { code, stdout, stderr } = await cli.run(['activate'])
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).toContain('PORT is 0')
})

test('activate prints nothing to evaluate where the config is broken', async () => {
  await cli.writeConfig('{ PORT: ')
  const { code, stdout } = await cli.run(['activate'])
  expect([code, stdout]).toEqual([78, ''])
})
