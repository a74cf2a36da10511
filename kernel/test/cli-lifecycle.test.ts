import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findRunning } from '../src/host/process/instance.ts'
import { isRunning, type ProcessIdentity } from '../src/load/process-identity.ts'
import { createCli, eventually, finish, firstLine, freePort, lives, urlIn } from './cli-harness.ts'
import type { Cli } from './cli-harness.ts'

// Each test starts a dozen processes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: Cli
beforeEach(async () => {
  cli = await createCli()
})
afterEach(() => cli.dispose())

const running = () => findRunning(cli.home)

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  )
}

test('start prints one line with the address when it is ready, and drains on SIGTERM', async () => {
  const child = cli.launch(['start', '--port', '0'])
  let stdout = ''
  child.stdout.on('data', (text: string) => (stdout += text))
  const url = urlIn(await firstLine(child))
  expect(await answers(url)).toBe(true)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(stdout).toMatch(/^ccr \S+ is ready at http:\/\/127\.0\.0\.1:\d+\n$/)
  expect(await answers(url)).toBe(false)
})

test('started by npm, it adds what to try next', async () => {
  const child = cli.launch(['start', '--port', '0'], { npm_lifecycle_event: 'start' })
  let stdout = ''
  child.stdout.on('data', (text: string) => (stdout += text))
  const url = urlIn(await firstLine(child))
  await eventually('the block of hints', () =>
    stdout.includes('ccr code') && stdout.includes(`curl ${url}/v1/messages`) ? true : undefined,
  )
})

test('logs that cannot be written are told at the start and by status', async () => {
  await mkdir(cli.home)
  await writeFile(join(cli.home, 'logs'), 'a file, not a directory')
  const fault = `warning: the logs in ${join(cli.home, 'logs')} cannot be written`
  expect((await cli.run(['start', '--daemon', '--port', '0'])).stderr).toContain(fault)
  expect((await cli.run(['status'])).stdout).toContain(fault)
  await cli.run(['stop'])
})

test('start, status and stop of a daemon', async () => {
  const started = await cli.run(['start', '--daemon', '--port', '0'])
  expect(started).toMatchObject({ code: 0, stderr: '' })
  expect(started.stdout).toMatch(/^ccr \S+ is ready at http:\/\/127\.0\.0\.1:\d+\n$/)
  const url = urlIn(started.stdout)

  const text = await cli.run(['status'])
  expect(text.code).toBe(0)
  expect(text.stdout).toContain(url)
  const json = JSON.parse((await cli.run(['status', '--json'])).stdout) as unknown
  expect(json).toMatchObject({ running: true, home: cli.home, url, generation: 1, disabledProviders: [] })
  expect(json).toMatchObject({
    pid: expect.any(Number),
    version: expect.any(String),
    uptimeSeconds: expect.any(Number),
  })

  const again = await cli.run(['start', '--port', '0'])
  expect(again.code).toBe(0)
  expect(urlIn(again.stdout)).toBe(url)

  const stopped = await cli.run(['stop'])
  expect(stopped.code).toBe(0)
  expect(stopped.stdout).toMatch(/^ccr stopped the router \(pid \d+\)/)
  expect(await answers(url)).toBe(false)
  expect((await cli.run(['status'])).code).toBe(3)
  expect((await cli.run(['stop'])).stdout).toBe('ccr is not running\n')
})

test('what is written below the home is for its owner alone', async () => {
  await cli.run(['start', '--daemon', '--port', '0'])
  for (const name of await readdir(join(cli.home, 'run')))
    expect((await stat(join(cli.home, 'run', name))).mode & 0o077).toBe(0)
  expect((await stat(join(cli.home, 'run'))).mode & 0o077).toBe(0)
})

test('a daemon is recorded once its start has returned, so that a stop ends its supervisor too', async () => {
  expect((await cli.run(['start', '--daemon', '--port', '0'])).code).toBe(0)
  const { instanceId, supervisor } = JSON.parse(await readFile(join(cli.home, 'run', 'start.json'), 'utf8')) as {
    readonly instanceId: string
    readonly supervisor: ProcessIdentity
  }
  expect(instanceId).toBe((await running())?.instanceId)
  expect((await cli.run(['stop'])).stdout).toContain('its exchanges finished')
  expect(isRunning(supervisor)).toBe(false)
  expect(await running()).toBeUndefined()
})

