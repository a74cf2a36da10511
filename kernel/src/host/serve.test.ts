import { existsSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findRunning } from './process/instance.ts'
import { serve, type Running, type ServeOptions } from './serve.ts'

const CANARY = 'sk-CANARYPROV0123456789abcdef'

let home: string
const disposers: (() => unknown)[] = []
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-serve-'))
})
afterEach(async () => {
  for (const dispose of disposers.splice(0).reverse()) await dispose()
  await rm(home, { recursive: true, force: true })
})

async function start(options: Partial<ServeOptions> = {}): Promise<Running> {
  const running = await serve({ home, port: 0, env: {}, version: '1.2.3', ...options })
  disposers.push(() => running.close({ graceMs: 0 }))
  return running
}

async function configure(config: object | string): Promise<void> {
  await writeFile(join(home, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config, null, 2))
}

describe('a start in an empty home', () => {
  it('answers a request, and says who it is', async () => {
    let ready: { readonly running: Running; readonly isKnown: boolean } | undefined
    const onReady = (one: Running): void => {
      ready = { running: one, isKnown: existsSync(join(home, 'run/instance.json')) }
    }
    const running = await start({ onReady })
    // Whoever looks for a router finds one whose owner has been told of it.
    expect(ready).toEqual({ running, isKnown: false })
    const health = await json(`${running.url}/health`)
    expect(health).toEqual({
      status: 'ok',
      version: '1.2.3',
      instance: running.instanceId,
      generation: 1,
      inFlight: 0,
      queued: 0,
      config: {},
      degraded: [],
    })
    const answer = await message(running)
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' })
    expect(await findRunning(home)).toMatchObject({
      pid: process.pid,
      port: running.port,
      url: running.url,
      instanceId: running.instanceId,
      version: '1.2.3',
      host: '127.0.0.1',
    })
  })

  it('tells a browser what runs here, with no key and nothing of its own', async () => {
    await configure({ APIKEY: 'key-of-the-router' })
    const { url } = await start()
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8'])
    expect(await answer.text()).toMatch(/^ccr runs here[^\n]*`ccr status`[^\n]*\n$/)
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), head.headers.get('content-length')]).toEqual([
      200,
      null,
      '0',
    ])
  })

  it('makes nothing that others can read, whatever the umask', async () => {
    const umask = process.umask(0)
    disposers.push(() => process.umask(umask))
    await rm(home, { recursive: true })
    const running = await start()
    await message(running)
    await running.close()
    const names = await readdir(home, { recursive: true })
    expect(names).toEqual(expect.arrayContaining([join('logs', 'claude-code-router.log'), join('run', 'admin.key')]))
    for (const name of ['.', ...names]) expect([name, (await stat(join(home, name))).mode & 0o077]).toEqual([name, 0])
  })

  it('narrows what was open, and says so in the log', async () => {
    await mkdir(join(home, 'run'), { mode: 0o755 })
    await writeFile(join(home, 'run', 'admin.key'), `${'a'.repeat(64)}\n`, { mode: 0o644 })
    const running = await start()
    expect((await stat(join(home, 'run', 'admin.key'))).mode & 0o077).toBe(0)
    await running.close()
    expect(await serverLog()).toContain('admin.key was open to others')
  })

  it('says what is open to others and not its own: where a link leads, and a config of elsewhere', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'ccr-elsewhere-'))
    disposers.push(() => rm(elsewhere, { recursive: true }))
    const linked = join(elsewhere, 'linked.json')
    const given = join(elsewhere, 'given.json')
    for (const file of [linked, given]) await writeFile(file, '{}', { mode: 0o644 })
    await symlink(linked, join(home, 'config.json'))
    await (await start()).close()
    expect(await serverLog()).toContain('config.json leads to a file that is open to others (mode 644)')
    await (await start({ configFile: given })).close()
    expect(await serverLog()).toContain('given.json is open to others (mode 644)')
    for (const file of [linked, given]) expect((await stat(file)).mode & 0o077).toBe(0o044)
  })

  it.runIf(process.getuid !== undefined)('says in the log once a start that it runs as root', async () => {
    const uid = vi.spyOn(process, 'getuid')
    disposers.push(() => uid.mockRestore())
    const said = async () => (await serverLog()).match(/runs as root/g) ?? []
    uid.mockReturnValue(1000)
    await (await start()).close()
    expect(await said()).toEqual([])
    uid.mockReturnValue(0)
    const running = await start()
    await running.reload()
    await running.close()
    expect(await said()).toHaveLength(1)
  })

  it('leaves no trace of a running router when it stops', async () => {
    const running = await start()
    await running.close()
    await running.closed
    expect(await readdir(join(home, 'run'))).toEqual(['admin.key'])
    await expect(fetch(`${running.url}/health`)).rejects.toThrow()
  })
})

