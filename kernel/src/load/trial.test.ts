import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tryPlugin } from './trial.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-trial-')))
  file = join(folder, 'plugin.ts')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Draft {
  readonly head?: string
  readonly activate?: string
}

const write = ({ head = '', activate = '' }: Draft): Promise<void> =>
  writeFile(
    file,
    `import { definePlugin, Type } from '@ccr/sdk'
${head}
export default definePlugin({
  name: 'tried', apiVersion: 1, description: 'for a test',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) { ctx.on('onUsage', () => undefined); ${activate} },
})
`,
  )
const env = { PATH: process.env['PATH'], GIVEN: 'given' }

it('describes a plugin by its code, which sees the environment that it is given', async () => {
  await write({ head: `if (process.env.GIVEN !== 'given') throw new Error('no environment')` })
  const tried = await tryPlugin(file, { env, version: '1.2.3' })
  expect(tried).toMatchObject({ name: 'tried', manifest: { name: 'tried', version: '1.2.3', hooks: ['onUsage'] } })
})

it('tells the name of a plugin that cannot be described, and why not', async () => {
  await write({ activate: `throw new Error('needs more than defaults')` })
  const { name, manifest } = await tryPlugin(file, { env })
  expect(name).toBe('tried')
  const message = expect.stringContaining('needs more than defaults') as string
  expect(manifest).toMatchObject({ code: 'CCR_PLUGIN_ACTIVATE', at: file, message })
})

it.each([
  ['while it is imported', { head: 'while (true) {}' }],
  ['while it is activated', { activate: 'while (true) {}' }],
])('ends code that never ends %s', async (_when, draft) => {
  await write(draft)
  const error = { code: 'CCR_PLUGIN_LOAD', at: file, message: expect.stringContaining('within 3 s') as string }
  await expect(tryPlugin(file, { env, limitMs: 3_000 })).rejects.toMatchObject(error)
})

it('survives code that ends its process', async () => {
  await write({ head: 'process.exit(0)' })
  await expect(tryPlugin(file, { env })).rejects.toThrow('ended its process while it was loaded')
})

it('gives the fault of code that cannot be loaded, with its place', async () => {
  await write({ head: 'let 1' })
  await expect(tryPlugin(file, { env })).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD', at: `${file}:2:5` })
})
