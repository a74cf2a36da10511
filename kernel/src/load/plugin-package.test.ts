import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readDescription } from './package.ts'
import { findPluginFile } from './plugin-package.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-package-'))
  await mkdir(join(folder, 'src'))
  await writeFile(join(folder, 'src/index.ts'), '')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['exports', { exports: './dist/a.js' }],
  ['exports of the root', { exports: { '.': './dist/a.js' } }],
  ['a condition', { exports: { '.': { types: './a.d.ts', import: './dist/a.js' } } }],
  ['a condition of Node', { exports: { '.': { node: './dist/a.js', browser: './b.js' } } }],
  ['a condition in another', { exports: { import: { types: './a.d.ts', default: './dist/a.js' } } }],
  ['main', { main: './dist/a.js' }],
])('a working copy begins where the same package does when it is installed: %s', async (_, members) => {
  const text = JSON.stringify({ name: 'a', version: '1.2.3', ccr: './manifest.json', ...members })
  await writeFile(join(folder, 'package.json'), text)
  expect(readDescription(text).entry).toBe('dist/a.js')
  expect(await findPluginFile(folder)).toEqual({ file: join(folder, 'dist/a.js'), folder, version: '1.2.3' })
})
