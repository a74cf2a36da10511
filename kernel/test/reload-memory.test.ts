import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const built = (name: string): string => JSON.stringify(new URL(`../dist/load/${name}.js`, import.meta.url).href)
const MIB = 1024 * 1024

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-memory-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Measure {
  /** `heapUsed + external` after a collection, in bytes. */
  readonly heapBytes: number
  /** Resident memory outside of V8's heap, whose size, free space included, is the choice of each version of Node. */
  readonly nativeBytes: number
  /** What Node's loader remembers of the plugin's folder. */
  readonly cached: readonly string[]
}

/** Loads, activates and drops 220 versions of a plugin; measures after the first 20 and at the end. */
const script = (plugin: string): string => `
import { writeFileSync } from 'node:fs'
import Module from 'node:module'
import { setImmediate as turn } from 'node:timers/promises'
import { adaptBy } from ${built('adapters')}
import { findBuiltins } from ${built('builtin')}
import { FileLoader } from ${built('file-loader')}

const builtins = await findBuiltins()

async function measure() {
  for (let round = 0; round < 5; round++) {
    await turn()
    gc()
  }
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage()
  const keys = [...Object.keys(Module._cache), ...Object.keys(Module._pathCache)]
  const cached = keys.filter((key) => key.includes(${JSON.stringify(folder)})).sort()
  return { heapBytes: heapUsed + external, nativeBytes: rss - heapTotal, cached }
}

let before
const versions = new Set()
for (let version = 0; version < 220; version++) {
  if (version === 20) before = await measure()
  writeFileSync(${JSON.stringify(join(folder, 'dependency.mjs'))}, 'export const version = ' + version)
  const files = new FileLoader()
  files.adapt = adaptBy(builtins, [])
  const { plugin, error } = await files.load(${JSON.stringify(plugin)}, { version })
  if (error) throw error
  try {
    await plugin.activate({ options: { version } })
  } catch (thrown) {
    // Formatting a stack reads the source map.
    versions.add(thrown.stack.split('\\n')[0])
  }
}
console.log(JSON.stringify({ before, after: await measure(), versions: versions.size }))
`

describe('200 reloads (134)', () => {
  it('of a plugin that holds 1 MB leave memory and the caches of the loader flat', { timeout: 90_000 }, async () => {
    const plugin = join(folder, 'plugin.ts')
    await mkdir(join(folder, 'node_modules/plain'), { recursive: true })
    await writeFile(join(folder, 'node_modules/plain/package.json'), '{ "name": "plain", "main": "index.cjs" }')
    await writeFile(join(folder, 'node_modules/plain/index.cjs'), 'exports.plain = 1')
    await writeFile(
      plugin,
      `import { definePlugin, Type } from '@ccr/sdk'
      import { plain } from 'plain'
      import { version } from './dependency.mjs'
      const numbers = Array.from({ length: ${MIB / 16} }, (_, index) => index + version + plain + 0.5)
      const bytes = Buffer.alloc(${MIB / 2}, version)
      export default definePlugin({
        name: 'heavy', apiVersion: 1, description: '', options: Type.Object({}),
        async activate() {
          await import('plain')
          throw new Error(numbers.length + ' ' + bytes.length + ' ' + version)
        },
      })`,
    )
    const main = join(folder, 'main.mjs')
    await writeFile(main, script(plugin))
    const { stdout, stderr } = await run(process.execPath, ['--expose-gc', main], { timeout: 80_000 })
    expect(stderr).toBe('')
    const { before, after, versions } = JSON.parse(stdout) as { before: Measure; after: Measure; versions: number }
    expect(versions).toBe(220)
    expect(after.heapBytes - before.heapBytes).toBeLessThan(20 * MIB)
    expect(after.nativeBytes - before.nativeBytes).toBeLessThan(50 * MIB)
    // The external package, by its path and by the request for it; nothing of the plugin's own files.
    expect(after.cached).toEqual(before.cached)
    const own = after.cached.filter((key) => !key.includes('node_modules') && !key.startsWith(main))
    expect(own).toEqual([])
  })

  it('of a class that is adapted and holds 1 MB leave memory flat too', { timeout: 90_000 }, async () => {
    const file = join(folder, 'legacy.cjs')
    await writeFile(
      file,
      `const { version } = require('./dependency.mjs')
      const numbers = Array.from({ length: ${MIB / 8} }, (_, index) => index + version + 0.5)
      module.exports = class {
        constructor(options) { this.options = options; this.numbers = numbers }
        get name() { return 'heavy' }
        set logger(_) { throw new Error(this.numbers.length + ' ' + this.options.version) }
        transformRequestIn() {}
      }`,
    )
    const main = join(folder, 'main.mjs')
    await writeFile(main, script(file))
    const { stdout } = await run(process.execPath, ['--expose-gc', main], { timeout: 80_000 })
    const { before, after, versions } = JSON.parse(stdout) as { before: Measure; after: Measure; versions: number }
    expect(versions).toBe(220)
    expect(after.heapBytes - before.heapBytes).toBeLessThan(20 * MIB)
    expect(after.cached).toEqual(before.cached)
  })
})
