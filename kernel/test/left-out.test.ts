import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { message, sendJson, startUpstream, type Upstream } from '../../test/rules/upstream.ts'
import { explainOffline } from '../src/host/admin/route-offline.ts'
import { serve, type Running } from '../src/host/serve.ts'
import { ask, messagesBody, type Answer } from './support/client.ts'
import { until } from './support/watched-router.ts'

/** What somebody meets whose config names what is not there, or is broken. */

let upstream: Upstream
let root: string
let running: Running | undefined

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
})
afterAll(() => upstream?.close())

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-left-out-'))
})
afterEach(async () => {
  await running?.close({ graceMs: 0 })
  running = undefined
  await rm(root, { recursive: true, force: true })
})

const provider = (name: string, more: object = {}): object => ({
  name,
  api_base_url: upstream.url,
  api_key: 'key-of-provider',
  dialect: 'anthropic',
  ...more,
})

const configure = (config: object): Promise<void> =>
  writeFile(join(root, 'config.json'), JSON.stringify({ watch: false, ...config }))

async function start(config: object, env: NodeJS.ProcessEnv = {}): Promise<void> {
  await configure(config)
  running = await serve({ home: root, port: 0, env, version: '1.2.3' })
}

const turn = (model: string): Promise<Answer> =>
  ask(`${running!.url}/v1/messages`, { body: messagesBody(model, false) })

async function told(model: string): Promise<string> {
  const { status, json } = await turn(model)
  expect(status).toBe(404)
  return (json as { error: { message: string } }).error.message
}

function explain(model: string): ReturnType<typeof explainOffline> {
  const body = Buffer.from(JSON.stringify(messagesBody(model, false)))
  return explainOffline({ home: root, env: {} }, { path: '/v1/messages', headers: {}, body })
}

/** The source of a plugin. */
function plugin(activate: string): string {
  return `import { definePlugin, Type } from '@ccr/sdk'
export default definePlugin({
  name: 'mine', apiVersion: 1, description: 'Does nothing.', options: Type.Object({}),
  activate(ctx) {
    ${activate}
  },
})
`
}
const THROWS = `throw new Error('needs more')`

interface Report {
  readonly failures: readonly { readonly subject: string; readonly message: string; readonly at?: string }[]
  readonly disabledProviders: readonly { readonly name: string; readonly reason: string }[]
}

async function report(): Promise<Report> {
  const key = (await readFile(join(root, 'run/admin.key'), 'utf8')).trim()
  return (await ask(`${running!.url}/api/generation`, { method: 'GET', headers: { 'x-api-key': key } })).json as Report
}

const health = async (): Promise<{ readonly degraded: readonly string[] }> =>
  (await ask(`${running!.url}/health`, { method: 'GET' })).json as { readonly degraded: readonly string[] }

describe('a request for a provider that was left out', () => {
  const UNSET = 'the environment variable ABSENT_KEY is not set. Set it and restart'

  it('is told that it was, and what to do', async () => {
    await start({ Providers: [provider('Mine', { api_key: '$ABSENT_KEY' })], Router: { default: 'mine,m' } })
    for (const model of ['claude', 'MINE,x'])
      expect(await told(model)).toMatch(/^provider '\w+' is left out of the config \(asked for .*\); providers: demo/)
    expect(await told('claude')).toContain(UNSET)
    expect(await told('other,m')).toContain("provider 'other' does not exist")
  })

  it('is told so by a route that is explained without a router too', async () => {
    const config = { Providers: [provider('Mine', { api_key: '$ABSENT_KEY' })], Router: { default: 'mine,m' } }
    await writeFile(join(root, 'config.json'), JSON.stringify(config))
    const { error } = await explain('claude')
    expect(error?.message).toContain(UNSET)
  })

  it('is told where to look when the reason names a file', async () => {
    await start({ Providers: [provider('Mine', { transformer: { use: ['file:./none.ts'] } }), provider('Other')] })
    const text = await told('Mine,m')
    expect(text).toContain("provider 'Mine' is left out of the config")
    expect(text).toMatch(/`ccr status` says why$/)
    expect(text).not.toContain(root)
  })

  it('is told so when nothing speaks its dialect', async () => {
    await start({
      Providers: [provider('Mine', { dialect: 'gemini' })],
      plugins: [{ use: 'dialect-gemini', enabled: false }],
    })
    expect(await told('Mine,m')).toContain("no plugin speaks the dialect 'gemini' to providers")
  })
})

