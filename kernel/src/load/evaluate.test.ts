import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { CcrError, isCcrError, Type, type PluginContext } from '@ccr/sdk'
import Value from 'typebox/value'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadPluginFile } from './evaluate.ts'

const run = promisify(execFile)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-load-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** A plugin whose activation hands out what `expression` gives. */
const plugin = (imports: string, expression: string): string => `
import { definePlugin, Type } from '@ccr/sdk'
${imports}
export default definePlugin({
  name: 'probe', apiVersion: 1, description: 'A probe.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) { (ctx as any).seen(${expression}) },
})
`

const load = (name = 'plugin.ts') => loadPluginFile(join(folder, name))

/** Activates a plugin and gives what it handed out. */
async function seenBy(name?: string): Promise<unknown> {
  let seen: unknown
  const { plugin } = await load(name)
  await plugin.activate({ seen: (value: unknown) => void (seen = value) } as unknown as PluginContext)
  return seen
}

async function fault(loading: Promise<unknown>): Promise<{ code: string; at: string | undefined; message: string }> {
  const thrown = await loading.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isCcrError(thrown)) throw new Error(`not a ccr error: ${String(thrown)}`)
  return {
    code: thrown.code,
    at: thrown.at?.replace(`${folder}/`, ''),
    message: thrown.message.replaceAll(`${folder}/`, ''),
  }
}

