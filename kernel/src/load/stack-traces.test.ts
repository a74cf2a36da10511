import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const compiled = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-stacks-')))
  await write({
    'plugin.ts': plugin('fail'),
    'lib/fail.ts': failing(''),
    'helper.cjs': 'exports.call = (work) => work()',
  })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** The handler throws at 10:5 by itself, or in `lib/fail.ts`. */
const plugin = (handler: 'fail' | 'throw'): string => `import { definePlugin, Type } from '@ccr/sdk'
import { fail } from './lib/fail.ts'
interface Unused {
  readonly nothing: string
}

export default definePlugin({
  name: 'probe', apiVersion: 1, description: 'A probe.', options: Type.Object({}),
  activate() {
    ${handler === 'fail' ? 'fail()' : 'throw Error("here")'}
  },
})
`

/** Throws at 6:9, or as many lines below as stand before. */
const failing = (before: string): string =>
  `${before}interface A {\n  a: string\n}\n\nexport function fail(): A {\n  throw new Error("here")\n}\n`

/**
 * Runs a script beside the plugin, in a process of its own because the test runner formats stack traces by itself. It
 * uses the compiled kernel.
 */
async function output(script: string): Promise<readonly string[]> {
  await write({
    'main.mjs': `
      import { writeFileSync } from 'node:fs'
      import { loadPluginFile } from ${compiled('dist/load/evaluate.js')}
      import { placeOf } from ${compiled('../sdk/dist/kernel/index.js')}
      const folder = ${JSON.stringify(folder)}
      const load = (name = 'plugin.ts') => loadPluginFile(folder + '/' + name)
      const tell = async ({ plugin, inputs }) => {
        try {
          await plugin.activate({})
        } catch (thrown) {
          const frames = thrown.stack.split('\\n').slice(1).map((line) => line.trim())
          console.log([frames[0], placeOf(thrown, inputs), placeOf(thrown, [folder])].join(' | '))
        }
      }
      ${script}`,
  })
  const main = join(folder, 'main.mjs')
  const { stdout, stderr } = await run(process.execPath, ['--expose-gc', main], { timeout: 20_000 })
  expect(stderr).toBe('')
  return stdout.trimEnd().replaceAll(`${folder}/`, '').split('\n')
}

const told = (name: string, place: string): string => `at ${name} (${place}) | ${place} | ${place}`

describe('a stack trace', () => {
  it('names the line of the TypeScript source', async () => {
    await write({ 'throws.ts': plugin('throw') })
    expect(await output("await tell(await load()); await tell(await load('throws.ts'))")).toEqual([
      told('fail', 'lib/fail.ts:6:9'),
      told('Object.activate', 'throws.ts:10:11'),
    ])
  })

  it('names the line where it is after an edit, and the old one for what runs on', async () => {
    const moved = failing('// one more\n// and one\n')
    const lines = await output(`
      const first = await load()
      writeFileSync(folder + '/lib/fail.ts', ${JSON.stringify(moved)})
      await tell(await load())
      await tell(first)`)
    expect(lines).toEqual([told('fail', 'lib/fail.ts:8:9'), told('fail', 'lib/fail.ts:6:9')])
  })

  it('names it also after what is not used has been collected', async () => {
    const lines = await output(`
      const first = await load()
      for (let round = 0; round < 10; round++) {
        await new Promise((resolve) => setImmediate(resolve))
        gc()
      }
      await tell(first)`)
    expect(lines).toEqual([told('fail', 'lib/fail.ts:6:9')])
  })

  it('names the real file of a plugin behind a link', async () => {
    const lines = await output(`
      import { symlinkSync } from 'node:fs'
      symlinkSync('plugin.ts', folder + '/link.ts')
      await tell(await load('link.ts'))`)
    expect(lines).toEqual([told('fail', 'lib/fail.ts:6:9')])
  })

  it('places a throw while the code is evaluated', async () => {
    await write({
      'throws.ts': "import { fail } from './lib/fail.ts'\nfail()",
      'calls.ts': "import { call } from './helper.cjs'\ninterface A {}\ncall(() => undefined.nothing)",
    })
    const lines = await output(`
      for (const name of ['throws.ts', 'calls.ts']) {
        const { error } = await load(name)
        console.log(error.at + ' | ' + error.message)
      }`)
    const remedy = 'Importing a plugin must do nothing; correct it.'
    const undefinedRead = "Cannot read properties of undefined (reading 'nothing')"
    expect(lines).toEqual([
      `lib/fail.ts:6:9 | lib/fail.ts:6:9 threw while it was evaluated: here. ${remedy}`,
      `calls.ts:3:22 | calls.ts:3:22 threw while it was evaluated: ${undefinedRead}. ${remedy}`,
    ])
  })
})
