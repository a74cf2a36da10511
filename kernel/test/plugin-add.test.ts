import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pluginAdd } from '../src/cli/plugin/add.ts'
import { pluginEnable } from '../src/cli/plugin/enable.ts'
import { pluginRemove } from '../src/cli/plugin/remove.ts'
import { createPluginWorld, until, type PluginWorld } from './support/plugin-world.ts'
import { packageFiles, pluginIn, writePackage, type PackageDraft } from './support/plugin-packages.ts'

let world: PluginWorld
beforeEach(async () => void (world = await createPluginWorld()))
afterEach(() => world.dispose())

const SHOUT: PackageDraft = { name: 'ccr-plugin-shout', says: 'LOUD' }

const CONFIG = `// whose config this is
{
  PORT: 0, // any port
  APIKEY: 'key-$$',
  plugins: [
    // a comment about nothing
  ],
}
`

describe('a plugin that is added', () => {
  test('answers at once in the running router, by one new generation, and comments of the config stay', async () => {
    await writeFile(join(world.home, 'other.ts'), packageFiles({ name: 'other', says: 'one' })['dist/index.js']!)
    await world.configure(CONFIG.replace('// a comment about nothing', "'file:./other.ts', // a comment"))
    await world.start()
    expect(await world.ask('shout')).toBeUndefined()
    const { generation } = await world.report()
    const { file, agreed } = await world.archive(SHOUT)

    expect(await world.said((context) => pluginAdd(context, file, agreed))).toContain(
      `added ccr-plugin-shout 1.0.0: generation ${generation + 1} is live`,
    )
    expect(await world.ask('shout')).toBe('LOUD')
    const text = await world.config()
    for (const part of ['// whose config this is', '0, // any port', "'key-$$'", '// a comment', "'file:./other.ts'"]) {
      expect(text).toContain(part)
    }

    // The next generation is that of the next change: the watcher has built none for the files that were written.
    await writeFile(join(world.home, 'other.ts'), packageFiles({ name: 'other', says: 'two' })['dist/index.js']!)
    await until('the change of the file', async () => (await world.ask('other')) === 'two')
    expect((await world.report()).generation).toBe(generation + 2)

    expect(await world.said((context) => pluginRemove(context, 'shout'))).toContain('removed ccr-plugin-shout 1.0.0')
    expect(await world.ask('shout')).toBeUndefined()
    expect(await world.config()).not.toContain('shout')
    expect(Object.keys(await world.snapshot()).filter((path) => path.includes('/store/'))).toEqual([])
  })

  test('is used when the router starts later, under either of its names', async () => {
    const { file, agreed } = await world.archive({ ...SHOUT, name: '@acme/ccr-plugin-shout' })
    await world.said((context) => pluginAdd(context, file, agreed))
    await world.configure({ plugins: [{ use: '@acme/ccr-plugin-shout' }] })
    await world.start()
    expect(await world.ask('shout')).toBe('LOUD')
    await world.said((context) => pluginEnable(context, 'shout', false))
    expect(await world.ask('shout')).toBeUndefined()
    await world.said((context) => pluginEnable(context, '@acme/ccr-plugin-shout', true))
    expect(await world.ask('shout')).toBe('LOUD')
  })

  test('may be a working copy, which is used where it is and can be removed again', async () => {
    await world.start()
    const folder = await writePackage(join(world.root, 'copy'), SHOUT)
    expect(await world.said((context) => pluginAdd(context, folder, {}))).toContain('(dev)')
    expect(await world.ask('shout')).toBe('LOUD')
    await writeFile(join(folder, 'dist/index.js'), packageFiles({ ...SHOUT, says: 'LOUDER' })['dist/index.js']!)
    await until('the saved file', async () => (await world.ask('shout')) === 'LOUDER')
    await world.said((context) => pluginRemove(context, 'shout'))
    expect(await world.ask('shout')).toBeUndefined()
  })

  test('is not lost when several are added at the same time', async () => {
    await world.start()
    const drafts = ['alpha', 'bravo', 'delta', 'golf'].map((name) => ({ name: `ccr-plugin-${name}`, says: name }))
    const archives = await Promise.all(drafts.map((draft) => world.archive(draft)))
    await Promise.all(archives.map(({ file, agreed }) => pluginAdd(world.context, file, agreed)))
    for (const draft of drafts) expect(await world.ask(pluginIn(draft))).toBe(draft.says)
    const used = (JSON.parse(await world.config()) as { plugins: string[] }).plugins
    expect(used.toSorted()).toEqual(['alpha', 'bravo', 'delta', 'golf'])
  })
})

describe('a change of the config through the router', () => {
  test('is refused when the router cannot build it, and nothing has changed', async () => {
    await world.configure('{ plugins: [] /* mine */ }')
    await world.start()
    const before = await world.snapshot()
    const { generation } = await world.report()
    const { file, agreed } = await world.archive({ ...SHOUT, activate: `throw new Error('no, thanks')` })
    await expect(pluginAdd(world.context, file, agreed)).rejects.toMatchObject({
      code: 'CCR_PLUGIN_ACTIVATE',
      message: expect.stringContaining('no, thanks') as string,
    })
    expect(await world.snapshot()).toEqual(before)
    expect((await world.report()).generation).toBe(generation)
  })
})
