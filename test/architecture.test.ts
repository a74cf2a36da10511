import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../sdk/src/errors.ts'
import {
  checkAny,
  checkCircles,
  checkDefaultExports,
  checkDoors,
  checkExceptions,
  checkFileSizes,
  checkImports,
  checkIndexFiles,
  checkNames,
  checkReveals,
  checkRoomSizes,
  checkSkippedTests,
  checkUnfinished,
  checkVendorWords,
  isTest,
  linesOfCode,
  readWords,
  roomSizes,
  type FileMap,
  type WordException,
} from './source-checks.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const WORDS = readWords(readFileSync(new URL('vendor-words.txt', import.meta.url), 'utf8'))

/**
 * What a checked room says although it is a vendor's word; as short as it can be. `CLAUDE_PATH` is a config key of the
 * kernel that users already have: it names the executable of `ccr code`, and nothing of a provider.
 */
const EXCEPTIONS: readonly WordException[] = [
  { file: 'kernel/src/config/schema.ts', word: 'claude', reason: 'declares CLAUDE_PATH and its default' },
]

/**
 * What reveals a secret: credentials that are sent, the length of the router's key, the key itself and the proxy; and
 * to a class of the user's own, the key of a provider that names it.
 */
const REVEALING = [
  'sdk/src/kernel/credential-headers.ts',
  'kernel/src/host/http/listen-failure.ts',
  'kernel/src/host/router.ts',
  'plugins/compat-transformers/src/provider.ts',
]

/** Libraries that a start must not load whole, and the files that take what it needs of them. */
const DOORS = {
  typebox: /^sdk\/src\/typebox\//,
  undici: /^kernel\/src\/(?:host\/upstream\/undici|install\/download)\.ts$/,
}

/** TypeScript files below these folders. */
function readTree(folders: readonly string[]): FileMap {
  const files = new Map<string, string>()
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else if (entry.name.endsWith('.ts')) files.set(path, readFileSync(join(ROOT, path), 'utf8'))
    }
  }
  folders.forEach(walk)
  return files
}

const plugins = readdirSync(join(ROOT, 'plugins')).map((name) => `plugins/${name}/src`)
const source = readTree(['sdk/src', 'kernel/src', ...plugins])
const code = readTree(['sdk', 'kernel', 'plugins', 'test'])

const files = (entries: Readonly<Record<string, string>>): FileMap => new Map(Object.entries(entries))

