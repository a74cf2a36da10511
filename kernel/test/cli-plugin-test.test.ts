import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCli, type Cli } from './cli-harness.ts'

let cli: Cli
beforeEach(async () => void (cli = await createCli()))
afterEach(() => cli.dispose())

const PLUGIN = `import { defineTransformer } from '@ccr/sdk'

export default defineTransformer({
  name: 'probe', description: 'A probe.', dialect: 'openai',
  request: (body: object) => ({ ...body, user: 'somebody' }),
})
`

test('plugin test runs the checks of a package and writes its manifest', async () => {
  const folder = join(cli.directory, 'my plugin')
  await mkdir(folder)
  await writeFile(join(folder, 'index.ts'), PLUGIN)
  await writeFile(join(folder, 'package.json'), '{ "name": "probe", "version": "1.2.3", "ccr": "./manifest.json" }')
  const result = await cli.run(['plugin', 'test', 'my plugin'])
  expect(result.stderr).toBe('')
  expect(result.stdout).toMatch(/^ok {6}its options are closed and documented\n/)
  expect(result.stdout).toMatch(/\nprobe passes all 10 checks\nccr wrote my plugin\/manifest\.json\n$/)
  expect(result.code).toBe(0)
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as object
  expect(manifest).toMatchObject({ name: 'probe', version: '1.2.3', transformers: [{ name: 'probe' }] })
})

test('plugin test fails with what a plugin does wrong, as JSON for scripts', async () => {
  const bad = PLUGIN.replace("({ ...body, user: 'somebody' })", 'Object.assign(body, { user: 1 })')
  await writeFile(join(cli.directory, 'probe.ts'), bad)
  const result = await cli.run(['plugin', 'test', 'probe.ts', '--json'])
  expect(result.code).toBe(1)
  const report = JSON.parse(result.stdout) as { plugin: string; checks: { check: string; result: string }[] }
  expect(report.plugin).toBe('probe')
  expect(report.checks.filter(({ result: one }) => one === 'failed')).toEqual([
    {
      check: 'it does not change what it is given',
      result: 'failed',
      reason: expect.stringContaining('the outbound request of transformRequest') as string,
    },
  ])
})

test('plugin test says how it is used', async () => {
  const { code, stdout } = await cli.run(['plugin', 'test', '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('<path>')
  expect(stdout).toContain('--json')
})
