import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withoutSecrets } from '../src/cli/secret-environment.ts'
import type { ListedPlugin } from '../src/cli/plugin/list.ts'
import { createCli, type Cli } from './cli-harness.ts'

let cli: Cli
beforeEach(async () => {
  cli = await createCli()
})
afterEach(() => cli.dispose())

const SHOUT = `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'shout', apiVersion: 1, description: 'Says it loud.', options: Type.Object({}),
  activate(ctx) { ctx.on('onUsage', () => undefined) },
})`

describe('a router that was started with a config of its own', () => {
  const ENVIRONMENT = { LLM_ACCESS: 'sk-canary-of-the-other', HOME_ACCESS: 'sk-canary-of-the-home', HARMLESS: 'yes' }
  const provider = (name: string, api_key: string): object => ({ name, api_key, api_base_url: 'http://127.0.0.1:9' })

  beforeEach(async () => {
    const other = join(cli.directory, 'other.json')
    await cli.writeConfig({ Providers: [provider('one', '$HOME_ACCESS')] })
    await writeFile(join(cli.directory, 'shout.ts'), SHOUT)
    const plugins = [{ use: 'file:./shout.ts', id: 'sh' }]
    await writeFile(other, JSON.stringify({ plugins, Providers: [provider('two', '$LLM_ACCESS')] }))
    const { code } = await cli.run(['start', '--daemon', '--port', '0', '--config', other], ENVIRONMENT)
    expect(code).toBe(0)
  })

  test('has the plugins of that config, which the commands show and name', async () => {
    const listed = JSON.parse((await cli.run(['plugin', 'list', '--json'])).stdout) as readonly ListedPlugin[]
    expect(listed).toContainEqual(
      expect.objectContaining({ id: 'sh', plugin: 'shout', state: 'on', hooks: ['onUsage'] }),
    )
    expect((await cli.run(['plugin', 'info', 'sh'])).stdout).toContain('Says it loud.')
  })

  test('keeps the keys of both configs from what a command starts', async () => {
    const print = (): void => undefined
    const context = { home: cli.home, env: ENVIRONMENT, version: '0.0.0', print, complain: print }
    expect(Object.keys(await withoutSecrets(context))).toEqual(['HARMLESS'])
  })
})