describe('one router per home', () => {
  it('lets one of two starts win', async () => {
    const results = await Promise.allSettled([start(), start(), start()])
    const won = results.filter((result) => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CCR_HOST_INSTANCE' })
    expect(await findRunning(home)).toMatchObject({ instanceId: won[0]!.value.instanceId })
  })

  it('is known again to a home that was deleted and made anew', async () => {
    const running = await start()
    const key = await readFile(join(home, 'run', 'admin.key'), 'utf8')
    await rm(home, { recursive: true })
    await mkdir(home)
    await vi.waitFor(async () => expect(await findRunning(home)).toMatchObject({ url: running.url }), 10_000)
    expect(await readFile(join(home, 'run', 'admin.key'), 'utf8')).toBe(key)
    await running.close()
    expect(await readdir(join(home, 'run'))).toEqual(['admin.key'])
  })

  it('has the key of its commands again where that alone was removed', async () => {
    await start()
    const file = join(home, 'run', 'admin.key')
    const key = await readFile(file, 'utf8')
    await rm(file)
    await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toBe(key), 10_000)
  })

  it('names the router that runs', async () => {
    const running = await start()
    await expect(start()).rejects.toMatchObject({
      code: 'CCR_HOST_INSTANCE',
      message: expect.stringContaining(running.url) as unknown,
    })
    expect((await fetch(`${running.url}/health`)).status).toBe(200)
  })
})

describe('a start that is refused', () => {
  it('names the port that a stranger holds, and leaves the home free', async () => {
    const stranger = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    disposers.push(() => stranger.close())
    const { port } = stranger.address() as AddressInfo
    await expect(start({ port })).rejects.toMatchObject({
      code: 'CCR_HOST_LISTEN',
      message: expect.stringContaining(`port ${port} is taken by another program`) as unknown,
    })
    await start()
  })

  it('names the router of another home that holds the port', async () => {
    const { port, url } = await start()
    const other = await mkdtemp(join(tmpdir(), 'ccr-serve-'))
    disposers.push(() => rm(other, { recursive: true }))
    await expect(start({ home: other, port })).rejects.toMatchObject({
      code: 'CCR_HOST_LISTEN',
      message: expect.stringContaining(`the router of another home, at ${url}`) as unknown,
    })
  })

  it.each([
    ['0.0.0.0', undefined],
    ['0.0.0.0', 'short'],
    ['::', undefined],
    ['192.168.1.5', undefined],
  ])('does not listen on %s with the key %s', async (host, key) => {
    await configure({ ...(key !== undefined && { APIKEY: key }) })
    await expect(start({ host })).rejects.toMatchObject({ code: 'CCR_HOST_BIND' })
    expect(await readdir(home)).toEqual(['config.json'])
  })

  it('listens everywhere with a long key, and asks for it', async () => {
    await configure({ APIKEY: 'a-key-of-24-characters-or-more', HOST: '0.0.0.0' })
    const running = await start()
    expect(running.url).toBe(`http://127.0.0.1:${running.port}`)
    expect((await message(running)).status).toBe(401)
    expect((await message(running, { 'x-api-key': 'a-key-of-24-characters-or-more' })).status).toBe(200)
  })

  it('does not start with a plugin that cannot be loaded, and leaves the home free', async () => {
    await writeFile(join(home, 'broken.ts'), 'export default {')
    await configure({ plugins: ['file:./broken.ts'] })
    await expect(start()).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD' })
    await configure({})
    await start()
  })

  it('does not start with a config that cannot be parsed, and leaves it as it is', async () => {
    await configure('{ "PORT": 1,, }')
    await expect(start()).rejects.toMatchObject({
      code: 'CCR_CONFIG_SYNTAX',
      at: expect.stringContaining('config.json:1:') as unknown,
    })
    expect(await readFile(join(home, 'config.json'), 'utf8')).toBe('{ "PORT": 1,, }')
  })
})

