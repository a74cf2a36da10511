import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serve, type Running } from '../src/host/serve.ts'

/** No pattern of the redactor knows it. */
const SECRET = 'rosebud rosebud rosebud'

let home: string
let running: Running | undefined
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-reload-'))))
afterEach(async () => {
  await running?.close({ graceMs: 0 })
  running = undefined
  await rm(home, { recursive: true, force: true })
})

const configure = (config: object): Promise<void> =>
  writeFile(join(home, 'config.json'), JSON.stringify({ watch: false, ...config }))

async function start(config: object): Promise<Running> {
  await configure(config)
  return (running = await serve({ home, port: 0, env: { SECRET }, version: '1.2.3' }))
}

/** A plugin whose `activate` runs this code. */
const write = (code: string): Promise<void> =>
  writeFile(
    join(home, 'plugin.ts'),
    `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'given', apiVersion: 1, description: 'for a test', options: Type.Object({ key: Type.Optional(Type.String()) }),
  activate(ctx) { ${code} },
})
`,
  )

const ask = async (key = ''): Promise<number> => {
  const body = JSON.stringify({ model: 'x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
  const headers = { 'content-type': 'application/json', ...(key && { 'x-api-key': key }) }
  return (await fetch(`${running!.url}/v1/messages`, { method: 'POST', headers, body })).status
}

async function report(): Promise<string> {
  const key = (await readFile(join(home, 'run/admin.key'), 'utf8')).trim()
  return (await fetch(`${running!.url}/api/generation`, { headers: { 'x-api-key': key } })).text()
}

describe('a reload', () => {
  it('never opens a router that other machines reach', async () => {
    const APIKEY = 'a-key-of-24-characters-or-more'
    const { reload } = await start({ HOST: '0.0.0.0', APIKEY })
    for (const config of [{}, { APIKEY: '' }, { APIKEY: 'short' }, { HOST: '127.0.0.1' }]) {
      await configure(config)
      await expect(reload()).rejects.toMatchObject({ code: 'CCR_HOST_BIND' })
      expect([await ask(), await ask(APIKEY)]).toEqual([401, 200])
    }
  })

  it('takes other limits, for changed and unchanged plugins alike', async () => {
    await write(`ctx.on('selectRoute', () => { throw new Error('boom') }, { stage: 'refine' })`)
    const plugins = ['file:./plugin.ts', { use: 'file:./plugin.ts', id: 'kept' }]
    const { reload } = await start({ plugins: [plugins[1]] })
    await configure({ plugins, limits: { failures: 2 } })
    await reload()
    for (let turn = 0; turn < 2; turn++) expect(await ask()).toBe(200)
    const { instances } = JSON.parse(await report()) as { instances: { plugin: string; quarantine?: object }[] }
    expect(instances.filter(({ plugin }) => plugin === 'given').map(({ quarantine }) => Boolean(quarantine))).toEqual([
      true,
      true,
    ])
  })

  const plain = `access: 'public', respond: () => ({ status: 200 })`
  it.each([
    ['without a slash', `method: 'GET', path: 'bad'`, /plugin 'given'.*first character of a path/],
    ['that is empty', `method: 'GET', path: ''`, /plugin 'given'.*could not be empty/],
    ['that is absent', `method: 'GET'`, /plugin 'given'.*should be a string/],
    ['with text behind a star', `method: 'GET', path: '/a/*/b'`, /plugin 'given'.*Wildcard/],
    ['with half an expression', `method: 'GET', path: '/a/:x((a+'`, /plugin 'given'.*regexp/],
    ['and a method that does not exist', `method: 'get', path: '/a'`, /plugin 'given'.*not an http method/],
  ])('refuses an endpoint with a path %s, and everything else is served', async (_, endpoint, message) => {
    const { reload } = await start({})
    await write(`ctx.endpoint({ ${endpoint}, ${plain} } as never)`)
    await configure({ plugins: ['file:./plugin.ts'] })
    await expect(reload()).rejects.toThrow(message)
    expect(await ask()).toBe(200)
    expect(JSON.parse(await report())).toMatchObject({ generation: 1, lastError: { code: 'CCR_PLUGIN_ACTIVATE' } })
  })

  it('that fails does not tell a secret that came with it', async () => {
    await write(`if (ctx.options.key) throw new Error('cannot use ' + ctx.options.key)`)
    const { reload } = await start({ plugins: ['file:./plugin.ts'] })
    const Providers = [{ name: 'a', api_base_url: 'http://127.0.0.1:9', api_key: '$SECRET', models: ['m'] }]
    await configure({ Providers, plugins: [{ use: 'file:./plugin.ts', options: { key: '$SECRET' } }] })
    await expect(reload()).rejects.toThrow(/cannot use \[secret\]$/)
    const text = await report()
    expect(text).toContain('cannot use [secret]')
    expect(text).not.toContain(SECRET)
  })
})

describe('a start', () => {
  it('that fails does not tell a secret', async () => {
    await write(`throw new Error('cannot use ' + ctx.options.key)`)
    const Providers = [{ name: 'a', api_base_url: 'http://127.0.0.1:9', api_key: '$SECRET', models: ['m'] }]
    const starting = start({ Providers, plugins: [{ use: 'file:./plugin.ts', options: { key: '$SECRET' } }] })
    const error = await starting.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CCR_PLUGIN_ACTIVATE', plugin: 'given' })
    expect(String((error as Error).message)).toContain('cannot use [secret]')
    expect((error as Error).cause).toBeUndefined()
  })
})

describe('an endpoint that never answers', () => {
  it('is given up, and lets go of its generation', async () => {
    await write(
      `ctx.endpoint({ method: 'GET', path: '/hangs', access: 'public', respond: () => new Promise(() => undefined) })`,
    )
    await start({ plugins: ['file:./plugin.ts'], timeouts: { total: 20, firstEvent: 10, connect: 5 } })
    expect((await fetch(`${running!.url}/hangs`)).status).toBe(500)
    expect(JSON.parse(await report())).toMatchObject({ leases: 0 })
  })
})
