import { mkdir, mkdtemp, realpath, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CcrError, isCcrError, Secret, SkipTarget, type PluginContext } from '@ccr/sdk'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadEntries, type EntryConfig } from '../src/load/entries.ts'
import { loadPluginFile, type LoadedPlugin } from '../src/load/evaluate.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-fresh-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Files = Readonly<Record<string, string>>

async function write(files: Files, root = folder): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
}

async function load(entry: string): Promise<LoadedPlugin> {
  const loaded = await loadPluginFile(join(folder, entry))
  if ('error' in loaded) throw loaded.error
  return loaded
}

/** Activates a plugin and gives what it hands out. */
async function seenBy({ plugin }: LoadedPlugin): Promise<unknown> {
  let seen: unknown
  await plugin.activate({ seen: (value: unknown) => void (seen = value) } as unknown as PluginContext)
  return seen
}

const definition = (values: string): string => `definePlugin({
  name: 'probe', apiVersion: 1, description: 'A probe.', options: Type.Object({}),
  async activate(ctx) { ctx.seen(await Promise.all([${values}])) },
})`
/** A plugin that hands out some values. */
const esm = (imports: string, values: string): string =>
  `import { definePlugin, Type } from '@ccr/sdk'\n${imports}\nexport default ${definition(values)}`
const cjs = (imports: string, values: string): string =>
  `const { definePlugin, Type } = require('@ccr/sdk')\n${imports}\nmodule.exports = ${definition(values)}`

/** An entry and everything it is made of, of a version; what it hands out are the versions of all its files. */
interface Row {
  readonly entry: string
  files(version: string): Files
}

const entryAndDependency = (entry: string, dependency: string, text = esm): Row => ({
  entry,
  files: (version) => ({
    'package.json': `{ "type": "${entry.endsWith('.cjs') ? 'commonjs' : 'module'}" }`,
    [entry]: text(
      text === cjs ? `const { a } = require('./${dependency}')` : `import { a } from './${dependency}'`,
      `'${version}', a`,
    ),
    [dependency]: text === cjs ? `exports.a = '${version}'` : `export const a = '${version}'`,
  }),
})

/** What a TypeScript entry reaches through an import. */
const importing = (imports: string, files: (version: string) => Files, values = "'same', a"): Row => ({
  entry: 'plugin.ts',
  files: (version) => ({ 'plugin.ts': esm(imports, values), ...files(version) }),
})

const named = (version: string): string => `export const a = '${version}'`
const module = '{ "type": "module" }'
const sdkUser = '{ "name": "helper", "type": "module", "main": "index.js", "peerDependencies": { "@ccr/sdk": "*" } }'

const TABLE: Readonly<Record<string, Row>> = {
  'an entry .ts and a .ts': entryAndDependency('plugin.ts', 'a.ts'),
  'an entry .mts and a .mts': entryAndDependency('plugin.mts', 'a.mts'),
  'an ESM entry .js and a .js': entryAndDependency('plugin.js', 'a.js'),
  'an entry .mjs and a .mjs': entryAndDependency('plugin.mjs', 'a.mjs'),
  'an entry .cjs and a .cjs': entryAndDependency('plugin.cjs', 'a.cjs', cjs),
  'an entry .ts and an ESM .js': importing("import { a } from './a.js'", (v) => ({
    'package.json': module,
    'a.js': named(v),
  })),
  'an entry .ts and a CommonJS .js': importing("import { a } from './a.js'", (v) => ({ 'a.js': `exports.a = '${v}'` })),
  'an entry .ts and a .mjs': importing("import { a } from './a.mjs'", (v) => ({ 'a.mjs': named(v) })),
  'an entry .ts and a .cjs': importing("import { a } from './a.cjs'", (v) => ({ 'a.cjs': `exports.a = '${v}'` })),
  'an entry .ts and a .json': importing("import { a } from './a.json'", (v) => ({ 'a.json': `{ "a": "${v}" }` })),
  'a .ts under the name of what it becomes': importing("import { a } from './a.js'", (v) => ({ 'a.ts': named(v) })),
  'the index of a folder': importing("import { a } from './lib'", (v) => ({ 'lib/index.ts': named(v) })),
  'dependencies of dependencies': importing(
    "import { a, b, c, d, e } from './a.ts'",
    (v) => ({
      'a.ts': `${named(v)}\nexport * from './lib/b.js'`,
      'lib/package.json': module,
      'lib/b.js': `export const b = '${v}'\nexport { c, d, e } from './c.mjs'`,
      'lib/c.mjs': `import more from '../d.cjs'\nexport const c = '${v}', { d, e } = more`,
      'd.cjs': `exports.d = '${v}'\nexports.e = require('./e.json').e`,
      'e.json': `{ "e": "${v}" }`,
    }),
    'a, b, c, d, e',
  ),
  'import() in a handler': importing('', (v) => ({ 'a.mjs': named(v) }), "import('./a.mjs').then(({ a }) => a)"),
  'an alias of tsconfig.json': importing("import { a } from '@/a'", (v) => ({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }',
    'lib/a.ts': named(v),
  })),
  'a subpath of package.json#imports': importing("import { a } from '#a'", (v) => ({
    'package.json': '{ "imports": { "#a": "./lib/a.ts" } }',
    'lib/a.ts': named(v),
  })),
  'a package that builds on the SDK': importing(
    "import { a, b } from 'helper'",
    (v) => ({
      'node_modules/helper/package.json': sdkUser,
      'node_modules/helper/index.js': `import '@ccr/sdk'\n${named(v)}\nexport * from './lib/b.js'`,
      'node_modules/helper/lib/b.js': `export const b = '${v}'`,
    }),
    'a, b',
  ),
}

