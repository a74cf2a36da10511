import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCli, firstLine, urlIn, type Cli } from './cli-harness.ts'

let cli: Cli
beforeEach(async () => void (cli = await createCli()))
afterEach(() => cli.dispose())

/** Fails on every request that asks for it. */
const PLUGIN = `import { definePlugin, Type } from '@ccr/sdk'

export default definePlugin({
  name: 'moody', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('selectRoute', (plan, { headers }) => {
      if (headers['x-mood'] === 'bad') throw new Error('bad mood')
    }, { stage: 'refine' })
  },
})
`

async function ask(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ model: 'x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
  return fetch(`${url}/v1/messages`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

test('plugin top says that nothing runs', async () => {
  const result = await cli.run(['plugin', 'top'])
  expect(result.code).toBe(1)
  expect(result.stderr).toContain('ccr start')
})

test('plugin top, status and the debug header tell what plugins do', async () => {
  await cli.writeConfig({ plugins: ['file:./moody.ts'] })
  await writeFile(join(cli.home, 'moody.ts'), PLUGIN)
  const router = cli.launch(['start', '--port', '0'])
  const url = urlIn(await firstLine(router))
  const plain = await ask(url)
  expect(plain.status).toBe(200)
  expect(plain.headers.get('x-ccr-plugins')).toBeNull()
  expect((await ask(url, { 'x-ccr-debug': '1' })).headers.get('x-ccr-plugins')).toMatch(
    /^selectRoute=surface-models,route-scenarios,.*file:\.\/moody\.ts/,
  )
  for (let turn = 0; turn < 6; turn++) expect((await ask(url, { 'x-mood': 'bad' })).status).toBe(200)

  const table = await cli.run(['plugin', 'top'])
  expect(table.code).toBe(0)
  expect(table.stdout).toMatch(/^plugin +hook +calls +errors +timeouts +ms +ms\/call +max ms +loading ms\n/)
  expect(table.stdout).toMatch(/file:\.\/moody\.ts \(quarantined\) +selectRoute +7 +5 +0 /)
  expect(table.stdout).toMatch(/\d+\.\d \+ \d+\.\d \+ \d+\.\d\n/)
  const rows = JSON.parse((await cli.run(['plugin', 'top', '--json'])).stdout) as { id: string; hooks: object }[]
  expect(rows.find(({ id }) => id === 'file:./moody.ts')!.hooks).toMatchObject({ selectRoute: { calls: 7, errors: 5 } })

  const status = await cli.run(['status'])
  const fact = "plugin 'moody' failed in selectRoute: bad mood\n"
  const line = 1 + PLUGIN.split('\n').findIndex((text) => text.includes('bad mood'))
  expect(status.stdout).toContain(
    `  plugin file:./moody.ts is quarantined: ${fact}    at ${cli.home}/moody.ts:${line}:`,
  )
  const listed = await cli.run(['plugin', 'list'])
  expect(listed.stderr).toContain(`ccr: file:./moody.ts: ${fact}  at ${cli.home}/moody.ts:${line}:`)
})