test('a daemon whose home was deleted and made anew restarts as it was started', async () => {
  const port = await freePort()
  expect((await cli.run(['start', '--daemon', '--port', String(port)])).code).toBe(0)
  const records = ['admin.key', 'instance.json', 'lock', 'start.json']
  const before = await readFile(join(cli.home, 'run', 'start.json'), 'utf8')
  await rm(cli.home, { recursive: true })
  await mkdir(cli.home)
  await vi.waitFor(async () => expect((await readdir(join(cli.home, 'run'))).sort()).toEqual(records), 10_000)
  expect(await readFile(join(cli.home, 'run', 'start.json'), 'utf8')).toBe(before)
  expect(urlIn((await cli.run(['restart'])).stdout)).toBe(`http://127.0.0.1:${port}`)
})

test('of several starts at once one listens, and all tell its address', async () => {
  // It may be the one that finds another and ends, so it is read from the start.
  const announced = firstLine(cli.launch(['start', '--port', '0']))
  const others = await Promise.all([
    cli.run(['start', '--daemon', '--port', '0']),
    cli.run(['start', '--daemon', '--port', '0']),
  ])
  expect(others.map((other) => other.code)).toEqual([0, 0])
  const urls = new Set([...others.map((other) => urlIn(other.stdout)), urlIn(await announced)])
  expect([...urls]).toEqual([(await running())?.url])
  // Those that lost are gone: nobody takes the place of the one that runs.
  await cli.run(['stop'])
  for (let look = 0; look < 20; look++) {
    expect(await running()).toBeUndefined()
    await new Promise((resume) => setTimeout(resume, 50))
  }
})

test('a second start while the first lives prints its address and exits 0', async () => {
  const first = cli.launch(['start', '--port', '0'])
  const url = urlIn(await firstLine(first))
  const second = await cli.run(['start', '--port', '0'])
  expect(second).toMatchObject({ code: 0, stderr: '' })
  expect(urlIn(second.stdout)).toBe(url)
  expect(lives(first)).toBe(true)
})

test('a port that somebody else holds is named, with the way out', async () => {
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  try {
    for (const daemon of [[], ['--daemon']]) {
      const { code, stdout, stderr } = await cli.run(['start', '--port', String(port), ...daemon])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^ccr: /)
      expect(stderr).toContain(String(port))
      expect(stderr).toMatch(/choose another port/i)
    }
  } finally {
    stranger.close()
  }
})

test('stop leaves a stranger alone whom stale records name', async () => {
  const innocent = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  try {
    await once(innocent, 'spawn')
    const run = join(cli.home, 'run')
    await mkdir(run, { recursive: true })
    const instanceId = 'i'.repeat(24)
    const port = await freePort()
    const instance = {
      pid: innocent.pid,
      port,
      host: '127.0.0.1',
      url: `http://127.0.0.1:${port}`,
      instanceId,
      version: '0.1.0',
      startedAt: new Date(0).toISOString(),
    }
    await writeFile(join(run, 'instance.json'), JSON.stringify(instance))
    await writeFile(
      join(run, 'start.json'),
      JSON.stringify({ instanceId, options: {}, supervisor: { pid: innocent.pid, start: '123' } }),
    )

    const { code, stdout } = await cli.run(['stop'])
    expect(code).toBe(0)
    expect(stdout).toContain('ccr is not running')
    expect(lives(innocent)).toBe(true)

    const started = await cli.run(['start', '--daemon', '--port', '0'])
    expect(started.code).toBe(0)
    expect(lives(innocent)).toBe(true)
  } finally {
    innocent.stdin.end()
  }
})

