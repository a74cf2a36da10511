import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { codeText } from '../scripts/write-wasm.mjs'

it('sdk/src/json-scan-code.ts is json-scan.wat; after a change run `node scripts/write-wasm.mjs`', async () => {
  expect(await codeText()).toBe(readFileSync(new URL('../sdk/src/json-scan-code.ts', import.meta.url), 'utf8'))
})
