import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ANY_NAME, placesOf } from './watch-places.ts'

let root: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'ccr-places-')))
  await mkdir(join(root, 'real', 'deep'), { recursive: true })
  await writeFile(join(root, 'real', 'file'), '')
  await symlink(join(root, 'real'), join(root, 'absolute'))
  await symlink('../real/./file', join(root, 'real', 'up'))
  await symlink('loop', join(root, 'loop'))
})
afterEach(() => rm(root, { recursive: true }))

/** As `folder:name`, below the root. */
async function placesIn(path: string): Promise<string[]> {
  const places = await placesOf([`${root}/${path}`])
  return places.map(({ folder, name }) => `${folder.replace(root, '')}:${name}`)
}

it.each([
  ['a file', 'real/file', ['/real:file']],
  ['what is not there', 'real/absent/more', ['/real:absent']],
  ['a folder', 'real', [':real']],
  ['the names in a folder', 'real/', [':real', `/real:${ANY_NAME}`]],
  ['an absolute link', 'absolute/deep/new', [':absolute', '/real/deep:new']],
  ['a link that leads up', 'real/up', ['/real:up', '/real:file']],
  ['a link behind a link', 'absolute/up', [':absolute', '/real:up', '/real:file']],
])('%s is decided by its own place and those of the links on the way', async (_name, path, places) => {
  expect(await placesIn(path)).toEqual(places)
})

it('a link to itself is left in the end', async () => {
  expect(await placesIn('loop')).toHaveLength(41)
})
