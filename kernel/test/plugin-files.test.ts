import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import JSON5 from 'json5'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pluginAdd } from '../src/cli/plugin/add.ts'
import { pluginEnable } from '../src/cli/plugin/enable.ts'
import { pluginInfo } from '../src/cli/plugin/info.ts'
import { pluginManifest } from '../src/cli/plugin/manifest.ts'
import { pluginRemove } from '../src/cli/plugin/remove.ts'
import { pluginTest } from '../src/cli/plugin/test.ts'
import { pluginUpdate } from '../src/cli/plugin/update.ts'
import { createPluginWorld, type PluginWorld } from './support/plugin-world.ts'
import { packageFiles, writePackage } from './support/plugin-packages.ts'

let world: PluginWorld
beforeEach(async () => void (world = await createPluginWorld()))
afterEach(() => world.dispose())

describe('a plugin that the config names by its path', () => {
  beforeEach(async () => {
    const code = packageFiles({ name: 'ccr-plugin-shout', says: 'LOUD' })['dist/index.js']!
    await writeFile(join(world.home, 'any $1.ts'), code)
    await world.configure("{ plugins: ['route-custom', 'file:./any $$1.ts'] }")
  })
  const entries = async (): Promise<readonly unknown[]> =>
    (JSON5.parse(await world.config()) as { readonly plugins: readonly unknown[] }).plugins

  test('is switched off and on again by its own name, without a router and with one', async () => {
    const off = { use: 'file:./any $$1.ts', enabled: false }
    await world.said((context) => pluginEnable(context, 'shout', false))
    expect(await entries()).toEqual(['route-custom', off])
    await world.said((context) => pluginEnable(context, 'shout', true))
    expect(await entries()).toEqual(['route-custom', { ...off, enabled: true }])
    await world.start()
    expect(await world.ask('shout')).toBe('LOUD')
    await world.said((context) => pluginEnable(context, 'shout', false))
    expect(await world.ask('shout')).toBeUndefined()
    expect(await world.said((context) => pluginEnable(context, 'shout', false))).toBe('shout is off already')
  })

  test('is shown by its own name and by that of its entry', async () => {
    for (const name of ['shout', 'file:./any $$1.ts']) {
      const said = await world.said((context) => pluginInfo(context, name, {}))
      expect(said).toContain('(plugin shout)\n  for a test\n')
      expect(said).toContain(join(world.home, 'any $1.ts'))
    }
  })

  test('is run once to be shown', async () => {
    const runs = join(world.root, 'runs')
    const file = join(world.home, 'any $1.ts')
    const counting = `import { appendFileSync } from 'node:fs'\nappendFileSync(${JSON.stringify(runs)}, 'x')\n`
    await writeFile(file, counting + (await readFile(file, 'utf8')))
    await world.said((context) => pluginInfo(context, 'shout', {}))
    expect(await readFile(runs, 'utf8')).toBe('x')
  })

  test('is taken out of the config by its own name', async () => {
    await world.said((context) => pluginRemove(context, 'shout'))
    expect(await entries()).toEqual(['route-custom'])
  })

  test('is told among those that a wrong name is near to', async () => {
    await expect(pluginEnable(world.context, 'shoot', false)).rejects.toThrow('Did you mean shout?')
  })
})

test('a working copy needs no update, and is not added twice', async () => {
  const folder = await writePackage(join(world.root, 'copy'), { name: 'ccr-plugin-shout' })
  expect(await world.said((context) => pluginAdd(context, folder, {}))).toContain('added shout from')
  expect(await world.said((context) => pluginAdd(context, folder, {}))).toBe(
    `shout is used from ${folder}/dist/index.js already`,
  )
  expect(await world.said((context) => pluginUpdate(context, 'shout', {}))).toBe(
    `shout is used from ${folder}/dist/index.js as it is saved, so there is nothing to update`,
  )
})

test('an entry of a plugin that comes with the router is shown by its id', async () => {
  await world.configure({ plugins: [{ use: 'route-custom', id: 'mine' }] })
  expect(await world.said((context) => pluginInfo(context, 'mine', {}))).toContain('(plugin route-custom)')
})

test('the dialects of a plugin are shown, since they are given the keys of providers', async () => {
  const shown = await world.said((context) => pluginInfo(context, 'dialect-gemini', {}))
  expect(shown).toContain('\n  dialects      gemini')
})

