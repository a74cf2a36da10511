import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadEntries, type EntryConfig } from './entries.ts'
import { loadPluginFile, type LoadedPlugin, type LoadFailure } from './evaluate.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-faults-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Files = Readonly<Record<string, string>>

async function write(files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const load = (): Promise<LoadedPlugin | LoadFailure> => loadPluginFile(join(folder, 'plugin.ts'))

const good = (imports = '', more = ''): string => `
import { definePlugin, Type } from '@ccr/sdk'
${imports}
export default definePlugin({
  name: 'probe', apiVersion: 1, description: 'A probe.', options: Type.Object({}), ${more} activate() {},
})`

interface Row {
  readonly files: Files
  readonly code?: 'CCR_PLUGIN_API'
  /** Place, below the folder. */
  readonly at: string
  readonly says: RegExp
  /** Files below the folder whose change must be noticed, beside the entry. */
  readonly watched?: readonly string[]
  /** Written afterwards; then the plugin loads. */
  readonly cure: Files
}

const cure: Files = { 'plugin.ts': good() }
const shape = (text: string, says: RegExp): Row => ({ files: { 'plugin.ts': text }, at: 'plugin.ts', says, cure })
/** What definePlugin was given. */
const made = (draft: string, says: RegExp): Row =>
  shape(`import { definePlugin, Type } from '@ccr/sdk'\nexport default definePlugin({ ${draft} } as never)`, says)

const TABLE: Readonly<Record<string, Row>> = {
  'a syntax error (127)': {
    files: { 'plugin.ts': 'const a = 1\nconst = 2' },
    at: 'plugin.ts:2:7',
    says: /Expected identifier.*loaded again when it changes/,
    cure,
  },
  'a syntax error behind other characters': {
    files: { 'plugin.ts': "const a = 'äöü€'; let 1" },
    at: 'plugin.ts:1:23',
    says: /cannot be built/,
    cure,
  },
  'a syntax error in a dependency (127)': {
    files: { 'plugin.ts': good("import './lib/a.ts'"), 'lib/a.ts': "import './b.ts'\n  let 1", 'lib/b.ts': '' },
    at: 'lib/a.ts:2:7',
    says: /cannot be built/,
    watched: ['lib/a.ts', 'plugin.ts'],
    cure: { 'lib/a.ts': '' },
  },
  'a dependency that is empty, as while it is saved (130)': {
    files: { 'plugin.ts': good("import { a } from './lib/a.ts'", 'provides: [a],'), 'lib/a.ts': '' },
    at: 'plugin.ts:3:10',
    says: /will always be undefined because the file "lib\/a.ts" has no exports/,
    watched: ['lib/a.ts', 'plugin.ts'],
    cure: { 'lib/a.ts': "export const a = 'a'" },
  },
  'broken JSON': {
    files: { 'plugin.ts': good("import './a.json'"), 'a.json': '{ "a":' },
    at: 'a.json:1:7',
    says: /cannot be built/,
    watched: ['a.json'],
    cure: { 'a.json': '{}' },
  },
  'bytes that are no text': {
    files: { 'plugin.ts': '\0\u0001\u0002' },
    at: 'plugin.ts:1:1',
    says: /cannot be built/,
    cure,
  },
  'top-level await': {
    files: { 'plugin.ts': good('await null') },
    at: 'plugin.ts:3:1',
    says: /Move the await into activate/,
    cure,
  },
  'import.meta': {
    files: { 'plugin.ts': good('console.log(import.meta.url)') },
    at: 'plugin.ts:3:13',
    says: /one CommonJS text/,
    cure,
  },
  'a missing package (128)': {
    files: { 'plugin.ts': good("import '@scope/nothing-here/sub'"), 'package.json': '{}' },
    at: 'plugin.ts:3:8',
    says: /Could not resolve "@scope\/nothing-here\/sub".*Install the package beside/,
    watched: ['package.json', 'node_modules/@scope/nothing-here/package.json'],
    cure,
  },
  'a package without its file (128)': {
    files: {
      'plugin.ts': good("import 'half'"),
      'node_modules/half/package.json': '{ "name": "half", "main": "index.cjs" }',
    },
    at: 'plugin.ts',
    says: /Cannot find module.*Install the package again/,
    cure,
  },
  'a package that awaits while it is loaded': {
    files: {
      'plugin.ts': good("import { a } from 'slow'", 'transformers: [a],'),
      'node_modules/slow/package.json': '{ "name": "slow", "type": "module", "main": "index.js" }',
      'node_modules/slow/index.js': 'export const a = await 1',
    },
    at: 'plugin.ts',
    says: /import it with import\(\) in activate/,
    cure,
  },
  'a missing file (128)': {
    files: { 'plugin.ts': good("import './lib/a.js'") },
    at: 'plugin.ts:3:8',
    says: /Could not resolve "\.\/lib\/a\.js"/,
    watched: ['lib/a.js', 'lib/a.ts'],
    cure: { 'lib/a.ts': '' },
  },
  'a missing file without its ending': {
    files: { 'plugin.ts': good("import './lib/a'") },
    at: 'plugin.ts:3:8',
    says: /Could not resolve/,
    watched: ['lib/a.ts', 'lib/a/index.ts', 'lib/a.json', 'lib/a.js'],
    cure: { 'lib/a/index.ts': '' },
  },
  'a missing alias': {
    files: { 'src/a.ts': "import '#b'", 'plugin.ts': good("import './src/a.ts'"), 'package.json': '{}' },
    at: 'src/a.ts:1:8',
    says: /Could not resolve "#b"/,
    watched: ['src/a.ts', 'package.json', 'tsconfig.json'],
    cure: { 'package.json': '{ "imports": { "#b": "./b.ts" } }', 'b.ts': '' },
  },
  'a missing subpath of the SDK': {
    files: { 'plugin.ts': good("import '@ccr/sdk/nope'") },
    at: 'plugin.ts',
    says: /@ccr\/sdk\/nope.*does not exist/,
    cure,
  },
  'a throw while it is evaluated (128)': {
    files: {
      'plugin.ts': good("import './a.ts'"),
      'a.ts': 'interface A {\n a: string }\nthrow new Error("boo\\nmore.")',
    },
    // The test runner formats stack traces by itself; stack-traces.test.ts sees the place in a.ts.
    at: 'plugin.ts',
    says: /threw while it was evaluated: boo\. Importing a plugin must do nothing/,
    watched: ['a.ts'],
    cure: { 'a.ts': '' },
  },
  'a throw of nothing': {
    files: { 'plugin.ts': good('throw undefined') },
    at: 'plugin.ts',
    says: /threw while it was evaluated: undefined/,
    cure,
  },
  'another API version (128)': {
    files: { 'plugin.ts': good("import './a.ts'").replace('apiVersion: 1', 'apiVersion: 2'), 'a.ts': '' },
    code: 'CCR_PLUGIN_API',
    at: 'plugin.ts',
    says: /the plugin probe was written for API version 2, and this router speaks 1\. Install a version/,
    watched: ['a.ts'],
    cure,
  },
  'no default export': shape('export const a = 1', /has no default export.*definePlugin/),
  'an empty file (130)': shape('', /default export/),
  'a default that is none': shape('export default 5', /its default export is not a plugin/),
  'no name': made('description: "a"', /the plugin has no name\. Give it one: name: 'my-plugin'$/),
  'a bad name': made(
    'name: "A b"',
    /a name not made of lower-case words joined by -\. Give it one: name: 'my-plugin'$/,
  ),
  'no description': made('name: "a"', /no description\. Say in a sentence what it does$/),
  'no activate': made('name: "a", description: ""', /no activate function\. Add one: activate\(ctx\)/),
  'options that are no schema': made(
    'name: "a", description: "", activate() {}, options: {}',
    /has options that are no schema\. Make them one: options: Type\.Object\(\{ … \}\)$/,
  ),
  'capabilities that are no list': made(
    'name: "a", description: "", activate() {}, options: Type.Object({}), capabilities: {}',
    /declares the capability \[object Object\]\. There are only files, /,
  ),
  'a capability that is no text': made(
    'name: "a", description: "", activate() {}, options: Type.Object({}), capabilities: [undefined]',
    /declares the capability .*\. There are only files, /,
  ),
  'a section that is no schema': shape(
    `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'a', apiVersion: 1, description: '', options: Type.Object({}),
  config: Type.Object({ Router: Type.Optional(Type.Unknown()) }) as never,
  activate() {},
})`,
    /the section type of the plugin a is no schema\. Make it one of Type/,
  ),
  'no use of definePlugin': shape(
    'export default { name: "a", description: "", activate() {}, options: { type: "object", properties: {} } }',
    /not made by definePlugin\. End the file with: export default definePlugin\(\{ … \}\)$/,
  ),
  'no file (130)': { files: {}, at: 'plugin.ts', says: /does not exist\. Correct the path/, cure },
}

describe('a file that is no usable plugin', () => {
  it.each(Object.entries(TABLE))('is refused for %s, and loads when it is cured', async (_, row) => {
    await write(row.files)
    const loaded = await load()
    if (!('error' in loaded)) throw new Error('it was loaded')
    const { error, inputs } = loaded
    expect({ code: error.code, at: error.at && relative(folder, error.at) }).toEqual({
      code: row.code ?? 'CCR_PLUGIN_LOAD',
      at: row.at,
    })
    expect(error.message.replaceAll(`${folder}/`, '')).toMatch(row.says)
    expect(inputs.map((input) => relative(folder, input))).toEqual(
      expect.arrayContaining(['plugin.ts', ...(row.watched ?? [])]),
    )
    await write(row.cure)
    expect(await load()).toMatchObject({ plugin: { name: 'probe' } })
  })

  it('is refused when it is a folder, and named so', async () => {
    await mkdir(join(folder, 'plugin.ts'))
    expect(await load()).toMatchObject({ error: { message: expect.stringMatching(/Name the entry file/) as string } })
  })

  it('is told to a watcher with all its files, so that any order of copying ends with a plugin (130)', async () => {
    const files: Files = {
      'plugin.ts': good("import './lib/a.js'\nimport './lib'\nimport '#more'"),
      'package.json': '{ "imports": { "#more": "./lib/more.ts" } }',
      'lib/more.ts': '',
      'lib/a.ts': "import './b.cjs'\nimport '../data.json'",
      'lib/b.cjs': "require('./deep/c.mjs')",
      'lib/deep/c.mjs': '',
      'lib/index.ts': "export * from './a.ts'",
      'data.json': '{}',
    }
    const names = Object.keys(files)
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(names, { minLength: names.length }), async (order) => {
        await rm(folder, { recursive: true, force: true })
        let loaded = await load()
        for (const name of order) {
          await write({ [name]: files[name]! })
          // Nobody else would look again.
          if (loaded.inputs.includes(join(folder, name))) loaded = await load()
        }
        expect(loaded).toMatchObject({ plugin: { name: 'probe' } })
      }),
      { numRuns: 25 },
    )
  })
})

