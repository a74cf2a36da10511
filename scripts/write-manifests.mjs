// Runs after the compiler: writes dist/manifest.json of every plugin, so that the router knows it without importing it.
import { fileURLToPath } from 'node:url'
import { writeManifests } from '../kernel/dist/load/write-manifests.js'

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))

try {
  await writeManifests(root)
} catch (thrown) {
  process.stderr.write(`manifests: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
  process.exitCode = 1
}
