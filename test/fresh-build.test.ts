import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { staleFiles } from './fresh-build.ts'

let root: string

/** A tree whose compiler has read `a` in `sdk/src/a.ts`, and nothing else. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-fresh-'))
  const folders = ['sdk/src/testing', 'sdk/dist', 'kernel/src']
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
  const version = createHash('sha256').update('a').digest('hex')
  await write('sdk/dist/.tsbuildinfo', JSON.stringify({ fileNames: ['../src/a.ts'], fileInfos: [{ version }] }))
  await write('sdk/src/a.ts', 'a')
})
afterEach(() => rm(root, { recursive: true }))

const write = (path: string, text: string): Promise<void> => writeFile(join(root, path), text)

it('a build is fresh whenever its files were written, and whatever tests there are', async () => {
  await utimes(join(root, 'sdk/src/a.ts'), new Date(), new Date('2099-01-01'))
  await write('sdk/src/a.test.ts', 'b')
  await write('kernel/src/a-fixture.ts', 'b')
  expect(staleFiles(root)).toEqual([])
})

it.each(['sdk/src/a.ts', 'sdk/src/testing/b.ts', 'kernel/src/c.ts'])('a build without %s is stale', async (path) => {
  await write(path, 'other')
  expect(staleFiles(root)).toEqual([path])
})

it('nothing is fresh that was never built', async () => {
  await rm(join(root, 'sdk/dist'), { recursive: true })
  expect(staleFiles(root)).toEqual(['sdk/src/a.ts'])
})
