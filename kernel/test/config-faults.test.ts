import { cp, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  configText,
  NEW,
  OLD,
  say,
  startWatched,
  until,
  writeWatchedFiles,
  type WatchedRouter,
} from './support/watched-router.ts'

let router: WatchedRouter | undefined
afterEach(() => router?.stop())

async function start(config?: string): Promise<WatchedRouter> {
  return (router = await startWatched(await writeWatchedFiles(config)))
}

/** What must hold while a bad state lasts: the generation before it serves, and whoever asks is told why. */
async function refused(one: WatchedRouter, code: string, at: RegExp, remedy: RegExp): Promise<void> {
  await until(code, async () => (await one.fault()) === code)
  expect(await one.generation()).toBe(1)
  expect(await one.words()).toEqual({ entry: OLD, dependency: OLD, data: OLD, option: OLD })
  const { lastError } = await one.report()
  expect(lastError).toMatchObject({ code, message: expect.stringMatching(remedy) as unknown })
  expect(lastError?.at).toMatch(at)
}

const GONE = /was deleted|does not exist/

describe('110: a config that is bad while the router runs changes nothing, and the good one after it is taken', () => {
  const half = configText().slice(0, 40)
  it.each<[string, string, RegExp, RegExp, (file: string) => Promise<unknown>]>([
    ['half-written', 'CCR_CONFIG_SYNTAX', /config\.json:\d+:\d+$/, /Correct/, (file) => writeFile(file, half)],
    ['empty', 'CCR_CONFIG_SYNTAX', /config\.json:1:1$/, /Write \{\}/, (file) => writeFile(file, '')],
    ['binary', 'CCR_CONFIG_SYNTAX', /config\.json:1:1$/, /UTF-8/, (file) => writeFile(file, Buffer.alloc(4096, 0xff))],
    ['of 1 GB', 'CCR_CONFIG_READ', /config\.json$/, /larger than/, makeHuge],
    ['deleted', 'CCR_CONFIG_READ', /config\.json$/, GONE, (file) => rm(file)],
    ['renamed', 'CCR_CONFIG_READ', /config\.json$/, GONE, (file) => rename(file, `${file}.bak`)],
    ['without its folder', 'CCR_CONFIG_READ', /config\.json$/, GONE, (file) => rm(dirname(file), { recursive: true })],
    ['a folder', 'CCR_CONFIG_READ', /config\.json$/, /not a regular file/, (file) => rm(file).then(() => mkdir(file))],
    [
      'of a wrong type',
      'CCR_CONFIG_SCHEMA',
      /config\.json:\d+:\d+$/,
      /\/LOG must be true or false/,
      (file) => writeFile(file, configText({ LOG: 'no' })),
    ],
  ])('%s', async (_, code, at, remedy, spoil) => {
    const one = await start()
    await spoil(one.files.config)
    await refused(one, code, at, remedy)
    await rm(one.files.config, { recursive: true, force: true })
    await mkdir(dirname(one.files.config), { recursive: true })
    await writeFile(one.files.config, configText().replace(OLD, NEW))
    await until('the good config', async () => (await one.words()).option === NEW)
    expect(await one.generation()).toBe(2)
    expect(await one.fault()).toBeUndefined()
  })

  it('deleted in the home: it is not taken for an empty config', async () => {
    const written = await writeWatchedFiles()
    const home = join(written.root, 'home')
    await cp(written.files.config, join(home, 'config.json'))
    const one = (router = await startWatched(written, { configFile: undefined }))
    await rm(join(home, 'config.json'))
    await refused(one, 'CCR_CONFIG_READ', /home\/config\.json$/, /was deleted; the running config stays in use/)
    await expect(one.running.reload()).rejects.toMatchObject({ code: 'CCR_CONFIG_READ' })
    await writeFile(join(home, 'config.json'), configText().replace(OLD, NEW))
    await until('the good config', async () => (await one.words()).option === NEW)
  })

  it('and is put back as it was: no generation is made, and the error is gone', async () => {
    const one = await start()
    const good = await readFile(one.files.config)
    await writeFile(one.files.config, '{')
    await refused(one, 'CCR_CONFIG_SYNTAX', /config\.json:1:2$/, /Correct/)
    await writeFile(one.files.config, good)
    await until('no error', async () => (await one.fault()) === undefined)
    expect(await one.generation()).toBe(1)
  })

  async function makeHuge(file: string): Promise<void> {
    const handle = await open(file, 'r+')
    await handle.truncate(2 ** 30)
    await handle.close()
  }
})