describe('the freshness table', () => {
  it.each(Object.entries(TABLE))('sees edits of %s', async (_, { entry, files }) => {
    const old = files('old')
    const edited = files('new')
    await write(old)
    const first = await load(entry)
    const before = (await seenBy(first)) as readonly string[]
    expect(before).not.toContain('new')
    expect((await load(entry)).hash).toBe(first.hash)
    const changed = Object.keys(old).filter((name) => old[name] !== edited[name])
    for (const name of changed) {
      await write({ [name]: edited[name]! })
      const one = await load(entry)
      const versions = (await seenBy(one)) as readonly string[]
      expect([name, versions.filter((version) => version === 'new')]).toEqual([name, ['new']])
      expect(one.hash).not.toBe(first.hash)
      expect(one.inputs).toContain(join(folder, name))
      await write({ [name]: old[name]! })
      expect((await load(entry)).hash).toBe(first.hash)
    }
    await write(edited)
    expect(await seenBy(await load(entry))).toEqual(before.map((version) => (version === 'same' ? version : 'new')))
    // What was loaded first goes on with what it was loaded with.
    expect(await seenBy(first)).toEqual(before)
  })

  const kinds = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'] as const
  const node = fc.record({ kind: fc.constantFrom(...kinds), uses: fc.nat({ max: 63 }), edited: fc.boolean() })
  const graph = fc.array(node, { minLength: 1, maxLength: 6 })

  it('sees the edits of any files in any graph of imports', async () => {
    await fc.assert(
      fc.asyncProperty(graph, async (nodes) => {
        await rm(folder, { recursive: true, force: true })
        const name = (index: number): string => `m${index}.${nodes[index]!.kind}`
        const used = (index: number): number[] =>
          nodes.map((_, other) => other).filter((other) => other > index && (nodes[index]!.uses >> other) & 1)
        const files = (version: (index: number) => number): Files => ({
          'package.json': module,
          'plugin.ts': esm("import * as m0 from './" + name(0) + "'", 'm0.list'),
          ...Object.fromEntries(
            nodes.map(({ kind }, index) => [
              name(index),
              text(kind, `${index}:${version(index)}`, used(index).map(name)),
            ]),
          ),
        })
        const list = (index: number, version: (index: number) => number): readonly string[] =>
          nodes[index]!.kind === 'json'
            ? [`${index}:${version(index)}`]
            : [`${index}:${version(index)}`, ...used(index).flatMap((other) => list(other, version))]
        const second = (index: number): number => (nodes[index]!.edited ? 2 : 1)
        await write(files(() => 1))
        expect(await seenBy(await load('plugin.ts'))).toEqual([list(0, () => 1)])
        await write(files(second))
        expect(await seenBy(await load('plugin.ts'))).toEqual([list(0, second)])
      }),
      { numRuns: 30 },
    )
  })

  /** A module whose `list` is its own version and the lists of what it uses. */
  function text(kind: (typeof kinds)[number], version: string, uses: readonly string[]): string {
    if (kind === 'json') return JSON.stringify({ list: [version] })
    const list = `[${[`'${version}'`, ...uses.map((_, index) => `...u${index}.list`)].join(', ')}]`
    if (kind === 'cjs' || kind === 'cts') {
      const requires = uses.map((use, index) => `const u${index} = require('./${use}')`)
      return [...requires, `exports.list = ${list}`].join('\n')
    }
    const imports = uses.map((use, index) => `import * as u${index} from './${use}'`)
    return [...imports, `export const list = ${list}`].join('\n')
  }

  it('runs unchanged code once, however often it is loaded, and by however many entries', async () => {
    await write({ 'plugin.ts': esm('globalThis.freshRuns = (globalThis.freshRuns ?? 0) + 1', 'globalThis.freshRuns') })
    const file = join(folder, 'plugin.ts')
    const use = 'file:./plugin.ts'
    const entry = (id: string): EntryConfig => ({ id, use, file, options: {}, enabled: true, at: '' })
    const { entries } = await loadEntries([entry('a'), entry('b')], [])
    const again = await load('plugin.ts')
    expect(entries.map(({ plugin }) => plugin)).toEqual([again.plugin, again.plugin])
    expect(entries[0]?.plugin).toBe(again.plugin)
    expect(await seenBy(again)).toEqual([1])
    expect(again.timing).toEqual({ bundleMs: expect.any(Number) as number, evaluateMs: 0 })
    expect(entries[0]?.loading).toEqual({
      bundleMs: expect.toSatisfy((ms: number) => ms > 0) as number,
      evaluateMs: expect.toSatisfy((ms: number) => ms > 0) as number,
    })
  })
})