describe('a custom router that cannot be loaded', () => {
  const reason = /^CUSTOM_ROUTER_PATH: .*none\.js does not exist\. Correct the path in the config\.$/
  const config = { Router: { default: 'Mine,m' }, CUSTOM_ROUTER_PATH: './none.js' }

  it('is told as passed over, and the next router decides, until it is there', async () => {
    await start({ ...config, Providers: [provider('Mine')] })
    const { status, headers } = await turn('claude')
    const [, told] = /^default; by=route-scenarios; .*; unmatched=(.*)$/.exec(String(headers['x-ccr-route'])) ?? []
    expect([status, told]).toEqual([200, expect.stringMatching(reason)])
    await writeFile(join(root, 'none.js'), `module.exports = () => 'Mine,x'`)
    await running!.reload()
    expect((await turn('claude')).headers['x-ccr-route']).toBe('default; by=route-custom; rule=CUSTOM_ROUTER_PATH')
  })

  it('is one that exports no function too, which does not replace one that runs', async () => {
    const file = join(root, 'none.js')
    await writeFile(file, `module.exports = { router: () => 'Mine,x' }`)
    await start({ ...config, Providers: [provider('Mine')] })
    const routeOf = async () => String((await turn('claude')).headers['x-ccr-route'])
    expect(await routeOf()).toMatch(/ unmatched=CUSTOM_ROUTER_PATH: .*none\.js exports no function\. /)
    await writeFile(file, `module.exports = () => 'Mine,x'`)
    await running!.reload()
    await writeFile(file, 'module.exports = 5')
    await expect(running!.reload()).rejects.toThrow(/none\.js exports no function\. /)
    expect(await routeOf()).toBe('default; by=route-custom; rule=CUSTOM_ROUTER_PATH')
  })

  it('is told to clients without the path of the home of whoever runs it', async () => {
    await start({ ...config, Providers: [provider('Mine')] }, { HOME: root })
    const route = String((await turn('claude')).headers['x-ccr-route'])
    expect(route).toContain('CUSTOM_ROUTER_PATH: ~/none.js does not exist')
    expect(route).not.toContain(root)
  })

  it('is told so by a route that is explained without a router', async () => {
    await writeFile(join(root, 'config.json'), JSON.stringify({ ...config, Providers: [provider('Mine')] }))
    const { passedOver } = await explain('claude')
    expect(passedOver?.map(({ rule, reason: why }) => `${rule}: ${why}`)).toContainEqual(expect.stringMatching(reason))
  })
})

describe('a key that is the name of its provider, as for servers that ask for none', () => {
  it('is no secret, so that its provider can be told of by name', async () => {
    const local = provider('Ollama', { api_key: 'ollama' })
    await start({ Providers: [local, provider('Other', { api_key: 'key-of-other' })] })
    expect(await told('ollame,m')).toContain('providers: demo, Ollama, Other')
    expect(await told('key-of-other,ollama')).toMatch(/^provider '\[secret\]' .*'\[secret\],ollama'/)
  })
})

describe('a provider of the config with the name of one that a plugin brings', () => {
  it('is the one that is asked', async () => {
    await start({ Providers: [provider('demo', { models: ['m'] })], Router: { default: 'demo,m' } })
    for (const model of ['claude', 'demo,m']) expect((await turn(model)).text).not.toContain('You said')
    expect((await report()).failures).toEqual([])
  })

  it('is missed, and not replaced, when nothing speaks its dialect', async () => {
    const plugins = [{ use: 'dialect-gemini', enabled: false }]
    await start({ Providers: [provider('demo', { dialect: 'gemini' })], plugins })
    expect(await told('demo,m')).toContain("no plugin speaks the dialect 'gemini' to providers")
  })
})

