import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check, resolveConfig } from 'prettier'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

it('all code is set as prettier sets it; `npm run format` does', { timeout: 180_000 }, async () => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z', '*.ts', '*.mjs'], { cwd: ROOT })
  const files = listed
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)))
  const options = await resolveConfig(join(ROOT, 'package.json'))
  const wrong: string[] = []
  for (const path of files) {
    const text = readFileSync(join(ROOT, path), 'utf8')
    if (!(await check(text, { ...options, filepath: path }))) wrong.push(path)
  }
  expect(options).toMatchObject({ printWidth: 120, semi: false })
  expect(files.length).toBeGreaterThan(500)
  expect(wrong).toEqual([])
})
