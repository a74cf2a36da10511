import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CcrError, Type, type PluginContext } from '@ccr/sdk'
import { Value } from '@ccr/sdk/typebox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadPluginFile, type LoadedPlugin } from './evaluate.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-load-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** A plugin whose activation hands out what `expression` gives. */
const plugin = (imports: string, expression: string): string => `
import { definePlugin, Type } from '@ccr/sdk'
${imports}
export default definePlugin({
  name: 'probe', apiVersion: 1, description: 'A probe.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) { Reflect.get(ctx, 'seen')(${expression}) },
})
`

const toCommonJs = (source: string): string =>
  source
    .replace('import { definePlugin, Type } from', 'const { definePlugin, Type } = require(')
    .replace("'@ccr/sdk'", "'@ccr/sdk')")
    .replace('export default', 'module.exports =')

async function load(name = 'plugin.ts'): Promise<LoadedPlugin> {
  const loaded = await loadPluginFile(join(folder, name))
  if ('error' in loaded) throw loaded.error
  return loaded
}

/** Activates a plugin and gives what it handed out. */
async function seenBy(name?: string): Promise<unknown> {
  let seen: unknown
  const { plugin } = await load(name)
  await plugin.activate({ seen: (value: unknown) => void (seen = value) } as unknown as PluginContext)
  return seen
}

describe('loadPluginFile', () => {
  it('loads a TypeScript plugin and names its files', async () => {
    await write({
      'plugin.ts': plugin("import { a } from './lib/a.ts'\nimport data from './data.json'", 'a + data.n'),
      'lib/a.ts': 'export const a: number = 1',
      'data.json': '{ "n": 2 }',
    })
    const { plugin: loaded, hash, inputs } = await load()
    expect(loaded.name).toBe('probe')
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(inputs).toEqual(['data.json', 'lib/a.ts', 'plugin.ts'].map((name) => join(folder, name)))
    expect(await seenBy()).toBe(3)
    expect((await readdir(folder)).sort()).toEqual(['data.json', 'lib', 'plugin.ts'])
  })

  it.each(['commonjs', 'module'])('gives a plugin in a %s package the SDK and typebox of the kernel', async (type) => {
    await write({
      'package.json': `{ "type": "${type}" }`,
      'plugin.ts': plugin(
        "import { CcrError } from '@ccr/sdk'\nimport * as typebox from 'typebox'\nimport Value from 'typebox/value'",
        `Promise.all([import('@ccr/sdk'), import('typebox/value')]).then(([sdk, value]) => ({
          CcrError, again: sdk.CcrError, Type, object: typebox.Object, check: Value.Check, dynamic: value.Check,
        }))`,
      ),
    })
    const seen = (await seenBy()) as Record<string, unknown>
    expect(seen['CcrError']).toBe(CcrError)
    expect(seen['again']).toBe(CcrError)
    expect(seen['Type']).toBe(Type)
    expect(seen['object']).toBe(Type.Object)
    expect(seen['check']).toBe(Value.Check)
    expect(seen['dynamic']).toBe(Value.Check)
  })

  describe.each([
    ['plugin.ts', 'commonjs'],
    ['plugin.ts', 'module'],
    ['plugin.mts', 'commonjs'],
  ])('to %s in a %s package', (name, type) => {
    it.each(['compile', 'format', 'guard', 'schema', 'system', 'value'])(
      'gives what is the default of typebox/%s for that, beside all it has',
      async (part) => {
        const { default: theirs, ...more } = (await import(`typebox/${part}`)) as { readonly default: object }
        await write({
          'package.json': `{ "type": "${type}" }`,
          [name]: plugin(
            `import Own, * as all from 'typebox/${part}'`,
            `import('typebox/${part}').then((later) => [Own, all, later.default])`,
          ),
        })
        const [own, all, later] = (await seenBy(name)) as [object, object, object]
        expect([typeof own, Object.keys(own).sort()]).toEqual([typeof theirs, Object.keys(theirs).sort()])
        expect(later).toBe(own)
        expect(Object.keys(all)).toEqual(expect.arrayContaining(Object.keys(more)))
      },
    )
  })

  it.each(['plugin.ts', 'plugin.cjs'])('gives %s, which requires it, the defaults of typebox', async (name) => {
    const source = plugin(
      "const Own = require('typebox').default",
      "{ object: Own.Object, check: require('typebox/value').default.Check }",
    )
    await write({ [name]: name.endsWith('.ts') ? source : toCommonJs(source) })
    expect(await seenBy(name)).toEqual({ object: Type.Object, check: Value.Check })
  })

  it('loads a CommonJS plugin', async () => {
    await write({ 'plugin.cjs': toCommonJs(plugin('', '1')) })
    expect(await seenBy('plugin.cjs')).toBe(1)
  })
})
