import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { foreignOwners } from './private-files.ts'

let root: string
let home: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-owners-'))
  home = join(root, 'home')
  await mkdir(home)
  await writeFile(join(root, 'given.json'), '{}')
  await symlink(join(root, 'given.json'), join(home, 'config.json'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

// Root cannot own what belongs to somebody else, so it gives the files away; everybody else is somebody else to others.
const owner = process.getuid?.() || 65_534
const giveAway = (path: string): Promise<void> => chown(path, owner, process.getgid!())

describe.runIf(process.getuid !== undefined)('a home and a config', () => {
  it('of another user are told, also where a link leads', async () => {
    await giveAway(home)
    await giveAway(join(root, 'given.json'))
    const line = (path: string): string =>
      `${path} belongs to another user (uid ${owner}), ` +
      'who can change where keys and prompts go; take it over with chown'
    expect(await foreignOwners(home, undefined, owner + 1)).toEqual([line(home), line(join(home, 'config.json'))])
    const given = join(root, 'given.json')
    expect(await foreignOwners(home, given, owner + 1)).toEqual([line(home), line(given)])
  })

  it('of this user, and those that are not there, are not', async () => {
    expect(await foreignOwners(home, undefined, process.getuid!())).toEqual([])
    expect(await foreignOwners(join(root, 'none'), join(root, 'none.json'), owner + 1)).toEqual([])
    expect(await foreignOwners(home, undefined, undefined)).toEqual([])
  })

  it.runIf(process.getuid?.() === 0)('of root are not', async () => {
    expect(await foreignOwners(home, undefined, owner)).toEqual([])
  })
})
