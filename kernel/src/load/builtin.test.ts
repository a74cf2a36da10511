import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { definePlugin, Type } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBuiltins, importBuiltin, packageRoot } from './builtin.ts'
import { loadEntries, type EntryConfig } from './entries.ts'
import { toManifest } from './manifest.ts'
import { writeManifests } from './write-manifests.ts'

const run = promisify(execFile)
const SDK = fileURLToPath(new URL('../../../sdk/dist/index.js', import.meta.url))

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-root-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, name)), { recursive: true })
  await writeFile(join(root, name), text)
}

/** A compiled plugin, as the build leaves it. */
async function writePlugin(name: string, activate = '', fields = ''): Promise<void> {
  await write(
    `plugins/${name}/package.json`,
    JSON.stringify({
      name: `@ccr/plugin-${name}`,
      version: '1.2.3',
      type: 'module',
      exports: { '.': { default: './dist/index.js' } },
      ccr: './dist/manifest.json',
    }),
  )
  await write(
    `plugins/${name}/dist/index.js`,
    `import { definePlugin, Type } from ${JSON.stringify(SDK)}
export default definePlugin({
  name: '${name}', apiVersion: 1, description: 'The plugin ${name}.', ${fields}
  options: Type.Object({ size: Type.Integer({ default: 3 }) }, { additionalProperties: false }),
  activate(ctx) { ${activate} },
})`,
  )
}

const entry = (use: string, more: Partial<EntryConfig> = {}): EntryConfig => ({
  id: use,
  use,
  options: {},
  enabled: true,
  at: 'config.json:1:1',
  ...more,
})

describe('toManifest', () => {
  it('notes what a plugin registers, and undoes it', async () => {
    const undone: string[] = []
    const manifest = await toManifest(
      definePlugin({
        name: 'probe',
        apiVersion: 1,
        description: 'A probe.',
        options: Type.Object({ name: Type.String({ default: 'given' }) }, { additionalProperties: false }),
        config: { Own: Type.Object({ a: Type.Integer() }), Other: Type.Optional(Type.String()) },
        transformers: [{ name: 'Probe', aliases: ['prb'], dialect: 'probe-wire' }],
        activate(ctx) {
          expect(ctx.config.Own).toEqual({ a: 0 })
          ctx.on('onUsage', () => {})
          ctx.on('selectRoute', () => {})
          ctx.on('onUsage', () => {})
          ctx.dialect({ name: 'probe-wire' })
          ctx.endpoint({ method: 'GET', path: '/probe', access: 'public', respond: () => ({ status: 200 }) })
          ctx.contribute('providers', { name: `local-${ctx.options.name}`, models: [], async *local() {} })
          ctx.effect(() => void undone.push('first'))
          ctx.effect(() => void undone.push(`second ${ctx.signal.aborted}`))
        },
      }),
      '4.5.6',
    )
    expect(manifest).toEqual({
      name: 'probe',
      version: '4.5.6',
      apiVersion: 1,
      description: 'A probe.',
      scope: 'profile',
      provides: [],
      requires: [],
      capabilities: [],
      transformers: [{ name: 'Probe', aliases: ['prb'], dialect: 'probe-wire' }],
      hooks: ['onUsage', 'selectRoute'],
      endpoints: [{ method: 'GET', path: '/probe' }],
      dialects: ['probe-wire'],
      providers: ['local-given'],
      optionsSchema: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: { name: { type: 'string', default: 'given' } },
      },
      sections: {
        Own: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } },
        Other: { type: 'string' },
      },
    })
    expect(undone).toEqual(['second true', 'first'])
  })

  it('says which plugin cannot be described', async () => {
    const broken = definePlugin({
      name: 'broken',
      apiVersion: 1,
      description: '',
      options: Type.Object({}),
      activate: () => Promise.reject(new Error('boo')),
    })
    await expect(toManifest(broken, '1.0.0')).rejects.toMatchObject({
      code: 'CCR_PLUGIN_ACTIVATE',
      plugin: 'broken',
      message: /boo/,
    })
  })
})

