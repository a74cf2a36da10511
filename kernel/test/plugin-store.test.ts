import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pluginAdd } from '../src/cli/plugin/add.ts'
import { pluginEnable } from '../src/cli/plugin/enable.ts'
import { pluginInfo } from '../src/cli/plugin/info.ts'
import { pluginList, type ListedPlugin } from '../src/cli/plugin/list.ts'
import { pluginRemove } from '../src/cli/plugin/remove.ts'
import { pluginUpdate } from '../src/cli/plugin/update.ts'
import type { LockEntry } from '../src/load/lock.ts'
import { endpointSaying, type PackageDraft } from './support/plugin-packages.ts'
import { createPluginWorld, type PluginWorld } from './support/plugin-world.ts'

let world: PluginWorld
beforeEach(async () => void (world = await createPluginWorld()))
afterEach(() => world.dispose())

const GUARD: PackageDraft = {
  name: 'ccr-plugin-guard',
  hooks: ['onRequest'],
  activate: `ctx.on('onRequest', () => undefined); ${endpointSaying('guard', '"on guard"')}`,
}

async function add(draft: PackageDraft): Promise<void> {
  const { file, agreed } = await world.archive(draft)
  await world.said((context) => pluginAdd(context, file, agreed))
}

/** The folder of the only version of a package. */
async function folderOf(name: string): Promise<string> {
  const folder = join(world.home, 'plugins', 'store', name)
  return join(folder, (await readdir(folder))[0]!)
}

async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[bytes.length - 3]! ^= 1
  await writeFile(file, bytes)
}

async function changeLock(change: (pin: Record<string, unknown>) => void): Promise<void> {
  const file = join(world.home, 'ccr.lock.json')
  const lock = JSON.parse(await readFile(file, 'utf8')) as { plugins: (LockEntry & Record<string, unknown>)[] }
  lock.plugins.forEach(change)
  await writeFile(file, JSON.stringify(lock))
}

async function listed(name: string): Promise<ListedPlugin | undefined> {
  const text = await world.said((context) => pluginList(context, { json: true }))
  return (JSON.parse(text) as ListedPlugin[]).find(({ plugin }) => plugin === name)
}

describe('S17: a store whose files are not those of the lock', () => {
  test('has the changed plugin refused at load, while the others run, until it is added again', async () => {
    await add({ name: 'ccr-plugin-good' })
    const { file, agreed } = await world.archive({ name: 'ccr-plugin-bad' })
    await pluginAdd(world.context, file, agreed)
    await flipByte(join(await folderOf('ccr-plugin-bad'), 'dist/index.js'))
    await world.start()
    expect(await world.ask('good')).toBe('1.0.0')
    expect(await world.ask('bad')).toBeUndefined()
    const [failure] = (await world.report()).failures.filter(({ subject }) => subject === 'bad')
    expect(failure).toMatchObject({ subject: 'bad', code: 'CCR_PLUGIN_INTEGRITY' })
    expect(failure!.message).toContain('ccr plugin add')
    expect(await listed('bad')).toMatchObject({ origin: 'added', state: 'left out' })

    // What was left out at the start keeps nobody from changing anything else.
    await pluginEnable(world.context, 'good', false)
    expect(await world.ask('good')).toBeUndefined()
    await pluginAdd(world.context, file, { yes: true })
    expect(await world.ask('bad')).toBe('1.0.0')
    expect(agreed.integrity).toMatch(/^sha512-/)
  })

  test.each<[string, (folder: string) => Promise<unknown>]>([
    ['a file more', (folder) => writeFile(join(folder, 'dist/more.js'), '')],
    ['a file less', (folder) => rm(join(folder, 'dist/manifest.json'))],
    ['no folder', (folder) => rm(folder, { recursive: true })],
    ['another manifest', (folder) => flipByte(join(folder, 'dist/manifest.json'))],
    [
      'a dependency more',
      (folder) =>
        mkdir(join(folder, 'node_modules/x'), { recursive: true }).then(() =>
          writeFile(join(folder, 'node_modules/x/index.js'), ''),
        ),
    ],
  ])('keeps the router from starting without a plugin that guards it: %s', async (_, tamper) => {
    await add(GUARD)
    await tamper(await folderOf(GUARD.name))
    await expect(world.start()).rejects.toMatchObject({ code: 'CCR_PLUGIN_INTEGRITY', plugin: 'guard' })
  })

  test('leaves the running plugin as it is, and refuses the reload', async () => {
    await add(GUARD)
    const router = await world.start()
    await flipByte(join(await folderOf(GUARD.name), 'dist/index.js'))
    await expect(router.reload()).rejects.toMatchObject({ code: 'CCR_PLUGIN_INTEGRITY' })
    expect(await world.ask('guard')).toBe('on guard')
  })
})