describe('a request for a preset or profile', () => {
  const at = async (path: string): Promise<Answer> =>
    ask(`${running!.url}${path}`, { body: messagesBody('claude', false) })
  const gone = (name: string): RegExp => new RegExp(`no preset or profile '${name}' is served; .ccr status. says`)

  it('that there is none of is told its name', async () => {
    await start({ Providers: [provider('Mine')], Router: { default: 'Mine,m' }, profiles: { work: {} } })
    expect((await at('/preset/work/v1/messages')).status).toBe(200)
    for (const [path, message] of [
      ['/preset/wrok/v1/messages', gone('wrok')],
      ['/preset/default/v1/messages?beta=true', gone('default')],
      ['/preset/%0A%22/v1/messages', gone('%0A%22')],
      ['/preset/work/v1/nothing', /^POST \S+nothing is not served; models are asked at \/preset/],
      ['/v1/nothing', /^POST \S+nothing is not served; models are asked at \/v1\/chat/],
    ] as const) {
      const { status, json } = await at(path)
      const error = { type: 'not_found_error', message: expect.stringMatching(message) as unknown }
      expect([path, status, json]).toMatchObject([path, 404, { error }])
    }
  })
})

describe('a preset or profile behind a key', () => {
  const APIKEY = 'key-of-the-router-and-long-enough'

  it('cannot be told by those without it from one that does not exist, on any path', async () => {
    await start({ APIKEY, Providers: [provider('Mine')], Router: { default: 'Mine,m' }, profiles: { work: {} } })
    const statusOf = async (path: string, method: string, headers = {}): Promise<number> =>
      (await fetch(running!.url + path, { method, headers })).status
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      for (const path of ['/v1/messages', '/v1/models', '/api/hello', '/v1/nothing', '/', '']) {
        for (const base of ['/preset/work', '/preset/wrok', '/%70reset/work', '/%70reset/wrok']) {
          expect([base, path, method, await statusOf(base + path, method)]).toEqual([base, path, method, 401])
        }
      }
    }
    const toldAt = async (path: string): Promise<unknown> => {
      const answer = await fetch(running!.url + path, { method: 'POST' })
      const text = `${[...answer.headers.keys()].join()} ${await answer.text()}`
      return text.replace(/req_\w+/g, '')
    }
    const posts = ['/messages', '/chat/completions', '/responses', '/models/m:generateContent', '/models/m:countTokens']
    for (const path of [...posts.map((post) => `/v1${post}`), '/v1beta/models/m:generateContent', '/v1/messages/']) {
      for (const base of ['/preset/work', '/%70reset/work', '/preset/%77ork'])
        expect([path, await toldAt(base + path)]).toEqual([path, await toldAt(`/preset/wrok${path}`)])
    }
    const key = { 'x-api-key': APIKEY }
    expect(await statusOf('/preset/work/api/hello', 'GET', key)).toBe(200)
    expect(await statusOf('/preset/work/v1/messages', 'GET', key)).toBe(405)
    expect(await statusOf('/preset/wrok/v1/messages', 'POST', key)).toBe(404)
    expect([await statusOf('/api/hello', 'GET'), await statusOf('/v1/nothing', 'GET')]).toEqual([200, 404])
  })
})

describe('a transformer that cannot be loaded', () => {
  it('takes its provider out, and starts nothing else in vain', async () => {
    await start({ Providers: [provider('Mine', { transformer: { use: ['file:./none.ts'] } }), provider('Other')] })
    expect((await turn('Other,m')).status).toBe(200)
    const { disabledProviders, failures } = await report()
    const reason = expect.stringContaining('none.ts does not exist') as string
    expect(disabledProviders).toMatchObject([{ name: 'Mine', reason }])
    expect(failures.map(({ subject }) => subject)).toEqual(['file:./none.ts@Mine'])
  })

  it('does not replace one that runs', async () => {
    await writeFile(join(root, 'mine.ts'), plugin(''))
    await start({ Providers: [provider('Mine', { transformer: { use: ['file:./mine.ts'] } })] })
    await writeFile(join(root, 'mine.ts'), 'export default ]')
    await expect(running!.reload()).rejects.toMatchObject({ code: 'CCR_PLUGIN_LOAD' })
    expect((await turn('Mine,m')).status).toBe(200)
  })
})

