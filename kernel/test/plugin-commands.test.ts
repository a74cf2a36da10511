import { once } from 'node:events'
import { writeFileSync as writeFileNow } from 'node:fs'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import JSON5 from 'json5'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { changeConfig } from '../src/cli/config-change.ts'
import { withChangeLock } from '../src/cli/change-lock.ts'
import { pluginAdd } from '../src/cli/plugin/add.ts'
import { pluginEnable } from '../src/cli/plugin/enable.ts'
import { pluginRemove } from '../src/cli/plugin/remove.ts'
import { pluginUpdate } from '../src/cli/plugin/update.ts'
import { callAdmin } from '../src/cli/admin.ts'
import { setInConfig } from '../src/config/edit.ts'
import { readState } from '../src/config/draft.ts'
import { createCli, type Cli } from './cli-harness.ts'
import { integrityOf, packPackage } from './support/plugin-packages.ts'
import { createPluginWorld, until, type PluginWorld } from './support/plugin-world.ts'

describe('the command line', { timeout: 60_000 }, () => {
  let cli: Cli
  beforeEach(async () => void (cli = await createCli()))
  afterEach(() => cli.dispose())

  test('adds and removes a plugin, and says what is missing with exit code 1', async () => {
    const bytes = await packPackage(cli.directory, { name: 'ccr-plugin-shout' })
    await writeFile(join(cli.directory, 'shout.tgz'), bytes)
    const asked = await cli.run(['plugin', 'add', './shout.tgz', '--yes'])
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('add --integrity sha512-') as string })
    expect(asked.stdout).toContain('ccr-plugin-shout 1.0.0 (plugin shout)')
    const added = await cli.run(['plugin', 'add', './shout.tgz', '--yes', '--integrity', integrityOf(bytes)])
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('added ccr-plugin-shout 1.0.0') as string })
    expect(await cli.run(['plugin', 'remove', 'shout'])).toMatchObject({ code: 0 })
    expect(JSON.parse(await readFile(join(cli.home, 'config.json'), 'utf8'))).toEqual({ plugins: [] })
  })

  test('row 141: killed while it fetches, leaves no more than a folder that the next command removes', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const env = { npm_config_registry: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/` }
      const add = cli.launch(['plugin', 'add', 'shout', '--allow-private-addresses'], env)
      await until('the registry was asked', async () => sockets.length > 0)
      add.kill('SIGKILL')
      await once(add, 'exit')
    } finally {
      silent.close()
      for (const socket of sockets) socket.destroy()
    }
    const store = join(cli.home, 'plugins', 'store')
    expect((await readdir(store)).every((name) => name.startsWith('.staging-'))).toBe(true)
    const bytes = await packPackage(cli.directory, { name: 'ccr-plugin-shout' })
    await writeFile(join(cli.directory, 'shout.tgz'), bytes)
    await cli.run(['plugin', 'add', './shout.tgz', '--yes', '--integrity', integrityOf(bytes)])
    expect(await readdir(store)).toEqual(['ccr-plugin-shout'])
  })
})

describe('what the router runs without', () => {
  let world: PluginWorld
  beforeEach(async () => void (world = await createPluginWorld()))
  afterEach(() => world.dispose())

  test('is told by every command that changes the plugins in use, and by none that changes nothing', async () => {
    const keyless = { name: 'keyless', api_base_url: 'http://127.0.0.1:9/', api_key: '$NOT_SET', models: ['m'] }
    const chat = { ...keyless, name: 'chat', api_key: 'k' }
    await world.configure({ Providers: [keyless, chat], Router: { default: 'demo,demo' } })
    const { file, agreed } = await world.archive({ name: 'ccr-plugin-shout' })
    await world.start()
    const told = /^ccr: provider keyless is disabled: .*NOT_SET/m
    expect(await world.said((context) => pluginEnable(context, 'dialect-gemini', false))).toMatch(told)
    const off = await world.said((context) => pluginEnable(context, 'dialect-openai', false))
    expect(off).toMatch(/^dialect-openai is off: generation \d+ is live\nccr: /)
    expect(off).toMatch(/^ccr: provider chat was left out: .*dialect/m)
    expect(await world.said((context) => pluginEnable(context, 'dialect-openai', false))).not.toMatch(/^ccr:/m)
    const on = await world.said((context) => pluginEnable(context, 'dialect-openai', true))
    expect(on).toMatch(told)
    expect(on).not.toContain('provider chat')
    expect(await world.said((context) => pluginAdd(context, file, agreed))).toMatch(told)
    await world
      .archive({ name: 'ccr-plugin-shout', version: '1.0.1', says: 'more' })
      .then((next) => rename(next.file, file))
    const renewed = { yes: true, allowFresh: true, integrity: integrityOf(await readFile(file)) }
    expect(await world.said((context) => pluginUpdate(context, 'shout', renewed))).toMatch(told)
    expect(await world.said((context) => pluginRemove(context, 'shout'))).toMatch(told)
  })
})

describe('a change of the config', () => {
  let world: PluginWorld
  beforeEach(async () => void (world = await createPluginWorld()))
  afterEach(() => world.dispose())

  test('that many commands make at once loses no edit, with a router and without one', async () => {
    await world.configure('{\n  profiles: {}, // by name\n}\n')
    const name = async (one: string): Promise<unknown> =>
      changeConfig(world.context, { config: (text) => setInConfig(text, `/profiles/${one}`, {}) })
    await Promise.all(['a', 'b', 'c'].map(name))
    await world.start()
    await Promise.all(['d', 'e', 'f'].map(name))
    const text = await world.config()
    const { profiles } = JSON5.parse(text) as { readonly profiles: object }
    expect(Object.keys(profiles).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(text).toContain('// by name')
  })

  test('is refused with its place when the router would not start with it, with a router and without one', async () => {
    await world.configure('{ LOG_LEVEL: "warn" }')
    const before = await world.snapshot()
    const wrong = (): Promise<unknown> =>
      changeConfig(world.context, { config: (text) => setInConfig(text, '/LOG_LEVEL', 'loud') })
    const fault = { code: 'CCR_CONFIG_SCHEMA', at: `${join(world.home, 'config.json')}:1:14` }
    await expect(wrong()).rejects.toMatchObject(fault)
    await world.start()
    await expect(wrong()).rejects.toMatchObject(fault)
    expect(await world.snapshot()).toEqual(before)
  })

  test('is made anew from what somebody else has written meanwhile', async () => {
    await world.configure('{ LOG_LEVEL: "warn" }')
    await world.start()
    let edits = 0
    await changeConfig(world.context, {
      config: (text) => {
        edits++
        // The user's editor saves between the reading and the change.
        if (edits === 1) writeFileNow(join(world.home, 'config.json'), '{ LOG_LEVEL: "error" }')
        return setInConfig(text, '/LOG', true)
      },
    })
    expect(edits).toBe(2)
    expect(await world.config()).toContain('"error"')
  })

  test('that is not one is refused by the router', async () => {
    const { url } = await world.start()
    const put = async (body: object): Promise<number> =>
      (await callAdmin(world.home, url, 'PUT', '/api/config', 10_000, body)).status
    const { version } = await readState(world.home)
    expect(await put({})).toBe(400)
    expect(await put({ version, config: 1 })).toBe(400)
    expect(await put({ version: 'another', config: '{}' })).toBe(412)
    expect(await put({ version, config: '{' })).toBe(422)
    expect(await put({ version, config: '{}' })).toBe(200)
    expect((await fetch(`${url}/api/config`)).status).toBe(401)
  })

  test('waits for another one no longer than it may', async () => {
    await withChangeLock(world.context, async () => {
      await expect(withChangeLock(world.context, async () => undefined, 50)).rejects.toMatchObject({
        code: 'CCR_CONFIG_EDIT',
        at: join(world.home, 'run', 'change.lock'),
      })
    })
  })
})
