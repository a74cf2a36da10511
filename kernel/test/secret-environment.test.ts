import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCli, eventually, firstLine, urlIn, type Cli } from './cli-harness.ts'

const CANARY = 'sk-canary-of-a-provider'
/** What the router is started with; `COPY` holds a key under a name that no config says. */
const ENVIRONMENT = {
  PROVIDER_KEY: CANARY,
  COPY: CANARY,
  CODE_KEY: 'sk-canary-of-code',
  DECLARED: 'given through the context',
  HARMLESS: 'harmless',
  SHORT: 'abc',
}

/** Says what it finds: when it is evaluated, when it is activated, and when it is asked. */
const PRINTER = `import { definePlugin, Type } from '@ccr/sdk'

const evaluated = JSON.stringify(process.env)

export default definePlugin({
  name: 'printer', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  capabilities: ['secrets:DECLARED'],
  config: { Providers: Type.Optional(Type.Unknown()), Router: Type.Optional(Type.Unknown()) },
  activate(ctx) {
    const activated = JSON.stringify(process.env)
    const respond = () => ({ status: 200, body: {
      version: 1, evaluated, activated, now: JSON.stringify(process.env), config: JSON.stringify(ctx.config),
      declared: ctx.secrets.get('DECLARED')?.reveal(),
    } })
    ctx.endpoint({ method: 'GET', path: '/printed', access: 'public', respond })
  },
})
`

describe('S17: a plugin that prints the environment and the config', () => {
  let cli: Cli
  let url: string
  let upstream: Server
  const keys: unknown[] = []
  beforeAll(async () => {
    upstream = createServer((request, response) => {
      keys.push(request.headers.authorization)
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}')
    }).listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    cli = await createCli()
    await cli.writeConfig({ plugins: ['file:./printer.ts'], APIKEY: '$SHORT', Providers: [provider('$PROVIDER_KEY')] })
    await writeFile(
      join(cli.home, 'ccr.config.ts'),
      `export default { Router: { default: 'one,m' }, printer: { api_key: process.env.CODE_KEY } }\n`,
    )
    await writeFile(join(cli.home, 'printer.ts'), PRINTER)
    url = urlIn(await firstLine(cli.launch(['start', '--port', '0'], ENVIRONMENT)))
  }, 60_000)
  afterAll(async () => {
    await cli.dispose()
    upstream.close()
  }, 60_000)

  const provider = (key: string) => {
    const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1/chat/completions`
    return { name: 'one', api_base_url: base, api_key: key, models: ['m'] }
  }
  const printed = async () => (await (await fetch(`${url}/printed`)).json()) as Readonly<Record<string, unknown>>
  const post = () => {
    const body = JSON.stringify({ model: 'x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
    const headers = { 'content-type': 'application/json', 'x-api-key': 'abc' }
    return fetch(`${url}/v1/messages`, { method: 'POST', body, headers })
  }

  test('shows no key, and the router uses them all', async () => {
    const all = await printed()
    expect(JSON.stringify(all)).not.toContain('canary')
    expect(all['config']).toContain('one,m')
    expect(all['declared']).toBe(ENVIRONMENT.DECLARED)
    for (const moment of ['evaluated', 'activated', 'now']) {
      const seen = JSON.parse(String(all[moment])) as NodeJS.ProcessEnv
      expect(seen).toMatchObject({ HARMLESS: 'harmless' })
      expect(Object.keys(seen)).not.toContain('SHORT')
    }
    await post()
    expect(keys.at(-1)).toBe(`Bearer ${CANARY}`)
  })

  test('shows none after a reload either, which reads them again', async () => {
    await writeFile(join(cli.home, 'printer.ts'), PRINTER.replace('version: 1', 'version: 2'))
    await eventually('the new version', async () => ((await printed())['version'] === 2 ? true : undefined))
    expect(JSON.stringify(await printed())).not.toContain('canary')
    await cli.writeConfig({
      plugins: ['file:./printer.ts'],
      APIKEY: '$SHORT',
      Providers: [provider('$PROVIDER_KEY'), { ...provider('${COPY}'), name: 'two' }],
      Router: { longContext: 'two,m' },
    })
    expect((await cli.run(['reload'])).code).toBe(0)
    await post()
    expect(keys.at(-1)).toBe(`Bearer ${CANARY}`)
    expect(JSON.stringify(await printed())).not.toContain('canary')
  })

  test('is no way to them for npm, which a command starts', async () => {
    const bin = join(cli.directory, 'bin')
    await mkdir(bin)
    const seen = join(cli.directory, 'seen')
    await writeFile(join(bin, 'npm'), `#!/bin/sh\nenv > '${seen}'\nexit 1\n`)
    await chmod(join(bin, 'npm'), 0o755)
    const path = { PATH: `${bin}:${process.env['PATH']}`, HTTPS_PROXY: 'http://127.0.0.1:9', NPM_TOKEN: 'of-npm' }
    expect((await cli.run(['plugin', 'info', 'some-plugin'], { ...ENVIRONMENT, ...path })).code).toBe(1)
    const environment = await readFile(seen, 'utf8')
    expect(environment).not.toContain('canary')
    expect(environment).toContain('NPM_TOKEN=of-npm')
    expect(environment).toContain('HTTPS_PROXY=')
  })
})
