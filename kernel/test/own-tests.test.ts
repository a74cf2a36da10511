import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { finish } from './cli-harness.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The TypeScript of a page that begins with this line. */
async function sampleOf(page: string, beginning: string): Promise<string> {
  const text = await readFile(join(ROOT, page), 'utf8')
  const samples = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1]!)
  return samples.find((sample) => sample.startsWith(beginning))!
}

test('docs/reference/plugin-api.md: tests of an author run in vitest, with the SDK beside them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ccr-own-'))
  try {
    await mkdir(join(folder, 'node_modules/@ccr'), { recursive: true })
    await symlink(join(ROOT, 'sdk'), join(folder, 'node_modules/@ccr/sdk'))
    await symlink(join(ROOT, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
    await mkdir(join(folder, 'src'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'src/index.ts'), await sampleOf('README.md', '// shout.ts'))
    const sample = await sampleOf('docs/reference/plugin-api.md', '// src/index.test.ts')
    await writeFile(join(folder, 'src/index.test.ts'), sample)
    const runner = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const env = { PATH: process.env['PATH'], NO_COLOR: '1' }
    const run = spawn(process.execPath, [runner, 'run', '--root', folder], { env, cwd: folder })
    const { code, stdout, stderr } = await finish(run)
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringMatching(/Tests +1 passed/) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)
