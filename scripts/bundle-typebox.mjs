// Runs after the compiler: puts what the files of sdk/src/typebox export into those of dist, with the licence it comes
// under. What they share stands in chunks beside them.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const source = fileURLToPath(new URL('../sdk/src/typebox', import.meta.url))
const outdir = fileURLToPath(new URL('../sdk/dist/typebox', import.meta.url))
const licence = readFileSync(new URL('../license', import.meta.resolve('typebox')), 'utf8')

for (const file of readdirSync(outdir)) if (/^chunk-|\.js\.map$/.test(file)) rmSync(join(outdir, file))
buildSync({
  entryPoints: readdirSync(source).map((file) => join(source, file)),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  banner: { js: `/*! typebox\n\n${licence.trim()}\n*/` },
  logLevel: 'warning',
})
