import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message, sendJson, startUpstream, type Upstream } from '../../test/rules/upstream.ts'
import { serve, type Running } from '../src/host/serve.ts'
import { createCli, finish, type Cli } from './cli-harness.ts'
import { ask, messagesBody, type Answer } from './support/client.ts'
import { until } from './support/watched-router.ts'

const TAG = '<CCR-SUBAGENT-MODEL>nobody,x</CCR-SUBAGENT-MODEL>'
const GUARD = `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'guard', apiVersion: 1, description: 'Notes what it sees.', options: Type.Object({}),
  activate(ctx) { ctx.on('onRequest', () => void (globalThis.guardCalls = (globalThis.guardCalls ?? 0) + 1)) },
})`

/** The router that a file exports, whose line 4 gives what is asked of it. */
const routerText = (result: string) => `import { provider } from './lib/provider.ts'

export default async (req: { body: { model: string } }): Promise<string | undefined> => {
  if (req.body.model === 'ask-mine') ${result}
  return undefined
}
`

let upstream: Upstream
let root: string
let home: string
let running: Running

const config = (more: object = {}): object => ({
  Providers: [
    { name: 'Mock', api_base_url: upstream.url, api_key: 'key-of-mock', models: ['one', 'two'], dialect: 'anthropic' },
  ],
  Router: { default: 'Mock,one', think: 'Mock,two' },
  CUSTOM_ROUTER_PATH: '../mine/router.ts',
  plugins: ['file:../mine/guard.ts'],
  ...more,
})
const writeConfig = (value: object): Promise<void> => writeFile(join(home, 'config.json'), JSON.stringify(value))
const turn = (fields: object = {}): Promise<Answer> =>
  ask(`${running.url}/v1/messages`, { body: messagesBody('claude', false, fields) })
const routeOf = async (fields: object = {}): Promise<unknown> => (await turn(fields)).headers['x-ccr-route']

async function admin(method: string, path: string, body?: object): Promise<Answer> {
  const key = (await readFile(join(home, 'run/admin.key'), 'utf8')).trim()
  return ask(running.url + path, { method, headers: { 'x-api-key': key }, ...(body && { body }) })
}

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
  root = await mkdtemp(join(tmpdir(), 'ccr-routing-'))
  home = join(root, 'home')
  await mkdir(join(root, 'mine/lib'), { recursive: true })
  await mkdir(home)
  await writeFile(join(root, 'mine/lib/provider.ts'), `export const provider: string = 'mock'\n`)
  await writeFile(join(root, 'mine/router.ts'), routerText('return `${provider},two`'))
  await writeFile(join(root, 'mine/guard.ts'), GUARD)
  await writeConfig(config())
  running = await serve({ home, port: 0, env: {}, version: '1.2.3' })
})

afterAll(async () => {
  await running?.close({ graceMs: 0 })
  await upstream?.close()
  await rm(root, { recursive: true, force: true })
})

