import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findPluginFile } from './plugin-package.ts'
import { writeManifest } from './working-copy.ts'

let folder: string
beforeEach(async () => void (folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-copy-')))))
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(description: object, capabilities: readonly string[] = []): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify(description))
  const code = `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'copy', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  capabilities: ${JSON.stringify(capabilities)},
  activate(ctx) {
    ctx.on('onUsage', () => undefined)
  },
})
`
  await writeFile(join(folder, 'index.ts'), code)
}

const PACKAGE = { name: 'x', version: '1.2.3', ccr: './manifest.json', exports: { '.': { default: './index.ts' } } }

it('writes what the code says, and nothing when that is there', async () => {
  await write(PACKAGE, ['secrets:B', 'files', 'network:*.example.com'])
  expect(await writeManifest(folder)).toMatchObject({ changed: true, file: join(folder, 'manifest.json') })
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
  const capabilities = ['files', 'network:*.example.com', 'secrets:B']
  expect(manifest).toMatchObject({ name: 'copy', version: '1.2.3', hooks: ['onUsage'], capabilities })
  expect(await writeManifest(folder)).toMatchObject({ changed: false })
})

it.each(['network:https://x.example', 'everything', 'secrets:*'])(
  'refuses code that declares %s',
  async (capability) => {
    await write(PACKAGE, [capability])
    await expect(writeManifest(folder)).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD' })
    await expect(writeManifest(folder)).rejects.toThrow(`declares the capability "${capability}"`)
  },
)

it('refuses a package that names no manifest in it, and a single file', async () => {
  for (const ccr of [undefined, 7, '../outside.json']) {
    await write({ ...PACKAGE, ccr })
    await expect(writeManifest(folder)).rejects.toThrow('names no manifest')
  }
  await expect(writeManifest(join(folder, 'index.ts'))).rejects.toThrow('names no manifest')
})

it.each([
  [{ exports: './index.ts' }, 'index.ts'],
  [{ exports: { '.': './index.ts' } }, 'index.ts'],
  [{ exports: { '.': { types: './x.d.ts', default: './index.ts' } } }, 'index.ts'],
  [{ main: 'index.ts' }, 'index.ts'],
  [{}, 'index.ts'],
])('finds the entry of %j', async (description, entry) => {
  await write(description)
  expect((await findPluginFile(folder)).file).toBe(join(folder, entry))
})

it.each(['../x.ts', '/etc/x.ts', '..'])('refuses the entry %s, which is outside', async (exports) => {
  await write({ exports })
  await expect(findPluginFile(folder)).rejects.toMatchObject({ code: 'CCR_INSTALL_PACKAGE' })
})
