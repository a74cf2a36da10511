import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conformanceChecks, type ConformanceCases } from '@ccr/sdk/testing'
import ts from 'typescript'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadPluginFile } from '../../load/evaluate.ts'
import { Manifest } from '../../load/manifest.ts'
import { Value } from '@ccr/sdk/typebox'
import type { CommandContext } from '../context.ts'
import { pluginNew, type PluginNewOptions } from './new.ts'

const FILES = ['README.md', 'manifest.json', 'package.json', 'src', 'tsconfig.json']
const KINDS = ['plugin', 'transformer', 'router', 'quota'] as const

function scaffold(name: string, options: PluginNewOptions) {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const context: CommandContext = { home: '/nowhere', env: {}, version: '0', print, complain: print }
  return pluginNew(context, name, options).then((code) => ({ code, text: lines.join('\n') }))
}

describe('a new plugin', () => {
  let root: string
  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'ccr-new-')))
    for (const kind of KINDS) {
      const made = await scaffold(`my-${kind}`, { [kind]: true, dir: join(root, kind) })
      expect(made).toMatchObject({ code: 0 })
    }
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it.each(KINDS)('that begins as a %s is a package that can be packed and added', async (kind) => {
    expect((await readdir(join(root, kind))).sort()).toEqual(FILES)
    const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(root, kind, name), 'utf8'))
    const description = { name: `ccr-plugin-my-${kind}`, ccr: './manifest.json', exports: './src/index.ts' }
    expect(await read('package.json')).toMatchObject({ ...description, files: ['src', 'manifest.json'] })
    expect(await read('package.json')).not.toHaveProperty('dependencies')
    const manifest = await read('manifest.json')
    expect(Value.Check(Manifest, manifest)).toBe(true)
    expect(manifest).toMatchObject({ name: `my-${kind}`, version: '0.1.0' })
  })

  it.each(KINDS)('that begins as a %s passes every check of `ccr plugin test`', async (kind) => {
    const loaded = await loadPluginFile(join(root, kind, 'src/index.ts'))
    if ('error' in loaded) throw loaded.error
    const { default: cases } = (await import(join(root, kind, 'src/conformance.ts'))) as { default: ConformanceCases }
    for (const { name, run } of conformanceChecks(loaded.plugin, cases)) expect(await run(), name).toBe('passed')
  })

  it('is understood by an editor without anything being installed', { timeout: 120_000 }, async () => {
    const { config } = ts.readConfigFile(join(root, 'plugin/tsconfig.json'), ts.sys.readFile) as { config: object }
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'plugin'))
    const files = KINDS.flatMap((kind) => ['index.ts', 'conformance.ts'].map((name) => join(root, kind, 'src', name)))
    const found = ts.getPreEmitDiagnostics(ts.createProgram(files, options))
    const texts = found.map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
    expect(texts).toEqual([])
  })
})

describe('ccr plugin new', () => {
  let folder: string
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'ccr-new-'))))
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it.each(['', '../x', 'Shout', 'shout_it', '-x', 'a--b', 'a b', '@scope/x', 'x'.repeat(61)])(
    'refuses the name %j',
    async (name) => {
      const { code, text } = await scaffold(name, { dir: join(folder, 'new') })
      expect([code, text]).toEqual([1, expect.stringContaining('is no name of a plugin')])
      expect(await readdir(folder)).toEqual([])
    },
  )

  it('refuses the name of a plugin that comes with the router, and two beginnings', async () => {
    const dir = join(folder, 'new')
    expect((await scaffold('provider-demo', { dir })).text).toContain('comes with the router')
    expect((await scaffold('mine', { dir, router: true, quota: true })).text).toContain('give one of')
    expect(await readdir(folder)).toEqual([])
  })

  it('overwrites nothing', async () => {
    await mkdir(join(folder, 'taken'))
    await writeFile(join(folder, 'taken/notes.txt'), 'mine')
    await writeFile(join(folder, 'file'), 'mine')
    for (const name of ['taken', 'file']) {
      expect(await scaffold('mine', { dir: join(folder, name) })).toMatchObject({ code: 1 })
    }
    expect(await readdir(join(folder, 'taken'))).toEqual(['notes.txt'])
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('mine')
  })

  it('takes an empty folder', async () => {
    expect(await scaffold('mine', { dir: folder })).toMatchObject({ code: 0 })
    expect((await readdir(folder)).sort()).toEqual(FILES)
  })
})