describe('what a plugin shares', () => {
  it('is the SDK of the kernel, also with a package that it brings', async () => {
    await write({
      'plugin.ts': esm("import { make } from 'helper'", 'make()'),
      'node_modules/helper/package.json': sdkUser,
      'node_modules/helper/index.js': `import { CcrError, isCcrError, Secret, SkipTarget } from '@ccr/sdk'
        export const make = () => ({
          skip: new SkipTarget('a'), error: new CcrError('CCR_ROUTE_NONE', 'a'), secret: new Secret('a'), isCcrError,
        })`,
    })
    const [made] = (await seenBy(await load('plugin.ts'))) as readonly Record<string, unknown>[]
    expect(made?.['skip']).toBeInstanceOf(SkipTarget)
    expect(made?.['error']).toBeInstanceOf(CcrError)
    expect(made?.['secret']).toBeInstanceOf(Secret)
    expect(made?.['isCcrError']).toBe(isCcrError)
  })

  it.each([
    ['CommonJS', '{ "name": "plain", "main": "index.js" }', 'exports.object = {}'],
    ['ESM', '{ "name": "plain", "type": "module", "main": "index.js" }', 'export const object = {}'],
  ])('is any other %s package, which stays the same object', async (_, description, text) => {
    const plugin = (version: string): Files => ({
      'plugin.ts': esm(
        "import { object } from 'plain'",
        `'${version}', object, import('plain').then(({ object }) => object)`,
      ),
    })
    await write({ 'node_modules/plain/package.json': description, 'node_modules/plain/index.js': text })
    await write(plugin('old'))
    const first = await load('plugin.ts')
    const [, object] = (await seenBy(first)) as readonly unknown[]
    await write({ 'node_modules/plain/index.js': `${text}\n`, ...plugin('new') })
    const second = await load('plugin.ts')
    expect(second.inputs).toEqual([join(folder, 'plugin.ts')])
    const seen = (await seenBy(second)) as readonly unknown[]
    expect(seen[0]).toBe('new')
    expect(seen[1]).toBe(object)
    expect(seen[2]).toBe(object)
  })

  it('is not a dependency that a package has for itself', async () => {
    await write({
      'plugin.ts': esm("import { inner } from 'helper'", 'inner'),
      'node_modules/helper/package.json': sdkUser,
      'node_modules/helper/index.js': "export { inner } from 'inner'",
      'node_modules/helper/node_modules/inner/package.json': '{ "name": "inner", "main": "index.cjs" }',
      'node_modules/helper/node_modules/inner/index.cjs': 'exports.inner = "its own"',
      'node_modules/inner/package.json': '{ "name": "inner", "main": "index.cjs" }',
      'node_modules/inner/index.cjs': 'exports.inner = "another"',
    })
    expect(await seenBy(await load('plugin.ts'))).toEqual(['its own'])
  })
})

describe('a plugin behind a link', () => {
  const version = (v: string): Files => ({ 'plugin.ts': esm("import { a } from './a.ts'", 'a'), 'a.ts': named(v) })

  it('is read anew when the link is swapped', async () => {
    await write(version('old'), join(folder, 'v1'))
    await write(version('new'), join(folder, 'v2'))
    await symlink('v1', join(folder, 'current'))
    const first = await load('current/plugin.ts')
    expect(await seenBy(first)).toEqual(['old'])
    expect(first.inputs).toEqual(['current/plugin.ts', 'v1/a.ts', 'v1/plugin.ts'].map((name) => join(folder, name)))
    await symlink('v2', join(folder, 'next'))
    await rename(join(folder, 'next'), join(folder, 'current'))
    expect(await seenBy(await load('current/plugin.ts'))).toEqual(['new'])
  })

  it('is a package of the same workspace, with its files where they are', async () => {
    await write({ 'package.json': sdkUser, 'index.js': `import '@ccr/sdk'\n${named('old')}` }, join(folder, 'helper'))
    await write({ 'plugin/plugin.ts': esm("import { a } from 'helper'", 'a') })
    await mkdir(join(folder, 'plugin/node_modules'))
    await symlink('../../helper', join(folder, 'plugin/node_modules/helper'))
    expect((await load('plugin/plugin.ts')).inputs).toContain(join(folder, 'helper/index.js'))
    await write({ 'index.js': named('new') }, join(folder, 'helper'))
    expect(await seenBy(await load('plugin/plugin.ts'))).toEqual(['new'])
    await unlink(join(folder, 'plugin/node_modules/helper'))
    expect(await loadPluginFile(join(folder, 'plugin/plugin.ts'))).toMatchObject({ error: { code: 'CCR_PLUGIN_LOAD' } })
  })
})