test('a killed router is started again by its supervisor, and stop ends both', async () => {
  const port = await freePort()
  await cli.run(['start', '--daemon', '--port', String(port)])
  const before = await running()
  process.kill(before?.pid ?? 0, 'SIGKILL')
  const after = await eventually('another router', async () => {
    const found = await running()
    return found?.pid === before?.pid ? undefined : found
  })
  expect(after.url).toBe(before?.url)
  expect(await readFile(join(cli.home, 'logs', 'supervisor.log'), 'utf8')).toContain(
    `(pid ${before?.pid}) ended by SIGKILL`,
  )

  expect((await cli.run(['stop'])).code).toBe(0)
  expect(await answers(after.url)).toBe(false)
  expect((await cli.run(['status'])).code).toBe(3)
})

test('a router that crashes 3 times within 60 s, and in safe mode again, stays down and says why', async () => {
  await cli.run(['start', '--daemon', '--port', '0'])
  let last: number | undefined
  for (let crash = 1; crash <= 6; crash++) {
    const status = await eventually(`router ${crash}`, async () => {
      const found = await running()
      return found?.pid === last ? undefined : found
    })
    last = status.pid
    process.kill(last, 'SIGKILL')
  }
  const log = await eventually('the reason', async () => {
    const text = await readFile(join(cli.home, 'logs', 'supervisor.log'), 'utf8')
    return text.includes('not started again') ? text : undefined
  })
  const lines = log.trimEnd().split('\n')
  expect(lines.map((line) => line.endsWith('in safe mode'))).toEqual([false, false, true, true, true, false])
  expect((await cli.run(['status'])).code).toBe(3)
})

test('a plugin that an older config names and that nobody has installed is left out, and told of', async () => {
  await cli.writeConfig({ plugins: [{ name: 'token-speed', enabled: true, options: { reporter: 'console' } }] })
  expect(await cli.run(['start', '--daemon', '--port', '0'])).toMatchObject({ code: 0 })
  const told = await cli.run(['status'])
  expect(told.stdout).toMatch(
    /plugin token-speed was left out: .*config\.json:\d+:\d+: the plugin token-speed is not installed/,
  )
  await cli.writeConfig({ LOG: false, plugins: [{ name: 'other', enabled: true }] })
  expect(await cli.run(['reload'])).toMatchObject({ code: 0 })
  expect((await cli.run(['status'])).stdout).toContain('plugin other was left out')
  await cli.writeConfig({ plugins: ['token-speed'] })
  expect(await cli.run(['reload'])).toMatchObject({ code: 1, stderr: expect.stringContaining('token-speed') as string })
})

test('a router that is ending is told of by status, waited for by stop and cut at last', async () => {
  const upstream = createHttpServer(
    (_request, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': \n\n'),
  )
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as { port: number }
  await cli.writeConfig({
    timeouts: { drain: 8_000 },
    Providers: [{ name: 'slow', api_base_url: `http://127.0.0.1:${port}/v1`, api_key: 'k', models: ['m'] }],
  })
  const child = cli.launch(['start', '--port', '0'])
  const url = urlIn(await firstLine(child))
  const body = JSON.stringify({
    model: 'slow,m',
    stream: true,
    max_tokens: 9,
    messages: [{ role: 'user', content: 'x' }],
  })
  const headers = { 'content-type': 'application/json' }
  const asked = fetch(`${url}/v1/messages`, { method: 'POST', headers, body })
    .then((reply) => reply.text())
    .catch(() => 'cut')
  await once(upstream, 'request')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await eventually('the end of listening', async () => ((await running()) ? undefined : true))
  expect(await cli.run(['status'])).toMatchObject({ code: 3, stdout: `ccr is ending (pid ${child.pid})\n` })
  const stopped = await cli.run(['stop'])
  expect(stopped).toMatchObject({ code: 0, stderr: '' })
  expect(stopped.stdout).toContain(`the router (pid ${child.pid}), which no longer answered,`)
  expect((await ended)[0]).toBe(0)
  await asked
  upstream.closeAllConnections()
  upstream.close()
  expect(await cli.run(['stop'])).toMatchObject({ code: 0, stdout: 'ccr is not running\n' })
})