describe('a transformer that cannot be activated', () => {
  it('takes its provider out, until its file is mended', async () => {
    await writeFile(join(root, 'mine.ts'), plugin(THROWS))
    const providers = [provider('Mine', { transformer: { use: ['file:./mine.ts'] } }), provider('Other')]
    await start({ Providers: providers, watch: true, timeouts: { reloadDebounce: 20 } })
    expect((await turn('Other,m')).status).toBe(200)
    expect(await told('Mine,m')).toContain("provider 'Mine' is left out of the config")
    const message = expect.stringContaining('needs more') as string
    const at = expect.stringContaining('mine.ts') as string
    expect((await report()).failures).toMatchObject([
      { subject: 'file:./mine.ts@Mine', message, at },
      { subject: "provider 'Mine'", message, at },
    ])
    expect((await health()).degraded).toEqual(['plugins'])
    await writeFile(join(root, 'mine.ts'), plugin(''))
    await until('the provider is back', async () => (await turn('Mine,m')).status === 200)
    expect([(await report()).failures, (await health()).degraded]).toEqual([[], []])
  })

  it('takes no provider of the same name out of another profile, where it can be', async () => {
    const text = plugin(`if (ctx.options.fails) ${THROWS}`)
    const options = 'options: Type.Object({ fails: Type.Optional(Type.Boolean()) })'
    await writeFile(join(root, 'mine.ts'), text.replace('options: Type.Object({})', options))
    const using = (...use: unknown[]): object => provider('Mine', { transformer: { use } })
    const work = { Providers: [using('file:./mine.ts')], Router: { default: 'Mine,m' } }
    await start({ Providers: [using(['file:./mine.ts', { fails: true }])], profiles: { work } })
    expect(await told('Mine,m')).toContain("provider 'Mine' is left out of the config")
    const answer = await ask(`${running!.url}/preset/work/v1/messages`, { body: messagesBody('claude', false) })
    expect(answer.status, answer.text).toBe(200)
  })

  it('does not keep other changes from being taken, however it is broken meanwhile', async () => {
    const config = { Providers: [provider('Mine', { transformer: { use: ['file:./mine.ts'] } }), provider('Other')] }
    await writeFile(join(root, 'mine.ts'), plugin(THROWS))
    await start(config)
    for (const [index, text] of ['export default ]', plugin(THROWS)].entries()) {
      await writeFile(join(root, 'mine.ts'), text)
      await configure({ ...config, Router: { default: `Other,${index}` } })
      await running!.reload()
      expect((await turn('claude')).headers['x-ccr-model']).toBe(String(index))
      expect((await turn('Mine,m')).status).toBe(404)
    }
  })
})

describe('a file of plugins that fails at a start', () => {
  const FAULTS = [
    ['cannot be loaded', 'export default ]', 'CCR_PLUGIN_LOAD'],
    ['cannot be activated', plugin(THROWS), 'CCR_PLUGIN_ACTIVATE'],
  ] as const
  const config = { plugins: ['file:./mine.ts'] }

  const ranWith = async (activate: string): Promise<void> => {
    await writeFile(join(root, 'mine.ts'), plugin(activate))
    await start(config)
    await running!.close({ graceMs: 0 })
  }

  it.each(FAULTS)('because it %s stops it, whatever it did as it ran last', async (_what, text, code) => {
    await ranWith('')
    await writeFile(join(root, 'mine.ts'), text)
    await expect(start(config)).rejects.toMatchObject({ code })
  })

  it.each(FAULTS)('because it %s stops it when nobody knows what it does', async (_what, text, code) => {
    await writeFile(join(root, 'mine.ts'), text)
    await expect(start(config)).rejects.toMatchObject({ code })
  })
})
