import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runBuild } from '../load/build-service.ts'
import { packageRoot } from '../load/builtin.ts'
import { writeManifests } from '../load/write-manifests.ts'
import { assemble } from './assemble.ts'
import { readDefaultPreset } from './preset.ts'

vi.mock('../load/build-service.ts', async (original) => {
  const service = await original<typeof import('../load/build-service.ts')>()
  return { ...service, runBuild: vi.fn(service.runBuild) }
})

const SDK = fileURLToPath(new URL('../../../sdk/dist/index.js', import.meta.url))

let root: string
let home: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-assemble-'))
  home = join(root, 'home')
  await mkdir(home)
  await cp(join(packageRoot(), 'presets'), join(root, 'presets'), { recursive: true })
  for (const name of (await readDefaultPreset(root)).plugins) {
    const folder = join(root, 'plugins', name)
    await mkdir(join(folder, 'dist'), { recursive: true })
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({
        name: `@ccr/plugin-${name}`,
        version: '1.0.0',
        type: 'module',
        ccr: './dist/manifest.json',
        exports: { '.': { default: './dist/index.js' } },
      }),
    )
    await writeFile(
      join(folder, 'dist/index.js'),
      `import { definePlugin, Type } from ${JSON.stringify(SDK)}
      export default definePlugin({
        name: '${name}', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
      })`,
    )
  }
  await writeManifests(root)
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** Paths below a folder, relative to it. */
function within(inputs: ReadonlySet<string>, folder: string): string[] {
  return (
    [...inputs]
      .map((input) => relative(folder, input))
      // Presets and the lock are looked at whatever the config says.
      .filter((path) => !/^(?:\.\.|presets$|ccr\.lock\.json$)/.test(path))
      .sort()
  )
}