describe('a custom router in a file', () => {
  it('is TypeScript with files of its own, and decides', async () => {
    expect(await routeOf({ model: 'ask-mine' })).toBe('default; by=route-custom; rule=CUSTOM_ROUTER_PATH')
    expect(upstream.last.json['model']).toBe('two')
  })

  it('is taken anew when a file that it imports changes', async () => {
    await writeFile(join(root, 'mine/lib/provider.ts'), `export const provider: string = 'gone'\n`)
    await until('the new provider', async () => String(await routeOf({ model: 'ask-mine' })).includes("'gone'"))
    expect(await routeOf({ model: 'ask-mine' })).toContain("unmatched=CUSTOM_ROUTER_PATH: there is no provider 'gone'")
  })

  it('that throws is named with file and line, and the next router decides', async () => {
    await writeFile(join(root, 'mine/router.ts'), routerText(`throw new Error('broken by ' + provider)`))
    await until('the new code', async () => String(await routeOf({ model: 'ask-mine' })).includes('broken'))
    const route = await routeOf({ model: 'ask-mine' })
    expect(route).toContain('default; by=route-scenarios')
    expect(route).toContain('unmatched=CUSTOM_ROUTER_PATH: it failed at ')
    expect(route).toContain(': broken by gone')
  })

  it('that cannot be loaded does not replace the one that runs', async () => {
    const { json } = await admin('GET', '/health')
    const { generation } = json as { generation: number }
    await writeFile(join(root, 'mine/router.ts'), 'export default (req) => {')
    const fault = async () =>
      ((await admin('GET', '/api/generation')).json as { lastError?: { at?: string } }).lastError
    await until('the fault', async () => (await fault()) !== undefined)
    expect((await fault())?.at).toMatch(/mine\/router\.ts:\d+:\d+$/)
    expect((await admin('GET', '/health')).json).toMatchObject({ generation })
    expect(await routeOf({ model: 'ask-mine' })).toContain('broken by gone')
  })

  it('may be CommonJS, and is taken when it is mended', async () => {
    await writeFile(join(root, 'mine/router.cjs'), `module.exports = (req, config) => config.Router.think\n`)
    await writeConfig(config({ CUSTOM_ROUTER_PATH: join(root, 'mine/router.cjs') }))
    await until('the CommonJS router', async () => String(await routeOf()).includes('route-custom'))
    expect(upstream.last.json['model']).toBe('two')
    await writeConfig(config({ CUSTOM_ROUTER_PATH: '' }))
    await until('no custom router', async () => !String(await routeOf()).includes('route-custom'))
  })
})

describe('what is asked for in vain', () => {
  it('stands in the header without keys', async () => {
    const what = "CCR-SUBAGENT-MODEL: there is no provider '[secret]'"
    expect(await routeOf({ system: TAG.replace('nobody', 'key-of-mock') + 'hi' })).toContain(`unmatched=${what}`)
  })

  it('stands in the header, the log, and once in the report, with its count', async () => {
    const what = "CCR-SUBAGENT-MODEL: there is no provider 'nobody'"
    for (let count = 0; count < 3; count++) expect(await routeOf({ system: TAG + 'hi' })).toContain(`unmatched=${what}`)
    const { unmatched } = (await admin('GET', '/api/generation')).json as { unmatched: Record<string, unknown>[] }
    expect(unmatched.filter((one) => one['what'] === what)).toEqual([
      { what, count: 3, last: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ])
    const routing = join(home, 'claude-code-router.log')
    await until('the log', async () => (await readFile(routing, 'utf8')).includes("there is no provider 'nobody'"))
  })
})

describe('POST /api/route/explain', () => {
  const explain = (question: object) => admin('POST', '/api/route/explain', question)

  it('says who decides, by which rule, and what was passed over; nobody is asked', async () => {
    const before = upstream.requests.length
    const calls = (globalThis as { guardCalls?: number }).guardCalls
    const body = messagesBody('claude', false, { thinking: { type: 'adaptive' }, system: `${TAG}hi` })
    const { status, json } = await explain({ body, headers: { 'User-Agent': 'test' } })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      asked: 'claude',
      profile: 'default',
      decidedBy: 'route-scenarios',
      rule: 'Router.think',
      scenario: 'think',
      source: 'config',
      targets: [{ provider: 'Mock', model: 'two' }],
      rewritten: true,
    })
    expect((json as { passedOver: unknown }).passedOver).toEqual([
      { rule: 'model', reason: 'it names no provider' },
      { rule: 'CCR-SUBAGENT-MODEL', reason: "there is no provider 'nobody'", unmatched: true },
    ])
    expect(upstream.requests.length).toBe(before)
    expect((globalThis as { guardCalls?: number }).guardCalls).toBe(calls)
  })

  it('tells of a request that would go nowhere', async () => {
    const { status, json } = await explain({ body: messagesBody('nobody,x', false) })
    expect(status).toBe(200)
    expect(json).toMatchObject({ targets: [], error: { code: 'CCR_ROUTE_NONE' } })
  })

  it.each([
    ['no body', {}, 400],
    ['a body that is no request', { body: { messages: [] } }, 400],
    ['a path without exchanges', { path: '/v1/models', body: messagesBody('m', false) }, 404],
    ['a path that does not exist', { path: '/nothing', body: messagesBody('m', false) }, 404],
  ])('refuses %s', async (_, question, status) => {
    expect((await explain(question)).status).toBe(status)
  })

  it('needs the admin key', async () => {
    const { status } = await ask(`${running.url}/api/route/explain`, { body: { body: messagesBody('m', false) } })
    expect(status).toBe(401)
  })
})