describe('127: a plugin that is broken while the router runs changes nothing, and the mended one is taken', () => {
  it.each<[string, 'entry' | 'dependency' | 'data', RegExp, RegExp, RegExp, (text: string) => string]>([
    ['a syntax error', 'entry', /^CCR_PLUGIN_LOAD$/, /entry\.ts:\d+:\d+$/, /Correct/, (text) => `${text}\nconst ]`],
    ['a syntax error', 'dependency', /LOAD/, /value\.ts:2:7$/, /Correct/, (text) => `${text}const ]`],
    ['a syntax error', 'data', /LOAD/, /data\.json:1:\d+$/, /Correct/, (text) => text.slice(0, -1)],
    ['a lost import', 'dependency', /LOAD/, /value\.ts:1:\d+$/, /correct the path/, (text) => `import './no';${text}`],
    ['a throw', 'dependency', /LOAD/, /plugin\/.*\.ts/, /correct it/, (text) => `${text}throw new Error('no')`],
    ['no export', 'entry', /LOAD|API/, /entry\.ts$/, /definePlugin/, (text) => text.replace('export default', '')],
    ['a throw later', 'entry', /ACTIVATE/, /./, /boo/, (text) => text.replace('const body', "throw 'boo'; let body")],
    ['other options', 'entry', /OPTIONS/, /./, /option/, (text) => text.replace(': Type.String', ': Type.Integer')],
  ])('%s in the %s', async (_, file, code, at, remedy, spoil) => {
    const one = await start()
    const path = one.files[file]
    const good = await readFile(path, 'utf8')
    await writeFile(path, spoil(good))
    await until('the error', async () => code.test((await one.fault()) ?? ''))
    expect(await one.generation()).toBe(1)
    expect(await one.words()).toEqual({ entry: OLD, dependency: OLD, data: OLD, option: OLD })
    const { lastError } = await one.report()
    expect(lastError?.message).toMatch(remedy)
    expect(lastError?.at ?? lastError?.message).toMatch(at)
    await writeFile(path, good.replaceAll(OLD, NEW))
    await until('the mended file', async () => Object.values(await one.words()).includes(NEW))
    expect(await one.generation()).toBe(2)
    expect(await one.fault()).toBeUndefined()
  })

  it('a file that only the failed try has read is watched as well', async () => {
    const one = await start()
    const late = join(one.root, 'plugin', 'late.ts')
    await writeFile(late, 'globalThis.late = ]')
    await writeFile(one.files.entry, `import './late.ts'\n${await readFile(one.files.entry, 'utf8')}`)
    await until('the error', async () => (await one.fault()) === 'CCR_PLUGIN_LOAD')
    expect((await one.report()).lastError?.at).toBe(`${late}:1:19`)
    await writeFile(late, 'globalThis.late = 1')
    await until('the mended file', async () => (await one.generation()) === 2)
    expect(await one.fault()).toBeUndefined()
  })
})