describe('loadPluginFile', () => {
  it('loads a TypeScript plugin and names its files', async () => {
    await write({
      'plugin.ts': plugin("import { a } from './lib/a.ts'\nimport data from './data.json'", 'a + data.n'),
      'lib/a.ts': 'export const a: number = 1',
      'data.json': '{ "n": 2 }',
    })
    const { plugin: loaded, hash, inputs } = await load()
    expect(loaded.name).toBe('probe')
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(inputs).toEqual(['data.json', 'lib/a.ts', 'plugin.ts'].map((name) => join(folder, name)))
    expect(await seenBy()).toBe(3)
    expect((await readdir(folder)).sort()).toEqual(['data.json', 'lib', 'plugin.ts'])
  })

  it.each([
    ['the entry', 'plugin.ts', plugin('', '"new"')],
    ['a .ts file', 'a.ts', 'export const a = "new"'],
    ['a .js file', 'b.js', 'export const b = "new"'],
    ['a .mjs file', 'c.mjs', 'export const c = "new"'],
    ['a .cjs file', 'd.cjs', 'module.exports = { d: "new" }'],
    ['a .json file', 'e.json', '{ "e": "new" }'],
    ['a file imported in a handler', 'f.mjs', 'export const f = "new"'],
  ])('sees an edit of %s', async (_, name, text) => {
    await write({
      'package.json': '{ "type": "module" }',
      'plugin.ts': plugin(
        `import { a } from './a.ts'
        import { b } from './b.js'
        import { c } from './c.mjs'
        import d from './d.cjs'
        import e from './e.json'`,
        "import('./f.mjs').then(({ f }) => [a, b, c, d.d, e.e, f].join())",
      ),
      'a.ts': 'export const a = "old"',
      'b.js': 'export const b = "old"',
      'c.mjs': 'export const c = "old"',
      'd.cjs': 'module.exports = { d: "old" }',
      'e.json': '{ "e": "old" }',
      'f.mjs': 'export const f = "old"',
    })
    const first = await load()
    expect(await seenBy()).toBe('old,old,old,old,old,old')
    expect((await load()).hash).toBe(first.hash)
    await write({ [name]: text })
    expect(String(await seenBy())).toContain('new')
    expect((await load()).hash).not.toBe(first.hash)
  })

  it.each(['commonjs', 'module'])('gives a plugin in a %s package the SDK and typebox of the kernel', async (type) => {
    await write({
      'package.json': `{ "type": "${type}" }`,
      'plugin.ts': plugin(
        "import { CcrError } from '@ccr/sdk'\nimport * as typebox from 'typebox'\nimport Value from 'typebox/value'",
        `Promise.all([import('@ccr/sdk'), import('typebox/value')]).then(([sdk, value]) => ({
          CcrError, again: sdk.CcrError, Type, object: typebox.Object, check: Value.Check, dynamic: value.Check,
        }))`,
      ),
    })
    const seen = (await seenBy()) as Record<string, unknown>
    expect(seen['CcrError']).toBe(CcrError)
    expect(seen['again']).toBe(CcrError)
    expect(seen['Type']).toBe(Type)
    expect(seen['object']).toBe(Type.Object)
    expect(seen['check']).toBe(Value.Check)
    expect(seen['dynamic']).toBe(Value.Check)
  })

  it('loads a CommonJS plugin', async () => {
    await write({
      'plugin.cjs': plugin('', '1')
        .replace('import { definePlugin, Type } from', 'const { definePlugin, Type } = require(')
        .replace("'@ccr/sdk'", "'@ccr/sdk')")
        .replace('export default', 'module.exports =')
        .replace('(ctx as any)', 'ctx'),
    })
    expect(await seenBy('plugin.cjs')).toBe(1)
  })

  it('bundles a package that builds on the SDK, and shares every other one', async () => {
    const helper = (version: number): string =>
      `import { CcrError } from '@ccr/sdk'
      import { inner } from 'inner'
      export const helper = { CcrError, inner, version: ${version} }`
    await write({
      'plugin.ts': plugin("import { helper } from 'helper'\nimport { count } from 'plain'", '({ helper, count })'),
      'node_modules/helper/package.json':
        '{ "name": "helper", "type": "module", "main": "index.js", "peerDependencies": { "@ccr/sdk": "*" } }',
      'node_modules/helper/index.js': helper(1),
      'node_modules/helper/node_modules/inner/package.json': '{ "name": "inner", "main": "index.cjs" }',
      'node_modules/helper/node_modules/inner/index.cjs': 'exports.inner = "its own"',
      'node_modules/inner/package.json': '{ "name": "inner", "main": "index.cjs" }',
      'node_modules/inner/index.cjs': 'exports.inner = "another"',
      'node_modules/plain/package.json': '{ "name": "plain", "main": "index.cjs" }',
      'node_modules/plain/index.cjs':
        'globalThis.plainLoads = (globalThis.plainLoads ?? 0) + 1\nexports.count = globalThis.plainLoads',
    })
    const { inputs } = await load()
    expect(inputs).toEqual([join(folder, 'node_modules/helper/index.js'), join(folder, 'plugin.ts')])
    const first = (await seenBy()) as { helper: Record<string, unknown>; count: number }
    expect(first.helper).toEqual({ CcrError, inner: 'its own', version: 1 })
    expect(first.count).toBe(1)
    await write({ 'node_modules/helper/index.js': helper(2) })
    const second = (await seenBy()) as typeof first
    expect(second.helper['version']).toBe(2)
    expect(second.count).toBe(1)
  })

  // In a process of its own, because the test runner formats stack traces by itself. The build comes before the tests.
  it('names the line of the TypeScript source in stack traces and in errors', async () => {
    await write({
      'plugin.ts': plugin("import { fail } from './lib/fail.ts'", 'fail()'),
      'throws.ts': "import { fail } from './lib/fail.ts'\nfail()",
      'lib/fail.ts': 'interface A {\n  a: string\n}\n\nexport function fail(): A {\n  throw new Error("here")\n}\n',
      'main.mjs': `
        import { loadPluginFile } from ${JSON.stringify(new URL('../../dist/load/evaluate.js', import.meta.url).href)}
        const { plugin } = await loadPluginFile(${JSON.stringify(join(folder, 'plugin.ts'))})
        try { plugin.activate({ seen() {} }) } catch (thrown) { console.log(thrown.stack) }
        await loadPluginFile(${JSON.stringify(join(folder, 'throws.ts'))})
          .catch((thrown) => console.log('at ' + thrown.at))`,
    })
    const { stdout, stderr } = await run(process.execPath, [join(folder, 'main.mjs')], { timeout: 15_000 })
    const place = `${join(folder, 'lib/fail.ts')}:6:9`
    expect(stdout).toContain(`(${place})`)
    expect(stdout).toContain(`at ${place}\n`)
    expect(stderr).toBe('')
  })

  it.each<[string, Record<string, string>, string, string, RegExp]>([
    [
      'a syntax error',
      { 'plugin.ts': 'const a = 1\nconst = 2' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts:2:7',
      /Expected identifier/,
    ],
    [
      'one in a dependency',
      { 'plugin.ts': 'import "./lib/a.ts"', 'lib/a.ts': '\n  let 1' },
      'CCR_PLUGIN_LOAD',
      'lib/a.ts:2:7',
      /cannot be built/,
    ],
    [
      'top-level await',
      { 'plugin.ts': 'await null' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts:1:1',
      /Move the await into activate/,
    ],
    [
      'import.meta',
      { 'plugin.ts': '\nconsole.log(import.meta.url)' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts:2:13',
      /one CommonJS text/,
    ],
    [
      'a missing package',
      { 'plugin.ts': 'import "nothing-here"' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts:1:8',
      /Install the package beside/,
    ],
    ['a missing file', { 'plugin.ts': 'import "./nope.ts"' }, 'CCR_PLUGIN_LOAD', 'plugin.ts:1:8', /Could not resolve/],
    ['a missing subpath', { 'plugin.ts': 'import "@ccr/sdk/nope"' }, 'CCR_PLUGIN_LOAD', 'plugin.ts', /@ccr\/sdk\/nope/],
    [
      'a throw',
      { 'plugin.ts': 'throw new Error("boo")' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /boo.*Importing a plugin must do nothing/,
    ],
    ['no export', { 'plugin.ts': 'export const a = 1' }, 'CCR_PLUGIN_LOAD', 'plugin.ts', /definePlugin/],
    [
      'a default that is none',
      { 'plugin.ts': 'export default 5' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /its default export is not a plugin/,
    ],
    [
      'a bad name',
      { 'plugin.ts': 'export default { name: "A b" }' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /lower-case words/,
    ],
    [
      'no description',
      { 'plugin.ts': 'export default { name: "a" }' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /no description/,
    ],
    [
      'no activate',
      { 'plugin.ts': 'export default { name: "a", description: "" }' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /no activate function/,
    ],
    [
      'no options',
      { 'plugin.ts': 'export default { name: "a", description: "", activate() {} }' },
      'CCR_PLUGIN_LOAD',
      'plugin.ts',
      /no schema of its options/,
    ],
    [
      'another API',
      { 'plugin.ts': plugin('', '1').replace('apiVersion: 1', 'apiVersion: 2') },
      'CCR_PLUGIN_API',
      'plugin.ts',
      /API version 2/,
    ],
    ['a folder', { 'plugin.ts/index.ts': '' }, 'CCR_PLUGIN_LOAD', 'plugin.ts', /Name the entry file/],
    ['nothing', {}, 'CCR_PLUGIN_LOAD', 'plugin.ts', /does not exist/],
  ])('refuses %s', async (_, files, code, at, message) => {
    await write(files)
    const found = await fault(load())
    expect({ code: found.code, at: found.at }).toEqual({ code, at })
    expect(found.message).toMatch(message)
  })
})
