import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { extract } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, messagesBody } from '../kernel/test/support/client.ts'
import { withRouter } from '../kernel/test/support/router.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SCRIPT = join(ROOT, 'scripts', 'pack.mjs')
/** As a build leaves them of a file that has been deleted, and of a library that was another. */
const STALE = ['kernel/dist/deleted.js', 'sdk/dist/typebox/chunk-STALE000.js']

interface Description {
  readonly bin: { readonly ccr: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly bundleDependencies: readonly string[]
  readonly scripts?: unknown
}

let folder: string
let installed: string
let description: Description
/** What lies in the tarball. */
let files: readonly string[]

/** Runs a program in the scratch folder. */
function run(...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: folder, CCR_HOME: join(folder, 'home') }
  return spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' })
}

const ccr = (...args: readonly string[]) => run(join(installed, description.bin.ccr), ...args)

// As npm would install it; what it fetches is taken from here.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-pack-'))
  for (const file of STALE) await writeFile(join(ROOT, file), '')
  const { status, stdout, stderr } = run(SCRIPT, folder)
  if (status !== 0) throw new Error(stdout + stderr)
  await extract({ file: join(folder, stdout.trim()), cwd: folder })
  installed = join(folder, 'package')
  files = await readdir(installed, { recursive: true })
  description = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Description
  for (const name of Object.keys(description.dependencies)) {
    if (description.bundleDependencies.includes(name)) continue
    const place = join(installed, 'node_modules', name)
    await mkdir(dirname(place), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), place, 'junction')
  }
}, 60_000)
afterAll(() => Promise.all([...STALE.map((file) => rm(join(ROOT, file))), rm(folder, { recursive: true })]))

describe('npm run pack', () => {
  it('puts in what a user needs, and nothing that only this repository needs', async () => {
    for (const name of [
      'README.md',
      'LICENSE',
      'docs/reference/config.md',
      'presets/default/manifest.json',
      'plugins/provider-demo/dist/manifest.json',
    ])
      expect(files).toContain(name)
    expect(files.filter((name) => /(?:\.map|\.tsbuildinfo|\.test\.ts|[^d]\.ts)$/.test(name))).toEqual([])
    for (const file of STALE) expect(files).not.toContain(`node_modules/@ccr/${file}`)
    expect(description.scripts).toBeUndefined()
    for (const name of description.bundleDependencies) {
      const bundled = await readFile(join(installed, 'node_modules', name, 'package.json'), 'utf8')
      // Else npm would take these for bundled too.
      expect(JSON.parse(bundled)).not.toHaveProperty('dependencies')
    }
  })

  it('puts in whatever its documents lead to', async () => {
    const documents = files.filter((name) => name.endsWith('.md') && !name.startsWith('node_modules'))
    const links = await Promise.all(
      documents.map(async (name) => {
        const text = await readFile(join(installed, name), 'utf8')
        const targets = [...text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!)
        return targets.map((target) => ({ name, target, place: join(dirname(name), target) }))
      }),
    )
    expect(documents).toContain('AGENTS.md')
    expect(links.flat().filter(({ place }) => !existsSync(join(installed, place)))).toEqual([])
  })

  it('makes a router that starts and answers', async () => {
    const main = join(installed, description.bin.ccr)
    await withRouter({ config: {}, main }, async ({ url }) => {
      const { status, text } = await ask(`${url}/v1/messages`, { body: messagesBody('any', false) })
      expect(status, text).toBe(200)
    })
  })

  it('makes a command with the presets, the plugins and the SDK for their authors', async () => {
    expect(ccr('--version').stdout).toBe('ccr 0.1.0\n')
    expect(ccr('plugin', 'list').stdout).toContain('dialect-anthropic')
    expect(ccr('plugin', 'new', 'shout')).toMatchObject({ status: 0 })
    const { compilerOptions } = JSON.parse(await readFile(join(folder, 'shout', 'tsconfig.json'), 'utf8')) as {
      compilerOptions: { paths: Record<string, string[]> }
    }
    for (const [path] of Object.values(compilerOptions.paths)) expect(existsSync(path!), path).toBe(true)
    const { status, stdout, stderr } = ccr('plugin', 'test', 'shout')
    expect(status, stdout + stderr).toBe(0)
  })

  it('says which folder is not there, and packs nothing', () => {
    expect(run(SCRIPT, 'nowhere')).toMatchObject({ status: 2, stdout: '' })
    expect(run(SCRIPT, 'nowhere').stderr).toContain(`${join(folder, 'nowhere')} is no folder`)
  })
})
