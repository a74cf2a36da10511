import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pluginAdd } from '../src/cli/plugin/add.ts'
import { pluginInfo } from '../src/cli/plugin/info.ts'
import { createPluginWorld, type PluginWorld } from './support/plugin-world.ts'

let world: PluginWorld
beforeEach(async () => void (world = await createPluginWorld()))
afterEach(() => world.dispose())

/** Makes a plugin of an exported text: `GET /<option path>` answers it. */
const adapter = (capabilities = '[]'): string => `import { definePlugin, Type } from '@ccr/sdk'
globalThis.adapterRuns = (globalThis.adapterRuns ?? 0) + 1
export default definePlugin({
  name: 'texts', apiVersion: 1, description: 'for a test', activate() {},
  adapt(exported, { file, options }) {
    if (exported === 'broken') throw new Error('it says broken')
    if (typeof exported !== 'string') return undefined
    return definePlugin({
      name: 'text', apiVersion: 1, description: file, capabilities: ${capabilities},
      options: Type.Object({ path: Type.String() }, { additionalProperties: false }),
      activate(ctx) {
        const body = ctx.options.path + ' ' + exported + ' ' + options.path
        const secret = () => {
          try {
            return String(ctx.secrets.get('HOME'))
          } catch (thrown) {
            return thrown.code
          }
        }
        const respond = () => ({ status: 200, body: ${capabilities === '[]' ? 'body' : 'secret()'} })
        ctx.endpoint({ method: 'GET', path: '/' + ctx.options.path, access: 'public', respond })
      },
    })
  },
})
`

async function add(code = adapter()): Promise<void> {
  const files = { 'dist/index.js': code }
  const { file, agreed } = await world.archive({ name: 'ccr-plugin-texts', manifest: { adapts: true }, files })
  const said = await world.said((context) => pluginAdd(context, file, agreed))
  expect(said).toContain('adapts        files of code that is no plugin')
}

const runs = (): unknown => Reflect.get(globalThis, 'adapterRuns')
const use = { use: 'file:./words.cjs', options: { path: 'said' } }
const write = (text: string): Promise<void> => writeFile(join(world.home, 'words.cjs'), text)

test('a plugin that was added makes plugins of files while an entry uses it', async () => {
  await add()
  await write("module.exports = 'hello'")
  await world.configure({ plugins: ['texts', use] })
  await world.start()
  expect(await world.ask('said')).toBe('said hello said')
})

test('it is not asked where no entry uses it', async () => {
  await add()
  await write("module.exports = 'hello'")
  const before = runs()
  await world.configure({ plugins: [use] })
  await expect(world.start()).rejects.toThrow('words.cjs: its default export is not a plugin')
  expect(runs()).toBe(before)
})

test('what it makes has no capability that was not granted', async () => {
  await add(adapter("['secrets:HOME']"))
  await write("module.exports = 'hello'")
  await world.configure({ plugins: ['texts', use] })
  await world.start()
  expect(await world.ask('said')).toBe('CCR_PLUGIN_CAPABILITY')
})

test('what it makes has its options checked', async () => {
  await add()
  await write("module.exports = 'hello'")
  await world.configure({ plugins: ['texts', { ...use, options: { path: 5 } }] })
  await expect(world.start()).rejects.toMatchObject({ code: 'CCR_PLUGIN_OPTIONS' })
})

test('what it throws is a fault of the file, and what it does not know is no plugin', async () => {
  await add()
  await world.configure({ plugins: ['texts', use] })
  await write("module.exports = 'broken'")
  await expect(world.start()).rejects.toThrow(/words\.cjs cannot be used: it says broken\. Correct the code/)
  await write('module.exports = 5')
  await expect(world.start()).rejects.toThrow('words.cjs: its default export is not a plugin')
})

test('one that comes with the router is shown as what it is', async () => {
  const said = await world.said((context) => pluginInfo(context, 'compat-transformers', {}))
  expect(said).toContain('adapts        files of code that is no plugin')
})
