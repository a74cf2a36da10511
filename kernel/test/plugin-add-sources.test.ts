import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pluginAdd, type AddOptions } from '../src/cli/plugin/add.ts'
import { pluginInfo } from '../src/cli/plugin/info.ts'
import { pluginRemove } from '../src/cli/plugin/remove.ts'
import { pluginUpdate } from '../src/cli/plugin/update.ts'
import { commitFolder, git, startGitServer } from './support/git-server.ts'
import {
  endpointSaying,
  integrityOf,
  markerScripts,
  packPackage,
  writePackage,
  type PackageDraft,
} from './support/plugin-packages.ts'
import { createPluginWorld, type PluginWorld } from './support/plugin-world.ts'
import { LONG_AGO, startRegistry, type Registry } from './support/registry.ts'

let packages: Registry
beforeAll(async () => void (packages = await startRegistry()))
afterAll(() => packages.close())

let world: PluginWorld
beforeEach(async () => void (world = await createPluginWorld(packages.env)))
afterEach(() => world.dispose())

const PRIVATE = { allowPrivateAddresses: true }

async function publish(draft: PackageDraft, published = LONG_AGO, tampered?: Buffer): Promise<Buffer> {
  const bytes = await packPackage(world.root, draft)
  const { name, version = '1.0.0', more } = draft
  packages.publish({ description: { name, version, ...more }, bytes, published, tampered })
  return bytes
}