describe('reload', () => {
  it('takes a changed config without a restart', async () => {
    const running = await start()
    await configure({ APIKEY: 'new-key-0123456789' })
    await running.reload()
    expect(await json(`${running.url}/health`)).toMatchObject({ generation: 2 })
    expect((await message(running)).status).toBe(401)
    expect((await message(running, { authorization: 'Bearer new-key-0123456789' })).status).toBe(200)
  })

  it('keeps the good config when the new one is broken, and tells why until it is mended', async () => {
    const running = await start()
    await configure('{ "PORT": ')
    await expect(running.reload()).rejects.toMatchObject({ code: 'CCR_CONFIG_SYNTAX' })
    expect((await message(running)).status).toBe(200)
    expect(await json(`${running.url}/health`)).toMatchObject({
      generation: 1,
      config: { lastError: { code: 'CCR_CONFIG_SYNTAX' } },
    })
    const refused = await admin(running, 'POST', '/api/reload')
    expect(refused).toMatchObject({
      status: 422,
      body: {
        type: 'error',
        error: { code: 'CCR_CONFIG_SYNTAX', at: expect.stringContaining('config.json:1:') as unknown },
      },
    })
    expect(await admin(running, 'GET', '/api/generation')).toMatchObject({
      status: 200,
      body: { generation: 1, state: 'live', lastError: { code: 'CCR_CONFIG_SYNTAX' } },
    })
    await configure({})
    const report = await admin(running, 'POST', '/api/reload')
    expect(report).toMatchObject({
      status: 200,
      body: { generation: 2, draining: [], failures: [], disabledProviders: [] },
    })
    expect(report.body).not.toHaveProperty('lastError')
  })

  it('keeps the running generation when a plugin cannot be loaded', async () => {
    const running = await start()
    await configure({ plugins: ['no-such-plugin'] })
    await expect(running.reload()).rejects.toMatchObject({ code: 'CCR_PLUGIN_UNKNOWN' })
    expect((await message(running)).status).toBe(200)
  })

  it('wants the admin key, and JSON or nothing', async () => {
    await configure({ APIKEY: 'data-key-0123456789' })
    const running = await start()
    const ask = (headers: Record<string, string>, body?: string): Promise<number> =>
      fetch(`${running.url}/api/reload`, { method: 'POST', headers, ...(body !== undefined && { body }) }).then(
        (response) => response.status,
      )
    const key = (await readFile(join(home, 'run', 'admin.key'), 'utf8')).trim()
    expect(await ask({})).toBe(401)
    expect(await ask({ 'x-api-key': 'data-key-0123456789' })).toBe(403)
    expect(await ask({ 'x-api-key': key, 'content-type': 'text/plain' }, '{}')).toBe(415)
    expect(await ask({ 'x-api-key': key, 'content-type': 'application/json; charset=utf-8' }, '{}')).toBe(200)
    expect(await ask({ authorization: `Bearer ${key}` })).toBe(200)
    const changes = [
      ['PUT', '/api/config'],
      ['POST', '/api/dev'],
      ['POST', '/api/route/explain'],
    ] as const
    for (const [method, path] of changes)
      for (const [type, status] of Object.entries({
        'application/x-www-form-urlencoded': 415,
        'application/json': 400,
      })) {
        const headers = { 'x-api-key': key, 'content-type': type }
        expect([path, (await fetch(running.url + path, { method, headers, body: '{}' })).status]).toEqual([
          path,
          status,
        ])
      }
  })
})