describe('assemble', () => {
  it('builds a file once, however many profiles use it', async () => {
    const code = `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({
        name: 'mine', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
      })`
    await writeFile(join(home, 'mine.ts'), code)
    const profiles = { one: { plugins: ['file:./mine.ts'] }, two: {} }
    await writeFile(join(home, 'config.json'), JSON.stringify({ plugins: ['file:./mine.ts'], profiles }))
    vi.mocked(runBuild).mockClear()
    const { blueprint } = await assemble({ home, env: {} }, root)
    const worlds = [blueprint, ...Object.values(blueprint.profiles!)]
    expect(worlds.map(({ entries }) => entries.at(-1)!.plugin.name)).toEqual(['mine', 'mine', 'mine'])
    expect(runBuild).toHaveBeenCalledTimes(1)
  })

  it('tells of plugins that have one name and come from different files', async () => {
    const named = (name: string): string => `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({
        name: '${name}', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
      })`
    const names = { 'a.ts': 'same', 'b.ts': 'same', 'c.ts': 'route-image', 'd.ts': 'other' }
    for (const [file, name] of Object.entries(names)) await writeFile(join(home, file), named(name))
    const plugins = ['file:./a.ts', { use: 'file:./a.ts', id: 'again' }, 'file:./b.ts', 'file:./c.ts', 'file:./d.ts']
    await writeFile(join(home, 'config.json'), JSON.stringify({ plugins, profiles: { work: {} } }))
    const { config } = await assemble({ home, env: {} }, root)
    expect(config.warnings.map((warning) => warning.replaceAll(`${home}/`, ''))).toEqual([
      "config.json:1:62: file:./b.ts is a plugin named 'same', as is file:./a.ts (config.json:1:13), and both are in " +
        'use. Give one of them another name, or switch off its entry.',
      "config.json:1:76: file:./c.ts is a plugin named 'route-image', as is route-image (presets/default), and both " +
        'are in use. Give one of them another name, or switch off its entry.',
    ])
    const off = [
      { use: 'file:./a.ts', enabled: false },
      'file:./b.ts',
      { use: 'route-image', enabled: false },
      'file:./c.ts',
    ]
    await writeFile(join(home, 'config.json'), JSON.stringify({ plugins: off }))
    expect((await assemble({ home, env: {} }, root)).config.warnings).toEqual([])
  })

  it('builds the default preset from an empty home', async () => {
    const preset = await readDefaultPreset(root)
    const inputs = new Set<string>()
    const { blueprint, failures, config } = await assemble({ home, env: {}, inputs }, root)
    expect(blueprint.entries.map(({ id }) => id)).toEqual(preset.plugins)
    expect([blueprint.providers, blueprint.sections, failures, config.warnings]).toEqual([[], {}, [], []])
    expect(within(inputs, home)).toEqual(['ccr.config.ts', 'config.json'])
    expect(within(inputs, root)).toContain('presets/default/manifest.json')
  })

  it('lets a file plugin declare sections and dialects that the rest of the config uses', async () => {
    await writeFile(
      join(home, 'own.ts'),
      `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({
        name: 'own', apiVersion: 1, description: '', options: Type.Object({}),
        config: { Own: Type.Object({ size: Type.Integer() }) },
        transformers: [{ name: 'own', dialect: 'wire-own' }],
        activate() {},
      })`,
    )
    await writeFile(
      join(home, 'config.json'),
      `{ plugins: [{ use: 'file:./own.ts' }, 'nothing'], Own: { size: 1 },
         Providers: [{ name: 'p', api_base_url: 'http://p', transformer: { use: ['OWN'] } }] }`,
    )
    const inputs = new Set<string>()
    const { blueprint, failures, config } = await assemble({ home, env: {}, inputs }, root)
    expect(blueprint.providers).toMatchObject([{ name: 'p', dialect: 'wire-own' }])
    expect(blueprint.sections).toEqual({ Own: { size: 1 } })
    expect(config.warnings).toEqual([])
    expect(failures.map(({ id, error }) => [id, error.code])).toEqual([['nothing', 'CCR_PLUGIN_UNKNOWN']])
    expect(within(inputs, home)).toEqual(['ccr.config.ts', 'config.json', 'own.ts'])
    await writeFile(join(home, 'config.json'), "{ plugins: ['file:./own.ts'], Own: { size: 'x' } }")
    await expect(assemble({ home, env: {} }, root)).rejects.toMatchObject({
      code: 'CCR_CONFIG_SCHEMA',
      at: `${join(home, 'config.json')}:1:44`,
    })
  })

  it('leaves out providers and models whose transformers lack code, and puts the entries of others last', async () => {
    await writeFile(
      join(home, 'good.ts'),
      `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({
        name: 'good', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
      })`,
    )
    await writeFile(join(home, 'bad.ts'), 'export default ]')
    await writeFile(
      join(home, 'config.json'),
      `{ Providers: [
        { name: 'p', api_base_url: 'http://p', transformer: { use: ['file:./good.ts'] } },
        { name: 'q', api_base_url: 'http://q', transformer: { use: ['file:./bad.ts'] } },
        { name: 'r', api_base_url: 'http://r', transformer: { m: { use: ['file:./bad.ts', 'file:./good.ts'] } } },
      ] }`,
    )
    const inputs = new Set<string>()
    const { blueprint, config, failures } = await assemble({ home, env: {}, inputs }, root)
    expect(blueprint.providers.map(({ name, ofModels }) => [name, ofModels])).toEqual([
      ['p', undefined],
      ['r', new Map([['m', undefined]])],
    ])
    const { entries } = blueprint
    expect(entries.at(-2)).toMatchObject({ id: 'file:./good.ts@p', plugin: { name: 'good' } })
    const reason = expect.stringContaining('bad.ts') as string
    const file = join(home, 'config.json')
    expect(config.disabledProviders).toEqual([
      { name: 'q', model: undefined, reason, at: `${file}:3:69` },
      { name: 'r', model: 'm', reason, at: `${file}:4:74` },
    ])
    expect(failures.map(({ id }) => id)).toEqual(['file:./bad.ts@q', 'file:./bad.ts@r,m'])
    expect(within(inputs, home)).toEqual(['bad.ts', 'ccr.config.ts', 'config.json', 'good.ts'])
  })

  it('says that the installation is damaged when its preset is', async () => {
    await writeFile(join(root, 'presets/default/manifest.json'), '{ "name": "default" }')
    await expect(assemble({ home, env: {} }, root)).rejects.toMatchObject({
      code: 'CCR_CONFIG_READ',
      message: /Install the router again/,
    })
  })

  it('tells which files decide it, also when it fails', async () => {
    await writeFile(join(home, 'a.ts'), "import './b.ts'\nexport default 1")
    await writeFile(join(home, 'b.ts'), 'export const b = ]')
    await writeFile(join(home, 'ccr.config.ts'), "import { own } from './names.ts'\nexport default { Own: own }")
    await writeFile(join(home, 'names.ts'), "export { default as own } from './own.json'")
    await writeFile(join(home, 'own.json'), '{ "size": 1 }')
    await writeFile(join(home, 'config.json'), "{ plugins: ['file:./a.ts'] }")
    const inputs = new Set<string>()
    const { failures } = await assemble({ home, env: {}, inputs }, root)
    expect(failures[0]?.error.at).toBe(`${join(home, 'b.ts')}:1:18`)
    const files = ['a.ts', 'b.ts', 'ccr.config.ts', 'config.json', 'names.ts', 'own.json']
    expect(within(inputs, home)).toEqual(expect.arrayContaining(files))
    await writeFile(join(home, 'own.json'), '{ "size"')
    const failed = new Set<string>()
    await expect(assemble({ home, env: {}, inputs: failed }, root)).rejects.toMatchObject({
      code: 'CCR_CONFIG_SYNTAX',
      at: join(home, 'own.json'),
    })
    const configs = ['ccr.config.ts', 'config.json', 'names.ts', 'own.json']
    expect(within(failed, home)).toEqual(expect.arrayContaining(configs))
  })

  it('has the same fingerprint as long as config and code say the same', async () => {
    const env = { A: 'a', B: 'b' }
    const fingerprint = async (): Promise<string> => (await assemble({ home, env }, root)).fingerprint
    const plugin = (name: string): string =>
      `import { definePlugin, Type } from '@ccr/sdk'
       export default definePlugin({
         name: '${name}', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
       })`
    await writeFile(join(home, 'own.ts'), plugin('own'))
    await writeFile(join(home, 'config.json'), "{ plugins: ['file:./own.ts'], Own: '$A' }")
    const first = await fingerprint()
    await writeFile(join(home, 'config.json'), "// why\n{ plugins: ['file:./own.ts'],\n Own: '$A' }")
    expect(await fingerprint()).toBe(first)
    await writeFile(join(home, 'config.json'), "{ plugins: ['file:./own.ts'], Own: '$B' }")
    const second = await fingerprint()
    await writeFile(join(home, 'own.ts'), plugin('another'))
    expect(new Set([first, second, await fingerprint()]).size).toBe(3)
  })
})