describe('import direction', () => {
  it('holds in the tree', () => {
    expect(source.size).toBeGreaterThan(10)
    expect(checkImports(source)).toEqual([])
  })

  const forbidden: readonly (readonly [string, string, string])[] = [
    ['sdk imports the kernel', 'sdk/src/a.ts', `import { x } from '@ccr/kernel'`],
    ['sdk imports a plugin', 'sdk/src/a.ts', `import x from '@ccr/plugin-dialect-one'`],
    ['sdk imports what is for the kernel', 'sdk/src/a.ts', `import { x } from './kernel/b.ts'`],
    ['sdk imports its test kit', 'sdk/src/a.ts', `export * from './testing/index.ts'`],
    ['the test kit imports a plugin', 'sdk/src/testing/a.ts', `import x from '@ccr/plugin-dialect-one'`],
    ['core imports exchange', 'kernel/src/core/a.ts', `import { x } from '../exchange/b.ts'`],
    ['core imports exchange, as a type', 'kernel/src/core/a.ts', `import type { X } from '../exchange/b.ts'`],
    ['core imports exchange, inside a type', 'kernel/src/core/a.ts', `export type X = import('../exchange/b.ts').X`],
    ['core imports host lazily', 'kernel/src/core/a.ts', `const host = await import('../host/b.ts')`],
    ['exchange imports config', 'kernel/src/exchange/a.ts', `export { x } from '../config/b.ts'`],
    ['load imports host', 'kernel/src/load/a.ts', `import '../host/b.ts'`],
    ['load imports config', 'kernel/src/load/a.ts', `import { x } from '../config/b.ts'`],
    ['host imports cli', 'kernel/src/host/a.ts', `import { x } from '../cli/b.ts'`],
    ['host imports the kernel as a package', 'kernel/src/host/a.ts', `import { x } from '@ccr/kernel'`],
    ['cli imports a plugin', 'kernel/src/cli/a.ts', `import x from '@ccr/plugin-dialect-one'`],
    ['cli reaches into another package', 'kernel/src/cli/a.ts', `import x from '../../../plugins/one/src/index.ts'`],
    ['cli reaches outside src', 'kernel/src/cli/a.ts', `import x from '../../bench/gates.ts'`],
    ['a plugin imports the kernel', 'plugins/one/src/index.ts', `import { x } from '@ccr/kernel'`],
    ['a plugin uses what is for the kernel', 'plugins/one/src/index.ts', `import { x } from '@ccr/sdk/kernel'`],
    ['a plugin imports another', 'plugins/one/src/index.ts', `import x from '@ccr/plugin-two'`],
    ['a plugin reaches into another', 'plugins/one/src/index.ts', `import x from '../../two/src/index.ts'`],
    ['a plugin ships the test kit', 'plugins/one/src/index.ts', `import { x } from '@ccr/sdk/testing'`],
  ]
  it.each(forbidden)('is broken when %s', (_, path, text) => {
    expect(checkImports(files({ [path]: `import 'node:fs'\n${text}\n` }))).toEqual([
      expect.stringContaining(`${path}:2: `),
    ])
  })

  const allowed: readonly (readonly [string, string, string])[] = [
    [
      'core imports the SDK and a library',
      'kernel/src/core/a.ts',
      `import '@ccr/sdk'\nimport 'tapable'\nimport './b.ts'`,
    ],
    ['host imports every room to its left', 'kernel/src/host/a.ts', `import '../core/b.ts'\nimport '../config/b.ts'`],
    ['the entry of the kernel re-exports', 'kernel/src/index.ts', `export * from './cli/b.ts'`],
    ['what is for the kernel imports the SDK', 'sdk/src/kernel/a.ts', `import '../errors.ts'\nimport './b.ts'`],
    ['the test kit runs the kernel', 'sdk/src/testing/a.ts', `import '@ccr/kernel'\nimport '../errors.ts'`],
    ['a test imports what it wants', 'kernel/src/core/a.test.ts', `import '../host/b.ts'`],
    ['a plugin imports the SDK and itself', 'plugins/one/src/index.ts', `import '@ccr/sdk'\nimport './deep/b.ts'`],
    [
      'an import stands in a comment or text',
      'sdk/src/a.ts',
      `// import '@ccr/kernel'\nconst a = "import '@ccr/kernel'"`,
    ],
  ]
  it.each(allowed)('holds when %s', (_, path, text) => {
    expect(checkImports(files({ [path]: text }))).toEqual([])
  })
})

describe('circles of imports', () => {
  it('do not exist', () => {
    expect(checkCircles(source)).toEqual([])
  })

  it('would be found, through types and any number of files', () => {
    const circle = files({
      'sdk/src/a.ts': `import { b } from './b.ts'`,
      'sdk/src/b.ts': `import 'node:fs'\nimport type { C } from './deep/c.ts'`,
      'sdk/src/deep/c.ts': `export * from '../a.ts'`,
      'sdk/src/d.ts': `import './a.ts'\nimport './b.ts'`,
    })
    expect(checkCircles(circle)).toEqual(['sdk/src/a.ts → sdk/src/b.ts → sdk/src/deep/c.ts → sdk/src/a.ts'])
    expect(checkCircles(files({ 'sdk/src/a.ts': `import './b.ts'`, 'sdk/src/b.ts': '' }))).toEqual([])
  })
})

describe('vendor words', () => {
  it('do not occur in the rooms that know no vendor', () => {
    expect(WORDS.length).toBeGreaterThan(30)
    expect(checkVendorWords(source, WORDS, EXCEPTIONS)).toEqual([])
  })

  it('have no exception that nothing needs', () => {
    expect(checkExceptions(source, EXCEPTIONS)).toEqual([])
    const stale = { file: 'kernel/src/core/a.ts', word: 'gemini', reason: 'planted' }
    expect(checkExceptions(files({ [stale.file]: '' }), [stale])).toHaveLength(1)
    expect(checkExceptions(files({}), [stale])).toHaveLength(1)
    expect(checkExceptions(files({ [stale.file]: `'gemini'` }), [stale])).toEqual([])
  })

  it.each(['core', 'exchange', 'load', 'config'])('are found in %s, in every spelling', (room) => {
    const path = `kernel/src/${room}/a.ts`
    for (const word of WORDS) {
      const capital = word[0]!.toUpperCase() + word.slice(1)
      for (const text of [`'${word}'`, `// ${word.toUpperCase()}.`, `const is${capital}Body = 1`, `x_${word}_y`]) {
        expect(checkVendorWords(files({ [path]: `\n${text}\n` }), WORDS), text).toContainEqual(
          expect.stringContaining(`${path}:2: `),
        )
      }
    }
  })

  it('are not found inside longer words, in other rooms, in tests, or where an exception stands', () => {
    const path = 'kernel/src/core/a.ts'
    expect(checkVendorWords(files({ [path]: 'const corpus = maxaim + zaire + Octopus' }), WORDS)).toEqual([])
    expect(checkVendorWords(files({ 'kernel/src/core/a.test.ts': `'gemini'` }), WORDS)).toEqual([])
    expect(
      checkVendorWords(files({ 'kernel/src/host/a.ts': `'gemini'`, 'plugins/a/src/a.ts': `'gemini'` }), WORDS),
    ).toEqual([])
    const exception = { file: path, word: 'gemini', reason: 'planted' }
    expect(checkVendorWords(files({ [path]: `'gemini'` }), WORDS, [exception])).toEqual([])
    expect(checkVendorWords(files({ [path]: `'gemini', 'mistral'` }), WORDS, [exception])).toHaveLength(1)
  })
})

