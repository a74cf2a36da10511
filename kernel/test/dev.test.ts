import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBuiltins, originOf, type Builtin } from '../src/load/builtin.ts'
import { loadEntries, type EntryConfig, type LoadedEntries } from '../src/load/entries.ts'
import { eventually, finish, firstLine, urlIn } from './cli-harness.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

let root: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'ccr-checkout-')))
})
afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, name)), { recursive: true })
  await writeFile(join(root, name), text)
}

async function edit(name: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(root, name), 'utf8')
  expect(text).toContain(from)
  await write(name, text.replace(from, to))
}

/** The sources of plugins, as in a fresh clone: nothing is built. */
async function copyPlugins(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    for (const part of ['package.json', 'tsconfig.json', 'src']) {
      const place = join('plugins', name, part)
      await cp(join(CHECKOUT, place), join(root, place), { recursive: true })
    }
  }
  await cp(join(CHECKOUT, 'tsconfig.base.json'), join(root, 'tsconfig.base.json'))
}

const DEMO = 'plugins/provider-demo/src/index.ts'

async function demo(): Promise<Builtin> {
  const [builtin] = await findBuiltins(root, 'src')
  if (builtin === undefined) throw new Error('no built-in plugin')
  return builtin
}

async function loadDemo(): Promise<LoadedEntries> {
  const entry: EntryConfig = { id: 'demo', use: 'provider-demo', options: {}, enabled: true, at: 'config.json:1:1' }
  return loadEntries([entry], await findBuiltins(root, 'src'))
}

describe('built-in plugins of a checkout under development', () => {
  it('are asked for by the environment', () => {
    expect([originOf({ CCR_DEV: '1' }), originOf({ CCR_DEV: '0' }), originOf({})]).toEqual(['src', 'dist', 'dist'])
  })

  it('load from their source, which is what a watcher is told of', async () => {
    await copyPlugins('provider-demo')
    expect(await findBuiltins(root)).toEqual([])
    const { entries, failures, inputs } = await loadDemo()
    expect(failures).toEqual([])
    expect(entries).toMatchObject([{ id: 'demo', plugin: { name: 'provider-demo' }, file: join(root, DEMO) }])
    expect(entries[0]?.loading?.bundleMs).toBeGreaterThan(0)
    const files = inputs.map((input) => relative(join(root, 'plugins/provider-demo/src'), input))
    expect(files).toEqual(expect.arrayContaining(['answer.ts', 'index.ts', 'route.ts']))
    expect(files.filter((file) => /^\.\.|\.test\.ts$/.test(file))).toEqual([])
  })

  it('are new at the next load after an edit, with the schema of their options', async () => {
    await copyPlugins('provider-demo')
    const before = await demo()
    expect(before.manifest).toMatchObject({ name: 'provider-demo', version: '0.1.0', providers: ['demo'] })
    expect((await demo()).manifest).toBe(before.manifest)
    await edit(DEMO, 'definePlugin }', 'definePlugin, Type }')
    await edit(DEMO, 'activate(', 'options: Type.Object({ size: Type.Integer({ default: 3 }) }), activate(')
    await edit('plugins/provider-demo/src/route.ts', "'demo'", "'example'")
    const after = await demo()
    expect(before.manifest.optionsSchema['properties']).toEqual({})
    expect(after.manifest.optionsSchema['properties']).toEqual({ size: { type: 'integer', default: 3 } })
    expect((await loadDemo()).entries[0]?.hash).not.toBe((before.code as { readonly hash: string }).hash)
  })

  it('tell their fault and its files, and keep the manifest they were built with', async () => {
    await copyPlugins('provider-demo')
    const { manifest } = await demo()
    await write('plugins/provider-demo/dist/manifest.json', JSON.stringify({ ...manifest, description: 'built' }))
    await edit(DEMO, "import { demoRoute } from './route.ts'", "import { demoRoute } from './routes.ts'")
    expect((await demo()).manifest.description).toBe('built')
    const { entries, failures, inputs } = await loadDemo()
    expect(entries).toEqual([])
    expect(failures).toMatchObject([{ id: 'demo', error: { code: 'CCR_PLUGIN_LOAD', at: join(root, `${DEMO}:3:27`) } }])
    expect(inputs).toEqual(expect.arrayContaining([join(root, DEMO), join(root, dirname(DEMO), 'routes.ts')]))
  })

  it('are known by their folder as long as they have never worked', async () => {
    await copyPlugins('provider-demo')
    await write(DEMO, 'let 1')
    expect((await demo()).manifest).toMatchObject({ name: 'provider-demo', hooks: [] })
    expect((await loadDemo()).failures).toMatchObject([{ error: { at: join(root, `${DEMO}:1:5`) } }])
    await cp(join(CHECKOUT, DEMO), join(root, DEMO))
    await edit(DEMO, 'activate(ctx) {', 'activate(ctx) { throw 1')
    expect((await demo()).manifest).toMatchObject({ name: 'provider-demo', hooks: [] })
    expect((await loadDemo()).entries).toMatchObject([{ plugin: { name: 'provider-demo' } }])
  })

  it('are compiled ones where there is no source', async () => {
    await copyPlugins('provider-demo')
    const { manifest } = await demo()
    await rm(join(root, 'plugins/provider-demo/src'), { recursive: true })
    expect(await findBuiltins(root, 'src')).toEqual([])
    await write('plugins/provider-demo/dist/manifest.json', JSON.stringify(manifest))
    expect(await demo()).toEqual({ ...(await findBuiltins(root))[0], manifest })
  })
})

