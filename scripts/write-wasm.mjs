// Writes sdk/src/json-scan-code.ts from json-scan.wat, so that a build needs no assembler.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'

const FOLDER = fileURLToPath(new URL('../sdk/src/', import.meta.url))

/** The module as TypeScript. */
export async function codeText() {
  const assembler = await wabt()
  const source = readFileSync(`${FOLDER}json-scan.wat`, 'utf8')
  const parsed = assembler.parseWat('json-scan.wat', source, { simd: true })
  const { buffer } = parsed.toBinary({})
  parsed.destroy()
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,100}/g)
  return `/** json-scan.wat as Base64; \`node scripts/write-wasm.mjs\` writes this file. */
export const CODE =
${lines.map((line) => `  '${line}'`).join(' +\n')}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(`${FOLDER}json-scan-code.ts`, await codeText())