describe('routeHeaders', () => {
  it('false leaves the headers out, and changes nothing else', async () => {
    expect((await turn()).headers).toMatchObject({ 'x-ccr-provider': 'Mock', 'x-ccr-model': 'one' })
    await writeConfig(config({ CUSTOM_ROUTER_PATH: '', routeHeaders: false }))
    await until('no header', async () => (await turn()).headers['x-ccr-route'] === undefined)
    const { status, headers } = await turn()
    expect(status).toBe(200)
    expect(Object.keys(headers).filter((name) => name.startsWith('x-ccr-'))).toEqual([])
  })
})

describe('ccr route explain', () => {
  let cli: Cli
  beforeAll(async () => {
    cli = await createCli()
  })
  afterAll(() => cli.dispose())

  it('builds the config where no router runs, asks nobody, and says where a custom router failed', async () => {
    const file = join(cli.directory, 'mine.ts')
    await writeFile(file, routerText(`throw new Error('broken')`).replace('lib/provider', 'provider'))
    await writeFile(join(cli.directory, 'provider.ts'), `export const provider = 'mock'\n`)
    await cli.writeConfig({ ...config(), CUSTOM_ROUTER_PATH: '../mine.ts', plugins: [] })
    const request = join(cli.directory, 'request.json')
    await writeFile(request, JSON.stringify(messagesBody('ask-mine', false, { thinking: { type: 'adaptive' } })))
    const before = upstream.requests.length
    const { code, stdout, stderr } = await cli.run(['route', 'explain', request])
    expect(stderr).toBe('')
    expect(stdout.split('\n')).toEqual([
      'ask-mine -> Mock,two',
      '  decided by route-scenarios',
      '  rule Router.think',
      '  scenario think',
      '  passed over:',
      `    CUSTOM_ROUTER_PATH: it failed at ${file}:4:44: broken (asked for in vain)`,
      '    model: it names no provider',
      '  said by the config, since no router runs',
      '',
    ])
    expect(code).toBe(0)
    expect(upstream.requests.length).toBe(before)
  })

  it('asks the running router, reads stdin, takes headers, and gives 1 for a request that goes nowhere', async () => {
    const env = { CCR_HOME: home }
    await writeConfig(
      config({ CUSTOM_ROUTER_PATH: '', Router: { default: 'Mock,one', agents: { explore: 'Mock,two' } } }),
    )
    await until('the agents', async () => JSON.stringify(await explainAgent()).includes('Router.agents.explore'))
    const headers = ['--header', 'x-claude-code-agent-id=a1', '--header', 'X-Claude-Code-Agent-Type=Explore']
    const child = cli.launch(['route', 'explain', '-', '--json', ...headers], env)
    child.stdin.write(JSON.stringify(messagesBody('claude', false)))
    const { code, stdout } = await finish(child)
    expect(JSON.parse(stdout)).toMatchObject({ router: running.url, rule: 'Router.agents.explore' })
    expect(code).toBe(0)

    const lost = cli.launch(['route', 'explain', '-'], env)
    lost.stdin.write(JSON.stringify(messagesBody('nobody,x', false)))
    const nowhere = await finish(lost)
    expect(nowhere.stdout).toContain('nobody,x -> nowhere\n')
    expect(nowhere.stdout).toContain("provider 'nobody' does not exist")
    expect(nowhere.code).toBe(1)
  })

  const explainAgent = async (): Promise<unknown> => {
    const headers = { 'x-claude-code-agent-id': 'a1', 'x-claude-code-agent-type': 'Explore' }
    return (await admin('POST', '/api/route/explain', { headers, body: messagesBody('claude', false) })).json
  }
})