describe('130: plugin files that are gone or half there change nothing, and are taken when they are whole', () => {
  it.each<[string, RegExp, (one: WatchedRouter) => Promise<void>, (one: WatchedRouter) => Promise<void>]>([
    [
      'a deleted entry',
      /entry\.ts does not exist/,
      ({ files }) => rename(files.entry, `${files.entry}.bak`),
      ({ files }) => rename(`${files.entry}.bak`, files.entry),
    ],
    [
      'a deleted dependency',
      /Could not resolve ".\/lib\/value.ts"/,
      ({ files }) => rename(files.dependency, `${files.dependency}.bak`),
      ({ files }) => rename(`${files.dependency}.bak`, files.dependency),
    ],
    [
      'a renamed folder',
      /entry\.ts does not exist/,
      ({ root }) => rename(join(root, 'plugin'), join(root, 'plugin.bak')),
      ({ root }) => rename(join(root, 'plugin.bak'), join(root, 'plugin')),
    ],
    [
      'a half-copied folder',
      /Could not resolve "\.\/lib\/value\.ts"|Could not resolve "\.\/data\.json"/,
      async ({ root }) => {
        await cp(join(root, 'plugin'), join(root, 'source'), { recursive: true })
        await rm(join(root, 'plugin'), { recursive: true })
        await mkdir(join(root, 'plugin'))
        await cp(join(root, 'source/entry.ts'), join(root, 'plugin/entry.ts'))
      },
      ({ root }) => cp(join(root, 'source'), join(root, 'plugin'), { recursive: true }),
    ],
  ])('%s', async (_, fact, spoil, mend) => {
    const one = await start()
    await spoil(one)
    await until('the error', async () => (await one.fault()) === 'CCR_PLUGIN_LOAD')
    expect(await one.generation()).toBe(1)
    expect(await one.words()).toEqual({ entry: OLD, dependency: OLD, data: OLD, option: OLD })
    expect((await one.report()).lastError?.message).toMatch(fact)
    await mend(one)
    await until('no error', async () => (await one.fault()) === undefined)
    await say(one.files.dependency, OLD, NEW)
    await until('a change of what was mended', async () => (await one.words()).dependency === NEW)
    expect(await one.generation()).toBe(2)
  })

  it('a plugin that is named before its folder exists is taken when it arrives', async () => {
    const one = await start()
    await cp(join(one.root, 'plugin'), join(one.root, 'source'), { recursive: true })
    const { plugins } = JSON.parse(configText()) as { plugins: { options: object }[] }
    const text = JSON.stringify({ plugins: [{ ...plugins[0], use: 'file:../later/on/entry.ts' }] })
    await writeFile(one.files.config, text.replace(OLD, NEW))
    await until('the error', async () => (await one.fault()) === 'CCR_PLUGIN_LOAD')
    expect(await one.generation()).toBe(1)
    await mkdir(join(one.root, 'later'))
    await cp(join(one.root, 'source'), join(one.root, 'later/on'), { recursive: true })
    await until('the plugin', async () => (await one.words()).option === NEW)
    expect(await one.generation()).toBe(2)
  })
})

describe('120: a variable that is not set', () => {
  it('takes its provider out, with the reason; the others serve', async () => {
    const base = { api_base_url: 'http://127.0.0.1:9', models: ['m'] }
    const first = { ...base, name: 'a', api_key: 'k' }
    const second = { ...base, name: 'b', api_key: '$CCR_UNSET_KEY' }
    const one = await start(configText({ Providers: [first] }))
    await writeFile(one.files.config, configText({ Providers: [first, second] }))
    await until('the change', async () => (await one.generation()) === 2)
    const report = (await one.report()) as unknown as {
      readonly providers: readonly { readonly name: string }[]
      readonly disabledProviders: readonly { readonly name: string; readonly reason: string; readonly at: string }[]
    }
    expect(report.providers.map(({ name }) => name)).toContain('a')
    expect(report.disabledProviders).toMatchObject([{ name: 'b' }])
    expect(report.disabledProviders[0]?.at).toContain('config.json:')
    expect(report.disabledProviders[0]?.reason).toContain('CCR_UNSET_KEY')
    expect(await one.fault()).toBeUndefined()
    expect((await one.words()).entry).toBe(OLD)
  })
})
