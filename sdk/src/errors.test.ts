import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { ERROR_CODES } from './errors.ts'

it('docs/reference/errors.md lists the codes as they are declared', async () => {
  const text = await readFile(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(CCR_\w+)` +\| (.+?) +\|$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(rows).toEqual(Object.entries(ERROR_CODES))
})
