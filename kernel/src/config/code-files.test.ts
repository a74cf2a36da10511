import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeFile, type CodeFile } from '@ccr/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCodeSections } from './code-files.ts'
import type { InstalledPlugin } from './installed.ts'
import type { LoadedConfig } from './loaded.ts'
import { readConfig } from './read.ts'

let folder: string
let loaded: LoadedConfig

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-code-'))
  await writeFile(join(folder, 'config.json'), '{ MINE: "./mine.ts", OTHER: "text" }')
  await writeFile(join(folder, 'mine.ts'), `import { word } from './word.ts'\nexport default (): string => word\n`)
  await writeFile(join(folder, 'word.ts'), `export const word: string = 'one'\n`)
  await writeFile(join(folder, 'mine.cjs'), `module.exports = () => 'common'\n`)
  await writeFile(join(folder, 'mine.mjs'), `export default () => 'module'\n`)
  await writeFile(join(folder, 'broken.ts'), `export default () => {\n`)
  await writeFile(join(folder, 'object.cjs'), `module.exports = { word: () => 'object' }\n`)
  await writeFile(join(folder, 'throws.ts'), `\nthrow new Error('no')\n`)
  loaded = await readConfig({ home: folder, env: {} })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const PLUGIN: InstalledPlugin = {
  name: 'reader',
  use: 'reader',
  file: undefined,
  options: codeFile(''),
  fromFile: false,
  transformers: [],
  dialects: undefined,
  sections: { MINE: codeFile('Code.', 'function'), OTHER: {} },
}

const load = (value: unknown, more: { readonly enabled?: boolean; readonly thirdParty?: boolean } = {}) => {
  const { enabled = true, thirdParty = true } = more
  const entries = [{ id: 'reader', use: 'reader', options: {}, enabled, at: 'config.json' }]
  const sections = { MINE: value, OTHER: 'text' }
  return loadCodeSections(sections, { loaded, installed: [PLUGIN], entries, routes: [], thirdParty })
}

const exportOf = (section: unknown): unknown => (section as CodeFile).exported
const callOf = (section: unknown): unknown => (exportOf(section) as () => unknown)()

describe('a section that names code', () => {
  it.each([
    ['./mine.ts', 'one'],
    ['mine.cjs', 'common'],
    ['mine.mjs', 'module'],
  ])('%s is what it exports, and other sections stay', async (path, word) => {
    const { sections, failures, inputs, hashes } = await load(path)
    expect(failures).toEqual([])
    expect(callOf(sections['MINE'])).toBe(word)
    expect(sections['OTHER']).toBe('text')
    expect(inputs).toContain(join(folder, path))
    expect(hashes).toHaveLength(1)
  })

  it('comes with the config as it is read, without its secrets', async () => {
    await writeFile(join(folder, 'config.json'), '{ MINE: "./mine.ts", OTHER: "5", Own: ["$KEPT"], APIKEY: "test" }')
    const own = await readConfig({ home: folder, env: { KEPT: 'x' } })
    const entries = [{ id: 'reader', use: 'reader', options: {}, enabled: true, at: 'config.json' }]
    const options = { loaded: own, installed: [PLUGIN], entries, routes: ['/Own/0'], thirdParty: true }
    const { sections } = await loadCodeSections({ MINE: './mine.ts', OTHER: 5, Providers: [] }, options)
    expect(sections['MINE']).toMatchObject({
      file: join(folder, 'mine.ts'),
      config: { MINE: './mine.ts', OTHER: 5, Own: ['x'], APIKEY: '[secret]' },
    })
    expect((sections['MINE'] as CodeFile).config).not.toHaveProperty('Providers')
  })

  it('is the same for code that did not change, and another one when a file that it imports did', async () => {
    const before = await load('./mine.ts')
    expect(before.inputs).toContain(join(folder, 'word.ts'))
    expect(exportOf((await load('./mine.ts')).sections['MINE'])).toBe(exportOf(before.sections['MINE']))
    await writeFile(join(folder, 'word.ts'), `export const word: string = 'two'\n`)
    const after = await load('./mine.ts')
    expect(callOf(after.sections['MINE'])).toBe('two')
    expect(after.hashes).not.toEqual(before.hashes)
    expect(callOf(before.sections['MINE'])).toBe('one')
  })

  it.each([
    ['broken.ts', /broken\.ts:\d+:\d+ cannot be built/],
    ['absent.ts', /absent\.ts does not exist/],
    ['throws.ts', /throw.* while it was evaluated: no/],
    ['object.cjs', /object\.cjs exports no function\. Make it the default export/],
  ])('%s is nothing but its fault, and watched', async (path, message) => {
    const { sections, failures, inputs } = await load(path)
    const code = { file: join(folder, path), exported: undefined, fault: expect.stringMatching(message) as unknown }
    expect(sections).toMatchObject({ OTHER: 'text', MINE: code })
    expect(failures).toEqual([
      { id: 'MINE', use: 'reader', error: expect.objectContaining({ code: 'CCR_PLUGIN_LOAD' }) as unknown },
    ])
    expect(failures[0]?.error.message).toMatch(message)
    expect(inputs).toContain(join(folder, path))
  })

  it('is left out without being run where only bundled code is wanted, or it is empty', async () => {
    expect(await load('./mine.ts', { thirdParty: false })).toMatchObject({ sections: { OTHER: 'text' }, inputs: [] })
    expect(await load(' ')).toMatchObject({ sections: { OTHER: 'text' }, failures: [] })
  })

  it('is a path like any other where no plugin in use reads it', async () => {
    expect((await load('./mine.ts', { enabled: false })).sections).toEqual({ MINE: './mine.ts', OTHER: 'text' })
  })

  it('must be a path', async () => {
    await expect(load(5)).rejects.toMatchObject({ code: 'CCR_CONFIG_SCHEMA' })
  })
})