test('a supervised router that no longer answers is killed by stop', async () => {
  await cli.writeConfig({ timeouts: { drain: 100 } })
  await cli.run(['start', '--daemon', '--port', '0'], { CCR_BLOCKED_MS: '0' })
  const before = await running()
  process.kill(before?.pid ?? 0, 'SIGSTOP')
  const blocked = `ccr does not answer (pid ${before?.pid}): something keeps it from turning, perhaps a plugin\n`
  expect(await cli.run(['status'])).toMatchObject({ code: 3, stdout: blocked })
  const stopped = await cli.run(['stop'])
  expect(stopped).toMatchObject({ code: 0, stderr: '' })
  expect(stopped.stdout).toContain('had to be killed')
  expect(() => process.kill(before?.pid ?? 0, 0)).toThrow('ESRCH')
})

test('status tells of a router that its supervisor starts again, also while its start does not end', async () => {
  await cli.writeConfig({ plugins: ['file:./plain.mjs'] })
  const code = `export default definePlugin({
    name: 'plain', apiVersion: 1, description: 'Does nothing.', activate: () => undefined,
    options: Type.Object({}, { additionalProperties: false }),
  })\n`
  const file = join(cli.home, 'plain.mjs')
  await writeFile(file, `import { definePlugin, Type } from '@ccr/sdk'\n${code}`)
  expect(await cli.run(['start', '--daemon', '--port', '0'])).toMatchObject({ code: 0 })
  const before = await running()
  const record = await readFile(join(cli.home, 'run/start.json'), 'utf8')
  const { pid } = (JSON.parse(record) as { supervisor: { pid: number } }).supervisor
  process.kill(before!.pid, 'SIGSTOP')
  await writeFile(file, `import { definePlugin, Type } from '@ccr/sdk'\n${code}while (true);\n`)
  process.kill(before!.pid, 'SIGKILL')
  const log = join(cli.home, 'logs/supervisor.log')
  await eventually('the word of the crash', () => readFile(log, 'utf8').catch(() => undefined))
  const stdout = `ccr is started again (pid ${pid}); ${log} says why\n`
  expect(await cli.run(['status'])).toMatchObject({ code: 3, stdout })
  const { stdout: json } = await cli.run(['status', '--json'])
  expect(JSON.parse(json)).toEqual({ running: false, home: cli.home, pid })
  expect((await cli.run(['stop'])).stdout).toContain(`the supervisor (pid ${pid}), whose router did not answer`)
})

test('restart keeps the arguments and changes the process', async () => {
  const port = await freePort()
  await cli.run(['start', '--daemon', '--port', String(port)])
  const before = await running()
  const restarted = await cli.run(['restart'])
  expect(restarted.code).toBe(0)
  const after = await running()
  expect(after?.url).toBe(before?.url)
  expect(urlIn(restarted.stdout)).toBe(after?.url)
  expect(after?.pid).not.toBe(before?.pid)
})

test('restart with a config that no router would start with leaves the running one alone', async () => {
  await cli.run(['start', '--daemon', '--port', '0'])
  const before = await running()
  for (const config of ['{ oops', { HOST: '0.0.0.0' }, { plugins: [{ use: 'file:./nowhere.ts' }] }]) {
    await cli.writeConfig(config)
    const { code, stdout, stderr } = await cli.run(['restart'])
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
    expect(stderr).toMatch(/^ccr: /)
    expect(await running()).toEqual(before)
  }
})

test.each([
  ['while (true);', ''],
  ['', 'while (true);'],
])('a start that code keeps from ending says whose it is', async (head, activate) => {
  await cli.writeConfig({ plugins: ['file:./loop.ts'] })
  const source = `import { definePlugin, Type } from '@ccr/sdk'
${head}
export default definePlugin({
  name: 'loop', apiVersion: 1, description: 'for a test', options: Type.Object({}),
  activate() { ${activate} },
})`
  await writeFile(join(cli.home, 'loop.ts'), source)
  const child = cli.launch(['start', '--port', '0'])
  const [text] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string]
  const what = head === '' ? 'the activation of file:./loop.ts' : `${cli.home}/loop.ts`
  expect(text).toBe(`ccr: ${what} has run for 5 s, and the start waits for it. Look for a loop there.\n`)
})