describe('sizes', () => {
  it('of core and exchange, and of what the SDK has for them alone, stay below 2,000 lines of code', () => {
    for (const { size } of roomSizes(source)) expect(size).toBeGreaterThan(1000)
    expect(checkRoomSizes(source)).toEqual([])
  })

  it('count lines that hold code, and nothing else', () => {
    const text = [
      '/** Doc. */',
      '',
      'const a = 1 // why',
      '/*',
      ' code-like = 1',
      '*/',
      'const b = `',
      '',
      '// text`',
      '}',
    ].join('\n')
    expect(linesOfCode(text)).toBe(5)
    expect(linesOfCode('')).toBe(0)
  })

  it('of rooms that grew too large are reported, without tests', () => {
    const line = 'a()\n'
    const grown = files({
      'kernel/src/core/a.ts': line.repeat(1000),
      'kernel/src/exchange/b.ts': line.repeat(1000),
      'kernel/src/exchange/b.test.ts': line.repeat(500),
      'kernel/src/host/c.ts': line.repeat(500),
    })
    expect(checkRoomSizes(grown)).toEqual([
      'kernel/src/core + exchange: 2000 lines of code, fewer than 2000 are allowed',
    ])
    const full = { 'kernel/src/core/a.ts': line.repeat(1999), 'sdk/src/kernel/a.ts': line.repeat(1999) }
    expect(checkRoomSizes(files(full))).toEqual([])
    expect(checkRoomSizes(files({ 'sdk/src/kernel/a.ts': line.repeat(2000) }))).toHaveLength(1)
  })

  it('of every file hold', () => {
    expect(checkFileSizes(code)).toEqual([])
  })

  it('of long files and wide lines are reported', () => {
    expect(checkFileSizes(files({ 'a.ts': '\n'.repeat(401) }))).toEqual(['a.ts: 401 lines, at most 400'])
    expect(checkFileSizes(files({ 'a.ts': '\n'.repeat(400), 'a.test.ts': '\n'.repeat(600) }))).toEqual([])
    expect(checkFileSizes(files({ 'a.test.ts': '\n'.repeat(601) }))).toEqual(['a.test.ts: 601 lines, at most 600'])
    expect(checkFileSizes(files({ 'a.ts': `\n${'x'.repeat(121)}` }))).toEqual(['a.ts:2: 121 characters, at most 120'])
    expect(checkFileSizes(files({ 'a.ts': 'x'.repeat(120) }))).toEqual([])
  })
})

