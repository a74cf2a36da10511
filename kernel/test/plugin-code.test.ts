import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Plugin, PluginContext } from '@ccr/sdk'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hashTree } from '../src/load/integrity.ts'
import type { LockEntry } from '../src/load/lock.ts'
import { findStored, loadStored, pluginFolder } from '../src/load/store.ts'
import { type PackageDraft, writePackage } from './support/plugin-packages.ts'

const DRAFT: PackageDraft = {
  name: 'ccr-plugin-one',
  hooks: ['onRequest'],
  capabilities: ['files'],
  activate: "ctx.on('onRequest', () => undefined, { timeoutMs: 7 })",
}

let home: string
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-code-'))))
afterEach(() => rm(home, { recursive: true, force: true }))

/** Puts a package in its place, with a lock that agrees to all of it but for what is given, and loads its code. */
async function load(
  draft: PackageDraft,
  pinned: Partial<LockEntry> = {},
  damage?: (folder: string) => Promise<unknown>,
) {
  const pin: LockEntry = {
    name: 'ccr-plugin-one',
    plugin: 'one',
    version: '1.0.0',
    source: 'npm:ccr-plugin-one',
    resolved: '',
    integrity: `sha512-${'A'.repeat(86)}==`,
    tree: '',
    hooks: ['onRequest'],
    capabilities: ['files'],
    grantedAt: '',
    ...pinned,
  }
  const folder = await writePackage(pluginFolder(home, pin), draft)
  const tree = await hashTree(folder)
  await writeFile(join(home, 'ccr.lock.json'), JSON.stringify({ lockVersion: 1, plugins: [{ ...pin, tree }] }))
  await damage?.(folder)
  const inputs = new Set<string>()
  const [stored] = await findStored(home, inputs)
  expect([...inputs]).toEqual([join(home, 'ccr.lock.json')])
  const loading = loadStored(stored!)
  expect(loadStored(stored!)).toBe(loading)
  const { code } = await loading
  if ('error' in code) throw code.error
  return code
}

test('an added plugin is what was agreed to, and takes part in its hooks', async () => {
  const { plugin, inputs, hash } = await load(DRAFT)
  expect([plugin.name, inputs]).toEqual(['one', []])
  const on = vi.fn()
  await (plugin as Plugin).activate({ on } as unknown as PluginContext)
  expect(on).toHaveBeenCalledExactlyOnceWith('onRequest', expect.any(Function), { timeoutMs: 7 })
  await rm(join(home, 'plugins'), { recursive: true })
  const other = await load({ ...DRAFT, files: { 'data.txt': '1' } })
  expect(other.hash).not.toBe(hash)
})

test.each<[string, PackageDraft, Partial<LockEntry>, ((folder: string) => Promise<unknown>) | undefined, RegExp]>([
  [
    'holds a changed file',
    DRAFT,
    {},
    (at) => writeFile(join(at, 'dist/index.js'), ''),
    /was changed, added or removed/,
  ],
  ['holds another file', DRAFT, {}, (at) => writeFile(join(at, 'new'), ''), /was changed, added or removed/],
  ['holds a link', DRAFT, {}, (at) => symlink('dist', join(at, 'link')), /neither a file nor a folder/],
  ['is not there', DRAFT, {}, (at) => rm(at, { recursive: true }), /cannot be read/],
  ['has another name', { ...DRAFT, name: 'two' }, {}, undefined, /its code is that of a plugin named two, not one/],
  ['has no manifest', { ...DRAFT, manifest: { scope: 'all' } }, {}, undefined, /does not have the form of a manifest/],
  ['does not load', { ...DRAFT, head: "throw new Error('boom')" }, {}, undefined, /boom/],
  [
    'asks for more in its manifest',
    { ...DRAFT, capabilities: [], manifest: { capabilities: ['files'] } },
    { capabilities: [] },
    undefined,
    /asks for files, which the lock/,
  ],
  [
    'asks for more in its code',
    { ...DRAFT, manifest: { capabilities: [] } },
    { capabilities: [] },
    undefined,
    /asks for files, which the lock/,
  ],
])('one that %s is refused', async (_name, draft, pinned, damage, fact) => {
  const refused = {
    code: expect.stringMatching(/^CCR_PLUGIN_/) as string,
    message: expect.stringMatching(fact) as string,
  }
  await expect(load(draft, pinned, damage)).rejects.toMatchObject(refused)
})

test('one that takes part in more hooks is refused when it does', async () => {
  const { plugin } = await load(DRAFT, { hooks: ['onUsage'] })
  const on = vi.fn()
  expect(() => plugin.activate({ on } as unknown as PluginContext)).toThrow(/takes part in onRequest/)
  expect(on).not.toHaveBeenCalled()
})
