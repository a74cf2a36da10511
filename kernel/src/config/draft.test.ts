import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatLock, type LockEntry } from '../load/lock.ts'
import { readState, writeDraft, type ConfigDraft } from './draft.ts'
import { beginChange, endInterrupted } from './journal.ts'

let home: string
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-draft-'))))
afterEach(() => rm(home, { recursive: true, force: true }))

const PIN: LockEntry = {
  name: 'ccr-plugin-one',
  plugin: 'one',
  version: '1.0.0',
  source: 'ccr-plugin-one',
  resolved: 'https://registry.example/one.tgz',
  integrity: `sha512-${'A'.repeat(86)}==`,
  tree: `sha256-${'0'.repeat(64)}`,
  hooks: [],
  capabilities: [],
  grantedAt: '2026-01-01T00:00:00.000Z',
}
const ONE = formatLock([PIN])
const TWO = formatLock([PIN, { ...PIN, name: 'ccr-plugin-two', plugin: 'two' }])
const NONE = formatLock([])

async function write(draft: ConfigDraft): Promise<void> {
  await writeDraft(home, await readState(home), draft)
}

async function texts(): Promise<readonly (string | undefined)[]> {
  const { config, lock } = await readState(home)
  return [config, lock]
}

describe('a draft', () => {
  test('changes what it names and nothing else', async () => {
    await write({ config: '{ a: 1 }', lock: ONE })
    expect(await texts()).toEqual(['{ a: 1 }', ONE])
    await write({ config: '{ a: 2 }' })
    expect(await texts()).toEqual(['{ a: 2 }', ONE])
    await write({ lock: NONE })
    expect(await texts()).toEqual(['{ a: 2 }', NONE])
  })

  test('leaves files that only their owner can read, and a copy of the last five configs', async () => {
    for (let turn = 0; turn < 8; turn++) await write({ config: `{ a: ${turn} }` })
    const names = (await readdir(home)).sort()
    const backups = names.filter((name) => /^config\.json\..*\.bak$/.test(name))
    expect(names).toEqual(['config.json', ...backups])
    const kept = await Promise.all(backups.map((name) => readFile(join(home, name), 'utf8')))
    expect(kept).toEqual([2, 3, 4, 5, 6].map((turn) => `{ a: ${turn} }`))
    for (const name of names) expect((await stat(join(home, name))).mode & 0o077).toBe(0)
  })

  test('goes to the file that a link leads to', async () => {
    const elsewhere = join(home, 'dotfiles')
    await mkdir(elsewhere)
    await writeFile(join(elsewhere, 'ccr.json'), '{}')
    await symlink(join(elsewhere, 'ccr.json'), join(home, 'config.json'))
    await write({ config: '{ a: 1 }' })
    expect((await lstat(join(home, 'config.json'))).isSymbolicLink()).toBe(true)
    expect(await readFile(join(elsewhere, 'ccr.json'), 'utf8')).toBe('{ a: 1 }')
  })

  test('is refused when a file changed since it was made', async () => {
    const base = await readState(home)
    await write({ config: '{ other: true }' })
    await expect(writeDraft(home, base, { config: '{}' })).rejects.toMatchObject({ code: 'CCR_CONFIG_STALE' })
    expect(await texts()).toEqual(['{ other: true }', undefined])
  })

  test('row 141: leaves both files as they were when one cannot be written', async () => {
    await write({ config: '{ a: 1 }', lock: ONE })
    const base = await readState(home)
    const file = join(home, 'gone', 'config.json')
    await expect(
      writeDraft(home, { ...base, file, ...(await versionOf(file)) }, { config: '{}', lock: TWO }),
    ).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await texts()).toEqual(['{ a: 1 }', ONE])
  })

  async function versionOf(file: string): Promise<{ readonly config: string | undefined; readonly version: string }> {
    const { config, version } = await readState(home, file)
    return { config, version }
  }
})

describe('row 141: a command that was killed', () => {
  test.each([
    ['before it wrote anything', [undefined, undefined], [undefined, undefined]],
    ['after the lock', [undefined, ONE], [undefined, undefined]],
    ['after both', ['{ plugins: ["one"] }', ONE], ['{ plugins: ["one"] }', ONE]],
  ] as const)('while it added a plugin, %s: the next one ends it', async (_, [config, lock], wanted) => {
    await beginChange(home, await readState(home), { config: '{ plugins: ["one"] }', lock: ONE })
    await write({ config, lock })
    await endInterrupted(home)
    expect(await texts()).toEqual(wanted)
    await endInterrupted(home)
    expect(await texts()).toEqual(wanted)
  })

  test.each([
    ['before it wrote anything', ['{ plugins: ["one"] }', ONE], ['{ plugins: ["one"] }', ONE]],
    ['after the config', ['{ plugins: [] }', ONE], ['{ plugins: [] }', NONE]],
    ['after both', ['{ plugins: [] }', NONE], ['{ plugins: [] }', NONE]],
  ] as const)('while it removed a plugin, %s: the next one ends it', async (_, [config, lock], wanted) => {
    await write({ config: '{ plugins: ["one"] }', lock: ONE })
    await beginChange(home, await readState(home), { config: '{ plugins: [] }', lock: NONE })
    await write({ config, lock })
    await endInterrupted(home)
    expect(await texts()).toEqual(wanted)
  })

  test('never undoes what somebody wrote after it', async () => {
    await beginChange(home, await readState(home), { config: '{ a: 1 }', lock: ONE })
    await write({ lock: TWO })
    await endInterrupted(home)
    expect(await texts()).toEqual([undefined, TWO])
  })
})