describe('a plugin that does more than was agreed to', () => {
  test('is refused with the command that grants it when the lock lacks a capability', async () => {
    const draft = { name: 'ccr-plugin-reach', hooks: ['onRequest'], capabilities: ['network:api.example.com', 'files'] }
    const { file, agreed } = await world.archive(draft)
    await pluginAdd(world.context, file, agreed)
    await changeLock((pin) => (pin['capabilities'] = ['files']))
    await expect(world.start()).rejects.toMatchObject({
      code: 'CCR_PLUGIN_GRANT',
      message: expect.stringMatching(/network:api\.example\.com.*`ccr plugin update ccr-plugin-reach`/) as string,
    })
    await pluginUpdate(world.context, 'reach', agreed)
    expect(world.lines.join('\n')).toMatch(/capabilities +\+ network:api\.example\.com/)
    await world.start()
    expect(await world.ask('reach')).toBe('1.0.0')
  })

  test('is refused when its code takes part in a hook that its manifest does not say', async () => {
    await world.start()
    const { file, agreed } = await world.archive({ ...GUARD, hooks: [] })
    await expect(pluginAdd(world.context, file, agreed)).rejects.toMatchObject({
      message: expect.stringContaining('takes part in onRequest, which its manifest does not say') as string,
    })
    expect(await listed('guard')).toBeUndefined()
  })

  test('is refused when its code declares a capability that its manifest does not say', async () => {
    const { file, agreed } = await world.archive({
      name: 'ccr-plugin-liar',
      capabilities: ['files'],
      manifest: { capabilities: [] },
    })
    await expect(pluginAdd(world.context, file, agreed)).rejects.toMatchObject({ code: 'CCR_PLUGIN_GRANT' })
  })
})

describe('a damaged lock', () => {
  test.each([
    ['is no JSON', '{'],
    ['is of a newer version', '{ "lockVersion": 2, "plugins": [] }'],
    ['has another form', '{ "lockVersion": 1, "plugins": [{ "name": "x" }] }'],
  ])('that %s is told, and nothing starts without knowing what was agreed to', async (_, text) => {
    await writeFile(join(world.home, 'ccr.lock.json'), text)
    await expect(world.start()).rejects.toMatchObject({
      code: 'CCR_PLUGIN_INTEGRITY',
      at: join(world.home, 'ccr.lock.json'),
    })
  })
})

describe('what commands leave behind', () => {
  test('remains of a command that was killed go with the next one', async () => {
    await add({ name: 'ccr-plugin-good' })
    const store = join(world.home, 'plugins', 'store')
    // No process has this id: it is beyond what systems give.
    const dead = join(store, '.staging-2147483646-aa')
    const alive = join(store, `.staging-${process.ppid}-bb`)
    const unreferenced = join(store, '@acme', 'gone', '1.0.0-00000000')
    for (const folder of [dead, alive, unreferenced]) await mkdir(folder, { recursive: true })
    await add({ name: 'ccr-plugin-next' })
    expect((await readdir(store)).sort()).toEqual([`.staging-${process.ppid}-bb`, 'ccr-plugin-good', 'ccr-plugin-next'])
  })

  test('a lock of a process that has ended is taken over', async () => {
    await mkdir(join(world.home, 'run'), { recursive: true })
    await writeFile(join(world.home, 'run', 'change.lock'), JSON.stringify({ pid: 2147483646, start: '1' }))
    await add({ name: 'ccr-plugin-good' })
    expect(await listed('good')).toMatchObject({ state: 'on' })
  })
})

describe('looking at plugins', () => {
  test('list tells where each comes from and what it takes part in', async () => {
    await add(GUARD)
    await pluginEnable(world.context, 'surface-models', false)
    expect(await listed('guard')).toMatchObject({
      version: '1.0.0',
      origin: 'added',
      state: 'on',
      hooks: ['onRequest'],
    })
    expect(await listed('surface-models')).toMatchObject({ origin: 'bundled', state: 'off' })
    expect(await world.said((context) => pluginList(context, { hooks: true }))).toMatch(/^onRequest +guard$/m)
    expect(await world.said((context) => pluginList(context, {}))).toMatch(/^guard +1\.0\.0 +added +on +onRequest$/m)
    expect(await world.said((context) => pluginInfo(context, 'guard', {}))).toContain('hooks         onRequest')
    expect(await world.said((context) => pluginInfo(context, 'provider-demo', {}))).toContain(
      '@ccr/plugin-provider-demo',
    )
  })

  test('nothing that a package says reaches the terminal as a control character', async () => {
    const { file } = await world.archive({ name: 'ccr-plugin-odd', manifest: { description: 'a\u001b[2Jb\u202ec' } })
    const shown = await world.said((context) => pluginInfo(context, file, {}))
    expect(shown).toContain('a?[2Jb?c')
    expect(shown).not.toMatch(/[\u001b\u202e]/)
  })

  test('names that are not there are told with the nearest one', async () => {
    await add({ name: 'ccr-plugin-good' })
    await expect(pluginRemove(world.context, 'goood')).rejects.toMatchObject({ code: 'CCR_PLUGIN_UNKNOWN' })
    await expect(pluginEnable(world.context, 'goood', true)).rejects.toMatchObject({
      message: expect.stringContaining('Did you mean good?') as string,
    })
  })
})

describe('a lock that was written by hand', () => {
  test.each([
    ['name', '../../evil'],
    ['version', '../../../evil'],
    ['version', '1.0.0-\u001b[31m'],
  ])('is refused when its %s is %j', async (key, value) => {
    await add({ name: 'ccr-plugin-good' })
    await changeLock((pin) => void (pin[key] = value))
    await expect(pluginList(world.context, {})).rejects.toMatchObject({ code: 'CCR_PLUGIN_INTEGRITY' })
  })
})