async function refused(what: string, options: AddOptions): Promise<unknown> {
  const before = await world.snapshot()
  const fault = await pluginAdd(world.context, what, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(await world.snapshot()).toEqual(before)
  return fault
}

describe('a package of a registry', () => {
  // Seven runs of npm, which take their time on a busy machine.
  test(
    'S17: is shown, installed with what it depends on, and updated, and none of its scripts is run',
    { timeout: 60_000 },
    async () => {
      const marker = join(world.root, 'marker')
      const deep = { type: 'commonjs', exports: './deep.js', ...markerScripts(marker) }
      await publish({ name: 'far-below', files: { 'deep.js': 'module.exports = "deep"' }, more: deep })
      const dependencies = { 'far-below': '^1.0.0', typebox: '*' }
      const draft: PackageDraft = {
        name: 'ccr-plugin-shout',
        head: `import word from 'far-below'`,
        activate: endpointSaying('shout', 'word'),
        more: { ...markerScripts(marker), dependencies },
      }
      const bytes = await publish(draft)
      await world.start()

      const shown = await world.said((context) =>
        pluginAdd(context, 'ccr-plugin-shout', { ...PRIVATE, yes: true, integrity: integrityOf(bytes) }),
      )
      expect(shown).toMatch(/published +\d+ days ago by ann/)
      expect(shown).toMatch(/scripts +preinstall, install, postinstall, prepublish, prepare: not run/)
      expect(shown).toMatch(/dependencies +far-below \^1\.0\.0\n/)
      expect(shown).toContain(integrityOf(bytes))
      expect(await world.ask('shout')).toBe('deep')
      expect(packages.asked.filter((path) => /ccr\/sdk|typebox/.test(path))).toEqual([])

      const newer = {
        ...draft,
        head: '',
        version: '1.1.0',
        capabilities: ['network:api.example.com'],
        activate: undefined,
        says: 'two',
      }
      const newerBytes = await publish({ ...newer, more: markerScripts(marker) }, new Date().toISOString())
      const fresh = { ...PRIVATE, yes: true, allowFresh: true }
      await expect(pluginUpdate(world.context, 'shout', fresh)).rejects.toMatchObject({
        code: 'CCR_INSTALL_CONSENT',
      })
      expect(world.lines.join('\n')).toMatch(
        /different from 1\.0\.0:\n {2}capabilities +\+ network:api\.example\.com\n {2}dependencies +- far-below/,
      )
      expect(await world.ask('shout')).toBe('deep')
      await pluginUpdate(world.context, 'shout', { ...fresh, integrity: integrityOf(newerBytes) })
      expect(await world.ask('shout')).toBe('two')
      expect(Object.keys(await world.snapshot()).filter((path) => path.includes('/1.0.0-'))).toEqual([])
      expect(existsSync(marker)).toBe(false)
    },
  )

  test('row 136: is refused when the registry does not have it, and the home is as it was', async () => {
    expect(await refused('ccr-plugin-nowhere', { ...PRIVATE })).toMatchObject({
      code: 'CCR_INSTALL_SOURCE',
      message: expect.stringContaining('E404') as string,
    })
  })

  test('row 136: is refused when what arrives is not what was published, and the home is as it was', async () => {
    const other = await packPackage(world.root, { name: 'ccr-plugin-tampered', says: 'something else' })
    await publish({ name: 'ccr-plugin-tampered' }, LONG_AGO, other)
    expect(
      await refused('ccr-plugin-tampered', { ...PRIVATE, yes: true, integrity: integrityOf(other) }),
    ).toMatchObject({
      code: 'CCR_INSTALL_SOURCE',
      message: expect.stringContaining('EINTEGRITY') as string,
    })
  })

  test('row 136: is refused while its version is young, and the home is as it was', async () => {
    const bytes = await publish({ name: 'ccr-plugin-young' }, new Date(Date.now() - 3 * 86_400_000).toISOString())
    const agreed = { ...PRIVATE, yes: true, integrity: integrityOf(bytes) }
    expect(await refused('ccr-plugin-young', agreed)).toMatchObject({
      code: 'CCR_INSTALL_CONSENT',
      message: expect.stringMatching(/published 3 days ago.*--allow-fresh/) as string,
    })
  })

  test('S12: is not asked for at a registry of this machine unless that is allowed', async () => {
    const asked = packages.asked.length
    expect(await refused('ccr-plugin-shout', {})).toMatchObject({
      code: 'CCR_INSTALL_SOURCE',
      message: expect.stringContaining('--allow-private-addresses') as string,
    })
    expect(packages.asked.length).toBe(asked)
  })
})

describe('a repository', () => {
  test(
    'S17: is added at the commit of a tag, and neither its scripts nor its hooks and filters are run',
    { timeout: 60_000 },
    async () => {
      const marker = join(world.root, 'marker')
      const folder = join(world.root, 'repositories', 'shout')
      await writePackage(folder, { name: 'ccr-plugin-shout', says: 'from git', more: markerScripts(marker) })
      await writeFile(join(folder, '.gitattributes'), '* filter=marker\n')
      await writeFile(join(folder, '.npmrc'), `ignore-scripts=false\nscript-shell=touch ${marker}\n`)
      const commit = await commitFolder(folder, 'v1')
      await git(folder, 'config', 'filter.marker.smudge', `touch ${marker}`)
      const server = await startGitServer(join(world.root, 'repositories'))
      const source = `git+${server.url}/shout/.git#v1`
      try {
        expect(await refused(source, {})).toMatchObject({
          code: 'CCR_INSTALL_SOURCE',
          message: expect.stringContaining('http is not accepted') as string,
        })
        await world.start()
        await world.said((context) => pluginInfo(context, source, { ...PRIVATE, json: true }))
        const { integrity, from } = JSON.parse(world.lines.at(-1)!) as { integrity: string; from: string }
        expect(from).toBe(`git+${server.url}/shout/.git#${commit}`)
        await pluginAdd(world.context, source, { ...PRIVATE, yes: true, integrity })
        expect(await world.ask('shout')).toBe('from git')
        expect(existsSync(marker)).toBe(false)
        await pluginRemove(world.context, 'ccr-plugin-shout')
        expect(await refused(`${source}2`, { ...PRIVATE })).toMatchObject({ code: 'CCR_INSTALL_SOURCE' })
      } finally {
        await server.close()
      }
    },
  )
})

describe('an archive', () => {
  let server: Server
  let url: string
  let bytes: Buffer
  let asked = 0
  beforeEach(async () => {
    bytes = await packPackage(world.root, { name: 'ccr-plugin-shout', says: 'from a URL' })
    asked = 0
    server = createServer((_, response) => {
      asked++
      response.end(bytes)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/shout.tgz`
  })
  afterEach(() => server.close())

  test('of a URL is taken with its integrity alone, and from a private address when that is allowed', async () => {
    expect(await refused(url, { ...PRIVATE, yes: true })).toMatchObject({ code: 'CCR_INSTALL_CONSENT' })
    expect(await refused(url, { yes: true, integrity: integrityOf(bytes) })).toMatchObject({
      code: 'CCR_INSTALL_SOURCE',
    })
    expect(asked).toBe(0)
    const wrong = integrityOf(Buffer.from('something else'))
    expect(await refused(url, { ...PRIVATE, yes: true, integrity: wrong })).toMatchObject({
      code: 'CCR_INSTALL_PACKAGE',
    })
    await world.start()
    await pluginAdd(world.context, url, { ...PRIVATE, yes: true, integrity: integrityOf(bytes) })
    expect(await world.ask('shout')).toBe('from a URL')
  })

  test('S17: of a path is added without running its scripts', async () => {
    const marker = join(world.root, 'marker')
    const { file, agreed } = await world.archive({ name: 'ccr-plugin-quiet', more: markerScripts(marker) })
    await pluginAdd(world.context, file, agreed)
    const folder = await writePackage(join(world.root, 'copy'), { name: 'copied', more: markerScripts(marker) })
    await pluginAdd(world.context, folder, {})
    await world.start()
    expect(await world.ask('quiet')).toBe('1.0.0')
    expect(await world.ask('copied')).toBe('1.0.0')
    expect(existsSync(marker)).toBe(false)
  })

  test.each<[string, PackageDraft, string, RegExp]>([
    [
      'a name like that of a bundled plugin',
      { name: 'dialect-opena1' },
      'CCR_INSTALL_PACKAGE',
      /mistaken for dialect-openai/,
    ],
    [
      'a name like that of a bundled package',
      { name: '@cc/plugin-provider-demo' },
      'CCR_INSTALL_PACKAGE',
      /provider-demo/,
    ],
    [
      'the name of a bundled plugin',
      { name: 'ccr-plugin-provider-demo' },
      'CCR_INSTALL_PACKAGE',
      /comes with the router/,
    ],
    ['the scope of the bundled plugins', { name: '@ccr/plugin-mine' }, 'CCR_INSTALL_PACKAGE', /comes with the router/],
    ['a name in other letters', { name: 'ccr-plugin-sh\u043eut' }, 'CCR_INSTALL_SOURCE', /not the name of a package/],
    ['a name that leads out of the store', { name: '../../evil' }, 'CCR_INSTALL_SOURCE', /not the name of a package/],
    [
      'another API version',
      { name: 'ccr-plugin-late', manifest: { apiVersion: 2 } },
      'CCR_PLUGIN_API',
      /API version 2.*speaks 1/,
    ],
    [
      'another SDK',
      { name: 'ccr-plugin-sdk', more: { peerDependencies: { '@ccr/sdk': '^9.0.0' } } },
      'CCR_PLUGIN_API',
      /\^9\.0\.0/,
    ],
    ['no manifest', { name: 'ccr-plugin-bare', more: { ccr: undefined } }, 'CCR_INSTALL_PACKAGE', /names no manifest/],
    [
      'a manifest outside',
      { name: 'ccr-plugin-out', more: { ccr: '../manifest.json' } },
      'CCR_INSTALL_PACKAGE',
      /not inside the package/,
    ],
    [
      'an incomplete manifest',
      { name: 'ccr-plugin-part', manifest: { hooks: undefined } },
      'CCR_INSTALL_PACKAGE',
      /form of one/,
    ],
    [
      'no entry file',
      { name: 'ccr-plugin-none', more: { exports: './gone.js' } },
      'CCR_INSTALL_PACKAGE',
      /gone\.js is not in it/,
    ],
    [
      'a version that leads out of the store',
      { name: 'ccr-plugin-far', version: '../../../../evil' },
      'CCR_INSTALL_PACKAGE',
      /is no version/,
    ],
    [
      'a version that speaks to the terminal',
      { name: 'ccr-plugin-red', version: '1.0.0-\u001b[31m' },
      'CCR_INSTALL_PACKAGE',
      /is no version/,
    ],
    [
      'a transformer of the name of a bundled one',
      { name: 'ccr-plugin-mine', manifest: { transformers: [{ name: 'mine', aliases: ['ANTHROPIC'] }] } },
      'CCR_INSTALL_PACKAGE',
      /ANTHROPIC.*dialect-anthropic/,
    ],
    [
      'a dependency from elsewhere',
      { name: 'ccr-plugin-dep', more: { dependencies: { x: 'git+ssh://h/x' } } },
      'CCR_INSTALL_PACKAGE',
      /only versions of a registry/,
    ],
  ])('row 136: with %s is refused, and the home is as it was', async (_, draft, code, message) => {
    await world.configure('{ plugins: [] }')
    const { integrity } = (await world.archive({ ...draft, name: 'x' })).agreed
    const packed = await packPackage(world.root, draft)
    const file = join(world.root, 'some.tgz')
    await writeFile(file, packed)
    expect(integrity).not.toBe(integrityOf(packed))
    const fault = await refused(file, { yes: true, integrity: integrityOf(packed) })
    expect(fault).toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  test('is refused when nobody agreed to it: without a terminal --yes alone is not enough', async () => {
    const { file } = await world.archive({ name: 'ccr-plugin-shout' })
    expect(await refused(file, {})).toMatchObject({ code: 'CCR_INSTALL_CONSENT' })
    expect(await refused(file, { yes: true })).toMatchObject({
      code: 'CCR_INSTALL_CONSENT',
      message: expect.stringContaining('--integrity sha512-') as string,
    })
  })

  test('that the lock agreed to needs no more than --yes', async () => {
    const { file, agreed } = await world.archive({ name: 'ccr-plugin-shout' })
    await pluginAdd(world.context, file, agreed)
    await world.configure('{}')
    await pluginAdd(world.context, file, { yes: true })
    expect(await world.config()).toContain('shout')
  })

  test('does not go into a config whose plugins are set by code', async () => {
    await mkdir(world.home, { recursive: true })
    await writeFile(join(world.home, 'ccr.config.ts'), 'export default { plugins: [] }\n')
    const { file, agreed } = await world.archive({ name: 'ccr-plugin-shout' })
    expect(await refused(file, agreed)).toMatchObject({ code: 'CCR_CONFIG_EDIT' })
  })
})