describe('npm run dev', () => {
  const running: ChildProcess[] = []
  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  })

  /** The part of `npm run dev` that follows the build, in a copy of this checkout. */
  function command(...args: readonly string[]) {
    const env = { PATH: process.env['PATH'], HOME: root, CCR_HOME: join(root, 'home') }
    const child = spawn(process.execPath, [...args], { cwd: root, env })
    running.push(child)
    return child
  }

  it('runs a router whose built-in plugins change with their source', { timeout: 60_000 }, async () => {
    const { plugins } = JSON.parse(await readFile(join(CHECKOUT, 'presets/default/manifest.json'), 'utf8')) as {
      readonly plugins: readonly string[]
    }
    await copyPlugins(...plugins)
    // What runs in a thread of its own is taken as it was built.
    const built = plugins.filter((name) => name.startsWith('tokens-')).map((name) => `plugins/${name}/dist`)
    for (const part of ['package.json', 'kernel/package.json', 'kernel/dist', 'scripts', 'presets', ...built]) {
      await cp(join(CHECKOUT, part), join(root, part), { recursive: true })
    }
    await symlink(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'))
    const { scripts } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    expect(scripts['dev']).toBe('npm run --silent build && node scripts/dev.mjs')
    await write('home/config.json', '{}')
    await edit(
      DEMO,
      'activate(ctx) {',
      `activate(ctx) {
        const respond = () => ({ status: 200, body: 'old' })
        ctx.endpoint({ method: 'GET', path: '/probe', access: 'public', respond })`,
    )
    const url = urlIn(await firstLine(command('scripts/dev.mjs', '--port', '0')))
    const probe = async (): Promise<string> => (await fetch(`${url}/probe`)).text()
    expect(await probe()).toBe('old')
    await edit(DEMO, "body: 'old'", "body: 'new'")
    const answered = (text: string): Promise<true> =>
      eventually(text, async () => ((await probe()) === text ? true : undefined))
    await answered('new')
    await edit(DEMO, "body: 'new'", "body: 'broken")
    const refused = await finish(command('kernel/dist/cli/main.js', 'reload'))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/provider-demo\/src\/index\.ts:11:\d+ cannot be built: Unterminated string/)
    expect(await probe()).toBe('new')
    await edit(DEMO, "body: 'broken", "body: 'mended'")
    await answered('mended')
  })
})