describe('shape', () => {
  it('index files only re-export', () => {
    expect(checkIndexFiles(source)).toEqual([])
    const bad = files({ 'sdk/src/index.ts': `export * from './a.ts'\nexport const a = 1\n` })
    expect(checkIndexFiles(bad)).toEqual(['sdk/src/index.ts:2: an index file only re-exports'])
    const importing = files({ 'sdk/src/index.ts': `import { a } from './a.ts'\nexport { a }\n` })
    expect(checkIndexFiles(importing)).toHaveLength(2)
    const good = files({
      'sdk/src/index.ts': `/** Why. */\nexport { a } from './a.ts'\nexport type { B } from './b.ts'\n`,
    })
    expect(checkIndexFiles(good)).toEqual([])
  })

  it('secrets are revealed where AGENTS.md says', () => {
    expect(checkReveals(source, REVEALING)).toEqual([])
    const revealing = checkReveals(source, []).map((one) => one.split(':')[0])
    expect(REVEALING.filter((file) => !revealing.includes(file))).toEqual([])
    const rule = readFileSync(join(ROOT, 'AGENTS.md'), 'utf8').match(/^7\. Secrets .*(?:\n   .*)*/m)?.[0] ?? ''
    expect([...rule.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file)).toEqual(REVEALING)
    const bad = files({ 'plugins/a/src/a.ts': `\nauth.secret.reveal()`, 'kernel/src/host/a.ts': `key?.reveal()` })
    expect(checkReveals(bad, REVEALING)).toEqual([
      'plugins/a/src/a.ts:2: a secret is revealed',
      'kernel/src/host/a.ts:1: a secret is revealed',
    ])
  })

  it('what makes a start slow when it is loaded whole comes in through one door', () => {
    expect(checkDoors(source, DOORS)).toEqual([])
    const bad = files({
      'kernel/src/a.ts': `import { Type } from 'typebox'`,
      'plugins/a/src/b.ts': `export * from 'typebox/value'`,
      'kernel/src/c.ts': `import { type Dispatcher, request } from 'undici'`,
    })
    expect(checkDoors(bad, DOORS)).toHaveLength(3)
    const good = files({
      'sdk/src/typebox/value.ts': `export * from 'typebox/value'`,
      'kernel/src/host/a.ts': `import type { Dispatcher } from 'undici'\nconst all = import('undici')`,
    })
    expect(checkDoors(good, DOORS)).toEqual([])
  })

  it('every error code is one that something has', () => {
    const others = [...source].filter(([path]) => path !== 'sdk/src/errors.ts' && !isTest(path)).map(([, text]) => text)
    expect(Object.keys(ERROR_CODES).filter((code) => !others.some((text) => text.includes(`'${code}'`)))).toEqual([])
  })

  it('names say something', () => {
    expect(checkNames(code)).toEqual([])
    for (const bad of [
      'sdk/src/utils.ts',
      'kernel/src/core/helpers/a.ts',
      'test/helper.ts',
      'plugins/a/src/common.test.ts',
      'misc/a.ts',
    ]) {
      expect(checkNames(files({ [bad]: '' }))).toEqual([`${bad}: the name says nothing`])
    }
    expect(checkNames(files({ 'sdk/src/commonplace.ts': '', 'sdk/src/dismiss.ts': '' }))).toEqual([])
  })

  it('only a plugin has a default export, its definePlugin or a shorter form', () => {
    expect(checkDefaultExports(source)).toEqual([])
    const bad = [
      'export default 1',
      'export default function a() {}',
      'export default class A {}',
      'const a = 1\nexport { a as default }',
    ]
    for (const text of bad) expect(checkDefaultExports(files({ 'kernel/src/core/a.ts': text })), text).toHaveLength(1)
    expect(checkDefaultExports(files({ 'plugins/a/src/index.ts': 'export default { name: 1 }' }))).toHaveLength(1)
    expect(checkDefaultExports(files({ 'plugins/a/src/b.ts': 'export default definePlugin({})' }))).toHaveLength(1)
    for (const define of ['definePlugin', 'defineTransformer', 'defineRouter', 'defineQuota'])
      expect(checkDefaultExports(files({ 'plugins/a/src/index.ts': `export default ${define}({})` }))).toEqual([])
    expect(checkDefaultExports(files({ 'plugins/a/src/index.ts': 'export default defineOther({})' }))).toHaveLength(1)
    expect(checkDefaultExports(files({ 'kernel/src/core/a.ts': `export { a } from './b.ts'` }))).toEqual([])
  })

  it('nothing is left unfinished', () => {
    expect(checkUnfinished(code)).toEqual([])
    for (const mark of ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX']) {
      expect(checkUnfinished(files({ 'a.ts': `\n// ${mark}: later` }))).toEqual([`a.ts:2: '${mark}'`])
    }
    expect(checkUnfinished(files({ 'a.ts': 'const TO' + 'DOS = 1' }))).toEqual([])
  })

  it('no test is skipped or focused', () => {
    expect(checkSkippedTests(code)).toEqual([])
    for (const word of ['skip', 'only', 'to' + 'do']) {
      expect(checkSkippedTests(files({ 'a.test.ts': `it.${word}('a', () => {})` }))).toEqual([
        `a.test.ts:1: 'it.${word}'`,
      ])
    }
    expect(checkSkippedTests(files({ 'a.test.ts': `it.skipIf(absent)('a', () => {})` }))).toEqual([])
  })

  it('nothing has the type any', () => {
    expect(checkAny(code)).toEqual([])
    for (const text of ['let a: any', 'f<any>()', 'a as any', 'type A = any[]', 'let a: Record<string, any>']) {
      expect(checkAny(files({ 'a.ts': `\n${text}` })), text).toEqual([`a.ts:2: the type 'any'`])
    }
    expect(checkAny(files({ 'a.ts': `// any\nconst any = 'any'` }))).toEqual([])
  })
})