test('a start with other options than those of the router that runs says that it keeps its own', async () => {
  const config = await cli.writeConfig({ plugins: [] })
  const [, port] = /:(\d+)$/.exec(urlIn(await firstLine(cli.launch(['start', '--port', '0']))))!
  const other = join(cli.directory, 'other.json')
  const told = async (...args: string[]): Promise<string> => (await cli.run(['start', ...args])).stderr
  const remedy = '`ccr restart` with these options'
  expect(await told('--port', port!)).toBe('')
  expect(await told('--config', config)).toBe('')
  expect(await told('--port', '1')).toBe(`ccr: the running router keeps its address; ${remedy} moves it\n`)
  expect(await told('--config', other)).toBe(`ccr: the running router keeps its config; ${remedy} gives it another\n`)
})

test('restart turns a router of the foreground into a daemon', async () => {
  const child = cli.launch(['start', '--port', '0'])
  await firstLine(child)
  const ended = once(child, 'exit')
  expect((await cli.run(['restart'])).code).toBe(0)
  expect(await ended).toEqual([0, null])
  expect(await running()).toBeDefined()
})

test('what the router runs without is told by every command that starts it, once each', async () => {
  const port = await freePort()
  const provider = { name: 'mine', api_base_url: 'http://127.0.0.1:9', api_key: '$CCR_TEST_UNSET', models: ['m'] }
  const silent = { ...provider, name: 'silent', api_key: undefined, dialect: 'gemini' }
  const plugins = [{ use: 'dialect-gemini', enabled: false }]
  await cli.writeConfig({ PORT: port, Providers: [provider, silent], plugins, Router: { default: 'mine,m' } })
  for (const args of [['start', '--daemon'], ['reload'], ['restart']]) {
    const { code, stderr } = await cli.run(args)
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^ccr: provider mine is disabled: .*CCR_TEST_UNSET is not set.*\n {2}at .*config\.json:\d+:\d+\n/,
    )
    expect(stderr.split('CCR_TEST_UNSET')).toHaveLength(2)
    expect(stderr).toMatch(/^ccr: provider silent was left out: no plugin speaks the dialect 'gemini'/m)
  }
})

test('reload tells the new generation, and the place of a fault without harm to the old one', async () => {
  const port = await freePort()
  const file = await cli.writeConfig({ PORT: port })
  await cli.run(['start', '--daemon'])
  const reloaded = await cli.run(['reload'])
  expect(reloaded).toMatchObject({ code: 0, stderr: '' })
  expect(reloaded.stdout).toMatch(/generation \d+/)

  await cli.writeConfig(`{\n  "PORT": ${port},\n  oops oops\n}\n`)
  const failed = await cli.run(['reload'])
  expect(failed).toMatchObject({ code: 1, stdout: '' })
  expect(failed.stderr).toMatch(/^ccr: /)
  expect(failed.stderr).toContain(`${file}:3:`)
  const status = await cli.run(['status'])
  expect(status.code).toBe(0)
  expect(status.stdout).toContain(`${file}:3:`)
})

test('the reader of its output may leave', async () => {
  const child = cli.launch(['start', '--port', '0'], { npm_lifecycle_event: 'start' })
  const url = urlIn(await firstLine(child))
  child.stdout.destroy()
  child.stderr.destroy()
  const second = await cli.run(['start'])
  expect(urlIn(second.stdout)).toBe(url)
  expect(await answers(url)).toBe(true)
  expect(lives(child)).toBe(true)
})

test('in a pipe to head it runs on after head has left', async () => {
  const node = JSON.stringify(process.execPath)
  const main = JSON.stringify(new URL('../dist/cli/main.js', import.meta.url).pathname)
  const shell = spawn('/bin/sh', ['-c', `${node} ${main} start --port 0 | head -1`], {
    env: { PATH: process.env['PATH'], HOME: cli.directory, CCR_HOME: cli.home, npm_lifecycle_event: 'start' },
  })
  const result = finish(shell)
  const status = await eventually('the router', running)
  expect(await answers(status.url)).toBe(true)
  expect((await cli.run(['stop'])).code).toBe(0)
  expect(urlIn((await result).stdout)).toBe(status.url)
})