describe('built-in plugins', () => {
  it('are known by the manifests that the build writes, and imported when an entry names them', async () => {
    await writePlugin('second', "globalThis.secondRan = true; ctx.on('onUsage', () => {})")
    await writePlugin('first', '', "transformers: [{ name: 'One', dialect: 'one' }],")
    await write('plugins/not-a-plugin/package.json', '{ "name": "x" }')
    expect(await writeManifests(root)).toEqual(['first', 'second'])
    const file = join(root, 'plugins/first/dist/manifest.json')
    const before = await stat(file, { bigint: true })
    await writeManifests(root)
    expect((await stat(file, { bigint: true })).mtimeNs).toBe(before.mtimeNs)
    const builtins = await findBuiltins(root)
    expect(builtins.map(({ name, packageName }) => [name, packageName])).toEqual([
      ['first', '@ccr/plugin-first'],
      ['second', '@ccr/plugin-second'],
    ])
    expect(builtins[0]?.manifest).toEqual(JSON.parse(await readFile(file, 'utf8')))
    expect(builtins[0]?.manifest).toMatchObject({ version: '1.2.3', transformers: [{ name: 'One', dialect: 'one' }] })
    const [first] = builtins
    if (first === undefined) throw new Error('no built-in plugin')
    const imported = await importBuiltin(first)
    expect(imported.plugin.name).toBe('first')
    expect(imported.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await importBuiltin(first)).toBe(imported)
  })

  it('have a hash that changes with any of their compiled files', async () => {
    const hashes = new Set<string>()
    for (const [name, text] of [
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
    ] as const) {
      await writePlugin(name)
      await write(
        `plugins/${name}/dist/index.js`,
        `const schema = { type: 'object', properties: {} }
        export default {
          name: 'same', description: '', apiVersion: 1, scope: 'profile', transformers: [],
          provides: [], requires: [], contributes: [], capabilities: [],
          config: schema, options: schema, activate() {},
        }`,
      )
      await write(`plugins/${name}/dist/part/one.js`, text)
      await write(`plugins/${name}/dist/index.js.map`, name)
    }
    await writeManifests(root)
    for (const builtin of await findBuiltins(root)) hashes.add((await importBuiltin(builtin)).hash)
    expect(hashes.size).toBe(2)
  })

  it('without a manifest are not installed, with a damaged one are an error', async () => {
    await writePlugin('first')
    expect(await findBuiltins(root)).toEqual([])
    await write('plugins/first/dist/manifest.json', '{ "name": "first" }')
    await expect(findBuiltins(root)).rejects.toMatchObject({
      code: 'CCR_PLUGIN_LOAD',
      at: join(root, 'plugins/first/dist/manifest.json'),
    })
    await write('plugins/first/dist/manifest.json', '{')
    await expect(findBuiltins(root)).rejects.toMatchObject({
      code: 'CCR_PLUGIN_LOAD',
      message: /Install the router again/,
    })
    expect(await findBuiltins(join(root, 'nothing'))).toEqual([])
  })

  it('get their manifests from the build script, which fails with the name of the faulty one', async () => {
    const script = join(packageRoot(), 'scripts', 'write-manifests.mjs')
    await writePlugin('first')
    await run(process.execPath, [script, root], { timeout: 15_000 })
    expect((await findBuiltins(root)).map(({ name }) => name)).toEqual(['first'])
    await writePlugin('second', "throw new Error('boo')")
    await expect(run(process.execPath, [script, root], { timeout: 15_000 })).rejects.toMatchObject({
      code: 1,
      stderr: /second.*boo/,
    })
  })
})

describe('loadEntries', () => {
  it('loads built-in and file plugins, and leaves faulty ones out', async () => {
    await writePlugin('first')
    await writeManifests(root)
    await writePlugin('broken')
    await write('plugins/broken/dist/index.js', 'throw new Error("boo")')
    const manifest = JSON.parse(await readFile(join(root, 'plugins/first/dist/manifest.json'), 'utf8')) as object
    await write('plugins/broken/dist/manifest.json', JSON.stringify({ ...manifest, name: 'broken' }))
    const probe = `import { definePlugin, Type } from '@ccr/sdk'
      export default definePlugin({
        name: 'own', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
      })`
    await write('own.ts', probe)
    await write('faulty.ts', 'const = 1')
    const own = join(root, 'own.ts')
    const faulty = join(root, 'faulty.ts')
    const loaded = await loadEntries(
      [
        entry('first', { options: { size: 4 }, before: ['x'], after: ['y'], timeoutMs: 5, onFailure: 'skip' }),
        entry('@ccr/plugin-first', { id: 'again' }),
        entry('broken'),
        entry('frist'),
        entry('first', { id: 'off', enabled: false }),
        entry('file:./own.ts', { file: own }),
        entry('file:./own.ts', { id: 'own again', file: own }),
        entry('file:./faulty.ts', { file: faulty }),
      ],
      await findBuiltins(root),
    )
    expect(loaded.entries.map(({ id, plugin, file }) => [id, plugin.name, file])).toEqual([
      ['first', 'first', join(root, 'plugins/first/dist/index.js')],
      ['again', 'first', join(root, 'plugins/first/dist/index.js')],
      ['file:./own.ts', 'own', own],
      ['own again', 'own', own],
    ])
    expect(loaded.entries[0]).toMatchObject({
      options: { size: 4 },
      before: ['x'],
      after: ['y'],
      timeoutMs: 5,
      onFailure: 'skip',
    })
    expect(loaded.entries[0]?.hash).toBe(loaded.entries[1]?.hash)
    expect(loaded.inputs).toEqual([faulty, own])
    expect(loaded.failures.map(({ id, error }) => [id, error.code])).toEqual([
      ['broken', 'CCR_PLUGIN_LOAD'],
      ['frist', 'CCR_PLUGIN_UNKNOWN'],
      ['file:./faulty.ts', 'CCR_PLUGIN_LOAD'],
    ])
    expect(loaded.failures[1]?.error.message).toMatch(
      /config\.json:1:1: the plugin frist is not installed\. Did you mean first\? Installed: broken, first\./,
    )
    expect(loaded.failures[2]?.error.at).toBe(`${faulty}:1:7`)
  })
})