describe('files that import each other', () => {
  it('load, in the same order every time', async () => {
    await write({
      'plugin.ts': good(
        "import { a } from './a.ts'\nimport { order } from './b.ts'",
        "transformers: [{ name: a() + order.join('') }],",
      ),
      'a.ts': "import { b, order } from './b.ts'\norder.push('a')\nexport const a = () => b() + 'a'",
      'b.ts': "import { a } from './a.ts'\nexport const order = ['b']\nexport const b = () => a && 'b'",
    })
    const first = await load()
    expect(first).toMatchObject({ plugin: { transformers: [{ name: 'baba' }] } })
    expect((await load()).inputs).toEqual(first.inputs)
    expect(await load()).toMatchObject({ hash: 'error' in first ? '' : first.hash })
  })
})

describe('loadEntries', () => {
  it('names the files of the faulty beside those of the good, in the order of the config', async () => {
    await write({
      'plugin.ts': good("import './a.ts'"),
      'a.ts': '',
      'faulty.ts': "import './b.ts'\nimport './c.ts'",
      'b.ts': 'let 1',
    })
    const entry = (name: string, enabled = true): EntryConfig => {
      const use = `file:./${name}`
      return { id: name, use, file: join(folder, name), options: {}, enabled, at: 'config.json:1:1' }
    }
    const configs = [entry('gone.ts'), entry('plugin.ts'), entry('faulty.ts'), entry('off.ts', false)]
    const { entries, failures, inputs } = await loadEntries(configs, [])
    expect(entries.map(({ id }) => id)).toEqual(['plugin.ts'])
    expect(failures.map(({ id }) => id)).toEqual(['gone.ts', 'faulty.ts'])
    expect(inputs.map((input) => relative(folder, input))).toEqual(
      expect.arrayContaining(['a.ts', 'b.ts', 'c.ts', 'faulty.ts', 'gone.ts', 'plugin.ts']),
    )
    expect(inputs).not.toContain(join(folder, 'off.ts'))
  })
})