test('code that never ends is refused by every command that runs it, and nothing has changed', async () => {
  await world.configure('{ plugins: [] }')
  const draft = { name: 'ccr-plugin-loop', head: 'while (true) {}' }
  const folder = await writePackage(join(world.root, 'loop'), draft)
  const manifest = await readFile(join(folder, 'dist/manifest.json'), 'utf8')
  const { file, agreed } = await world.archive(draft)
  const before = await world.snapshot()
  const refusal = expect.objectContaining({
    code: 'CCR_PLUGIN_LOAD',
    message: expect.stringMatching(/did not finish being loaded and activated within .* Look for a loop/) as string,
  }) as Error
  const [checks, ...results] = await Promise.allSettled([
    pluginTest(world.context, folder, {}),
    pluginAdd(world.context, folder, {}),
    pluginAdd(world.context, file, agreed),
    pluginManifest(world.context, folder),
  ])
  expect(results).toEqual(results.map(() => ({ status: 'rejected', reason: refusal })))
  expect(checks).toEqual({ status: 'fulfilled', value: 1 })
  const told = /^ccr: the checks of .*loop did not begin within .* while the plugin is imported$/
  expect(world.lines).toContainEqual(expect.stringMatching(told))
  expect(await world.snapshot()).toEqual(before)
  expect(await readFile(join(folder, 'dist/manifest.json'), 'utf8')).toBe(manifest)
}, 60_000)

test('a check that never ends is named', async () => {
  const code = packageFiles({ name: 'ccr-plugin-shout' })['dist/index.js']!
  const file = join(world.root, 'loop.js')
  await writeFile(file, code.replace(/activate\(ctx\) {/, '$& while (true);'))
  expect(await pluginTest(world.context, file, { checkMs: 3_000 })).toBe(1)
  const fact = `"it activates in time, without a network" of ${file} did not end within 3 s`
  expect(world.lines).toEqual([`ccr: the check ${fact}. Look for a loop that blocks the plugin`])
})

describe('options that the schema of their plugin refuses', () => {
  const options = `Type.Object({ limit: Type.Integer({ minimum: 1, default: 1 }) }, { additionalProperties: false })`
  beforeEach(async () => {
    const code = packageFiles({ name: 'ccr-plugin-shout' })['dist/index.js']!
    await writeFile(join(world.home, 'shout.ts'), code.replace(/Type\.Object\({}, .* }\),/, `${options},`))
  })
  const refusal = async (config: string): Promise<object> => {
    await world.configure(config)
    const error = (await world.start().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )) as { readonly at: string; readonly code: string; readonly message: string }
    return { code: error.code, at: error.at.slice(world.home.length + 1), message: error.message }
  }
  const subject = "plugin 'shout' (entry 'file:./shout.ts')"

  test('are told at the place of the config that holds them', async () => {
    const wrong = await refusal("{\n  plugins: [\n    { use: 'file:./shout.ts', options: { limit: 0 } },\n  ],\n}")
    const message = `${subject}: /limit must be >= 1. Correct the options.`
    expect(wrong).toEqual({ code: 'CCR_PLUGIN_OPTIONS', at: 'config.json:3:49', message })
  })

  test('of an unknown name are told where that name is', async () => {
    const config = "{ plugins: [{ use: 'file:./shout.ts', options: { limit: 2, limits: 3 } }] }"
    const wrong = await refusal(config)
    const message = `${subject}: /limits is not a known key. Correct the options.`
    expect(wrong).toEqual({ code: 'CCR_PLUGIN_OPTIONS', at: `config.json:1:${config.indexOf('3 }') + 1}`, message })
  })

  test('in a chain of a provider are told there, and take it out', async () => {
    const chain = "transformer: { use: [['file:./shout.ts', { limit: 0 }]] }"
    const provider = `{ name: 'p', api_base_url: 'http://127.0.0.1:9/v1/chat/completions', models: ['m'], ${chain} }`
    await world.configure(`{\n Providers: [\n${provider}\n] }`)
    await world.start()
    const fault = {
      code: 'CCR_PLUGIN_OPTIONS',
      at: join(world.home, `config.json:3:${provider.indexOf('0 }') + 1}`),
      message: "plugin 'shout' (entry 'file:./shout.ts@p'): /limit must be >= 1. Correct the options.",
    }
    expect((await world.report()).failures).toEqual([
      { ...fault, subject: 'file:./shout.ts@p' },
      { ...fault, subject: "provider 'p'" },
    ])
  })
})