describe('logs', () => {
  it('tell route, attempt, commit and the end of an exchange, and no secret', async () => {
    await configure({
      APIKEY: CANARY,
      Providers: [{ name: 'dead', api_base_url: 'http://127.0.0.1:9/v1', api_key: `${CANARY}-2`, models: ['m'] }],
      Router: { default: 'dead,m' },
    })
    const running = await start()
    expect((await message(running, { 'x-api-key': CANARY }, 'dead,m')).status).toBe(502)
    expect((await message(running, { 'x-api-key': CANARY }, 'CANARYPROMPT')).status).toBeGreaterThan(0)
    await running.close()
    const routing = (await readFile(join(home, 'claude-code-router.log'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; request: string })
    expect(routing.map(({ event }) => event)).toEqual(expect.arrayContaining(['route', 'attempt', 'done']))
    for (const { request } of routing) expect(request).toMatch(/^req_/)
    const everything = (await serverLog()) + JSON.stringify(routing)
    expect(everything).not.toContain(CANARY)
  })

  it('grow in a folder that nobody watches; the home has a link to them', async () => {
    const running = await start()
    await message(running)
    await running.close()
    expect((await lstat(join(home, 'claude-code-router.log'))).isSymbolicLink()).toBe(true)
    expect((await lstat(join(home, 'logs', 'claude-code-router.log'))).isFile()).toBe(true)
  })

  it('go on with the log that an earlier version left in the home', async () => {
    await writeFile(join(home, 'claude-code-router.log'), 'before\n', { mode: 0o600 })
    const running = await start()
    await message(running)
    await running.close()
    const text = await readFile(join(home, 'claude-code-router.log'), 'utf8')
    expect(text).toMatch(/^before\n/)
    expect(text).toContain('"event":"done"')
    expect((await lstat(join(home, 'claude-code-router.log'))).isSymbolicLink()).toBe(true)
  })

  it('leave alone what else stands where the link would', async () => {
    await symlink('/dev/null', join(home, 'claude-code-router.log'))
    const running = await start()
    await message(running)
    await running.close()
    expect(await readlink(join(home, 'claude-code-router.log'))).toBe('/dev/null')
    expect(await readFile(join(home, 'logs', 'claude-code-router.log'), 'utf8')).toContain('"event":"done"')
  })

  it('are not written with LOG: false, and begin when it is switched on', async () => {
    await configure({ LOG: false })
    const running = await start()
    await message(running)
    expect(await readdir(home)).not.toContain('claude-code-router.log')
    await configure({ LOG: true })
    await running.reload()
    await message(running)
    await running.close()
    expect(await readFile(join(home, 'claude-code-router.log'), 'utf8')).toContain('"event":"done"')
  })

  it.runIf(process.platform === 'linux')('that cannot be written degrade the router, and nothing else', async () => {
    await mkdir(join(home, 'logs'))
    await symlink('/dev/full', join(home, 'logs', 'claude-code-router.log'))
    const running = await start()
    const degraded = async (): Promise<unknown> =>
      ((await json(`${running.url}/health`)) as { degraded: unknown }).degraded
    let seen: unknown
    for (let tries = 0; tries < 100 && String(seen) !== 'logs'; tries++) {
      expect((await message(running)).status).toBe(200)
      seen = await degraded()
    }
    expect(seen).toEqual(['logs'])
  })

  it('that cannot be opened degrade the router too', async () => {
    await writeFile(join(home, 'logs'), 'a file, not a directory')
    const running = await start()
    expect((await message(running)).status).toBe(200)
    expect(await json(`${running.url}/health`)).toMatchObject({ degraded: ['logs'] })
  })

  it('keep the newest ten files', async () => {
    await mkdir(join(home, 'logs'))
    const full = 'ccr-2020-01-12T00-00-00.000Z.log.1'
    for (let day = 10; day < 25; day++) await writeFile(join(home, 'logs', `ccr-2020-01-${day}T00-00-00.000Z.log`), '')
    for (const name of [full, full.replace('12T', '20T')]) await writeFile(join(home, 'logs', name), '')
    await start()
    const names = (await readdir(join(home, 'logs'))).filter((name) => name.startsWith('ccr-')).sort()
    expect(names.filter((name) => name.endsWith('.log'))).toHaveLength(10)
    expect(names[0]).toBe('ccr-2020-01-16T00-00-00.000Z.log')
    expect(names.filter((name) => name.endsWith('.1'))).toEqual([full.replace('12T', '20T')])
  })
})

async function serverLog(): Promise<string> {
  const names = (await readdir(join(home, 'logs'))).filter((name) => name.startsWith('ccr-')).sort()
  return readFile(join(home, 'logs', names.at(-1)!), 'utf8')
}

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

async function admin(running: Running, method: string, path: string): Promise<{ status: number; body: unknown }> {
  const key = (await readFile(join(home, 'run', 'admin.key'), 'utf8')).trim()
  const response = await fetch(running.url + path, { method, headers: { 'x-api-key': key } })
  return { status: response.status, body: await response.json() }
}

async function message(
  running: Running,
  headers: Record<string, string> = {},
  model = 'claude-sonnet-4-5',
): Promise<{ status: number; body: unknown }> {
  const body = JSON.stringify({ model, max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] })
  const type = { 'content-type': 'application/json' }
  const response = await fetch(`${running.url}/v1/messages`, { method: 'POST', headers: { ...type, ...headers }, body })
  return { status: response.status, body: await response.json() }
}
