import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeFile, isCcrError, Type, type Secret } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstalledPlugin } from './installed.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { readConfig } from './read.ts'
import { resolveConfig, type ResolvedConfig } from './resolve.ts'

const preset = { name: 'default', description: '', dialect: 'wire-a', plugins: ['dialect-a', 'router', 'demo'] }

const plugin = (name: string, more: Partial<InstalledPlugin> = {}): InstalledPlugin => ({
  name,
  use: name,
  file: undefined,
  options: Type.Object({}, { additionalProperties: false }),
  fromFile: false,
  transformers: [],
  dialects: [],
  sections: {},
  ...more,
})

const loudness = Type.Object({ loud: Type.Optional(Type.Boolean()) }, { additionalProperties: false })

const installed = [
  plugin('dialect-a', { dialects: ['wire-a'], transformers: [{ name: 'Alpha', aliases: ['al'], dialect: 'wire-a' }] }),
  plugin('dialect-b', { dialects: ['wire-b'], transformers: [{ name: 'beta', dialect: 'wire-b', options: loudness }] }),
  plugin('patch-plain', {
    transformers: [{ name: 'plain', aliases: ['Simple'] }],
    options: Type.Object({ size: Type.Optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: false }),
  }),
  plugin('router', { sections: { Router: Type.Object({ default: Type.Optional(Type.String()) }) } }),
  plugin('meter', { sections: { Meter: Type.Unknown(), Shared: Type.Unknown() } }),
  plugin('demo'),
]

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-resolve-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function resolve(text: string, env: Record<string, string> = {}, plugins = installed): Promise<ResolvedConfig> {
  await writeFile(join(home, 'config.json'), text)
  const loaded = await readConfig({ home, env })
  return resolveConfig(loaded, { preset, installed: plugins, entries: resolveEntries(loaded, presetEntries(preset)) })
}

const short = (text: string): string => text.replaceAll(`${home}/`, '')

async function fault(resolving: Promise<unknown>): Promise<[string, string]> {
  const thrown = await resolving.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isCcrError(thrown)) throw new Error(`not a ccr error: ${String(thrown)}`)
  expect(thrown.code).toBe('CCR_CONFIG_SCHEMA')
  return [short(thrown.at ?? ''), short(thrown.message)]
}

describe('an empty config', () => {
  it('has every default', async () => {
    const { server, settings, entries, providers, sections, secrets, warnings, disabledProviders } = await resolve('{}')
    expect(server).toEqual({
      host: '127.0.0.1',
      port: 3456,
      apiKey: undefined,
      allowedHosts: [],
      proxyUrl: undefined,
      logEnabled: true,
      routeHeaders: true,
      logLevel: 'info',
    })
    expect(settings.timeouts.idle).toBe(90_000)
    expect(settings.limits.attempts).toBe(4)
    expect(entries.map(({ id, use, enabled, options }) => [id, use, enabled, options])).toEqual([
      ['dialect-a', 'dialect-a', true, {}],
      ['router', 'router', true, {}],
      ['demo', 'demo', true, {}],
    ])
    expect([providers, sections, secrets, warnings, disabledProviders]).toEqual([[], {}, [], [], []])
  })
})

describe('the kernel keys', () => {
  it('are taken over', async () => {
    const { server, settings } = await resolve(
      `{
      PORT: '4000', HOST: '::1', APIKEY: '$K', ALLOWED_HOSTS: ['box'], LOG: false, LOG_LEVEL: 'warn',
      API_TIMEOUT_MS: '5000', NON_INTERACTIVE_MODE: true, CLAUDE_PATH: '/bin/x',
      timeouts: { idle: 5 }, limits: { inFlight: 1 } }`,
      { K: 'secret-key' },
    )
    expect(server).toMatchObject({
      port: 4000,
      host: '::1',
      allowedHosts: ['box'],
      logEnabled: false,
      routeHeaders: true,
      logLevel: 'warn',
    })
    expect(server.apiKey?.reveal()).toBe('secret-key')
    expect(settings.timeouts).toMatchObject({ idle: 5, total: 600_000 })
    expect(settings.limits).toMatchObject({ inFlight: 1, attempts: 4 })
  })

  it.each([
    ['{ PROXY_URL: "http://d" }', 'http://d'],
    ['{ PROXY_URL: "http://d", httpsProxy: "http://c" }', 'http://c'],
    ['{ PROXY_URL: "http://d/unused", httpsProxy: "http://c" }', 'http://c'],
    ['{ PROXY_URL: "http://d", httpsProxy: "http://c", https_proxy: "http://b" }', 'http://b'],
    ['{ PROXY_URL: "http://d", https_proxy: "http://b", HTTPS_PROXY: "http://a" }', 'http://a'],
  ])('%s uses the proxy %s', async (text, url) => {
    expect((await resolve(text)).server.proxyUrl?.reveal()).toBe(url)
  })

  it('take an empty APIKEY for none', async () => {
    expect((await resolve('{ APIKEY: "" }')).server.apiKey).toBeUndefined()
  })
})

describe('entries', () => {
  it('come after the default ones, or take their place', async () => {
    const { entries } = await resolve(
      `{ plugins: [
      'meter',
      { use: '@ccr/plugin-router', options: { a: '$A' }, before: ['demo'], after: ['x'],
        timeoutMs: 9, onFailure: 'fail' },
      { use: 'demo', enabled: false },
      { use: 'file:./my.ts' }, { use: 'file:/abs/my.ts', id: 'mine' },
      { name: 'old', options: { b: 1 } }, { name: 'older', enabled: true, extra: 1 },
    ] }`,
      { A: 'filled' },
    )
    expect(entries.map(({ id, use, enabled, file }) => [id, use, enabled, file])).toEqual([
      ['dialect-a', 'dialect-a', true, undefined],
      ['router', 'router', true, undefined],
      ['demo', 'demo', false, undefined],
      ['meter', 'meter', true, undefined],
      ['file:./my.ts', 'file:./my.ts', true, join(home, 'my.ts')],
      ['mine', 'file:/abs/my.ts', true, '/abs/my.ts'],
      ['old', 'old', false, undefined],
      ['older', 'older', true, undefined],
    ])
    expect(entries[1]).toMatchObject({
      options: { a: 'filled' },
      before: ['demo'],
      after: ['x'],
      timeoutMs: 9,
      onFailure: 'fail',
    })
    expect(short(entries[1]?.at ?? '')).toBe('config.json:3:7')
  })

  it.each<[string, string, RegExp]>([
    ['{ plugins: ["meter",\n "meter"] }', 'config.json:2:2', /has the id meter, like the entry at config\.json:1:13/],
    [
      '{ plugins: [{ use: "a", id: "x" }, { name: "x", enabled: true }] }',
      'config.json:1:36',
      /Give one of them an id/,
    ],
    ['{ Plugins: [5] }', 'config.json:1:13', /\/Plugins\/0 must be the name of a plugin/],
    ['{ plugins: [""] }', 'config.json:1:13', /must be the name/],
    ['{ plugins: [{}] }', 'config.json:1:13', /\/plugins\/0 lacks use/],
    [
      '{ plugins: [{ use: "a", optoins: {} }] }',
      'config.json:1:34',
      /optoins is not a field of an entry\. Did you mean options\?/,
    ],
    ['{ plugins: [{ use: "a", timeoutMs: 0 }] }', 'config.json:1:36', /an integer of at least 1/],
    ['{ plugins: [{ use: "a", onFailure: "stop" }] }', 'config.json:1:36', /"fail" or "skip"/],
    ['{ plugins: [{ use: "a", before: { b: 1 } }] }', 'config.json:1:33', /must be a list/],
    ['{ plugins: [{ use: "a", name: "b" }] }', 'config.json:1:31', /name is not a field/],
    ['{ plugins: [{ name: "a", enabled: "yes" }] }', 'config.json:1:35', /true or false/],
  ])('%s is refused', async (text, at, message) => {
    const [place, said] = await fault(resolve(text))
    expect(place).toBe(at)
    expect(said).toMatch(message)
  })
})

describe('providers', () => {
  const one = (fields: string): string =>
    `{ Providers: [{ name: 'good', api_base_url: 'http://good' }, {\n${fields} }] }`

  it('are taken over, with the default dialect', async () => {
    const { providers } = await resolve(
      `{ providers: [
      { name: 'a', api_base_url: 'https://a/v1', api_key: '$K', models: ['m'] },
      { name: 'b', api_base_url: 'http://b', api_key: '', enabled: true },
      { name: 'c', api_base_url: 'http://c', api_key: 'passthrough' },
      { name: 'off', api_base_url: '$NOT_SET', enabled: false } ] }`,
      { K: 'sk-1' },
    )
    expect(
      providers.map(({ secret, ...rest }) => ({ ...rest, secret: (secret as Secret | undefined)?.reveal() })),
    ).toEqual([
      { name: 'a', baseUrl: 'https://a/v1', models: ['m'], dialect: 'wire-a', secret: 'sk-1' },
      { name: 'b', baseUrl: 'http://b', models: [], dialect: 'wire-a', secret: undefined },
      { name: 'c', baseUrl: 'http://c', models: [], dialect: 'wire-a', secret: undefined, clientCredentials: true },
    ])
  })

  it.each([
    ["dialect: 'wire-b'", 'wire-b'],
    ["transformer: { use: ['BETA'] }", 'wire-b'],
    ["transformer: { use: ['AL'] }", 'wire-a'],
    ["transformer: { use: [['beta']] }", 'wire-b'],
    ['transformer: { use: [] }', 'wire-a'],
    ['transformer: {}', 'wire-a'],
    ["dialect: 'wire-b', transformer: { use: ['beta'] }", 'wire-b'],
    ["transformer: { use: ['beta'], m: { use: ['beta'] } }", 'wire-b'],
    ["transformer: { use: ['beta'], '// m': 'a remark', window: 5, m: ['alpha'], n: null, o: { size: 1 } }", 'wire-b'],
  ])('%s means the dialect %s', async (fields, dialect) => {
    const { providers, disabledProviders } = await resolve(one(`name: 'x', api_base_url: 'http://x', ${fields}`))
    expect(disabledProviders).toEqual([])
    expect(providers[1]?.dialect).toBe(dialect)
  })

  it.each([
    ["['beta', { loud: true }]", { loud: true }],
    ["['beta', {}]", {}],
    ["'beta'", {}],
  ])('%s is a dialect with its options', async (used, dialectOptions) => {
    const { providers, chained } = await resolve(one(`${url}, transformer: { use: [${used}], m: { use: ['beta'] } }`))
    expect(providers[1]).toMatchObject({ dialect: 'wire-b', dialectOptions })
    expect(chained).toEqual([])
  })

  it('are what they say without what an editor leaves empty', async () => {
    const { providers, disabledProviders } = await resolve(
      `{ Providers: [{ name: ' a ', api_base_url: 'http://a', models: ['', 'm', ' '], transformer: '', enabled: '' },
        { name: 'b', api_base_url: 'http://b', models: '', dialect: '', model_limits: '', transformer: [] }] }`,
    )
    expect(disabledProviders).toEqual([])
    expect(providers.map(({ name, models }) => [name, models])).toEqual([
      ['a', ['m']],
      ['b', []],
    ])
  })

  it('have their URL and key without the space around them, which pasted text and variables may bring', async () => {
    const text = one("name: 'x', api_base_url: ' http://x/v1 ', api_key: '$K'")
    const { providers, secrets } = await resolve(text, { K: 'sk-long\r\n' })
    expect(providers[1]).toMatchObject({ baseUrl: 'http://x/v1' })
    expect(providers[1]?.secret?.reveal()).toBe('sk-long')
    expect(secrets).toContain('sk-long')
  })

  const url = "name: 'x', api_base_url: 'http://x'"
  it.each<[string, string, RegExp, string?]>([
    ["name: 'x'", 'config.json:1:62', /lacks api_base_url/],
    ["api_base_url: 'http://x'", 'config.json:1:62', /lacks name/, '/Providers/1'],
    ["name: 'a,b', api_base_url: 'http://x'", 'config.json:2:7', /text without a comma/, 'a,b'],
    ["name: 'x', api_base_url: 'ftp://x'", 'config.json:2:26', /an http:\/\/ or https:\/\/ URL/],
    ["name: 'x', api_base_url: 'http://['", 'config.json:2:26', /is not a URL/],
    ["name: 'x', api_base_url: 'http://u:word@h.test'", 'config.json:2:26', /user name or a password.* send\. Remove/],
    [`${url}, api_key: 5`, 'config.json:2:47', /text in one line/],
    [`${url}, api_key: 'a\\nb'`, 'config.json:2:47', /text in one line/],
    ["name: 'x', api_base_url: ' '", 'config.json:2:26', /an http:\/\/ or https:\/\/ URL/],
    ...['密钥中文', 'sk-…', 'clé', 'a\\x7f'].map((key): [string, string, RegExp] => [
      `${url}, api_key: '${key}'`,
      'config.json:2:47',
      /^\/Providers\/1\/api_key must be text in one line, of ASCII characters\. Correct the value\.$/,
    ]),
    [`${url}, api_key: '$NOT_SET'`, 'config.json:2:47', /NOT_SET is not set/],
    [`${url}, models: { m: 1 }`, 'config.json:2:46', /must be a list/],
    [`${url}, models: ['m', 5]`, 'config.json:2:52', /text that is not empty/],
    [`${url}, models: ['', 'm', ' ', 5]`, 'config.json:2:61', /models\/3 must be text that is not empty/],
    [
      `${url}, dialect: 'wire-c'`,
      'config.json:2:47',
      /no plugin provides the dialect wire-c\. Did you mean wire-.*Known: wire-a, wire-b/,
    ],
    [`${url}, transformer: { use: { beta: 1 } }`, 'config.json:2:58', /begin with a name/],
    [
      `${url}, transformer: { use: ['bete'] }`,
      'config.json:2:59',
      /names bete, which no installed plugin declares\. Did you mean beta\?.* Correct or remove it, or add a plugin/,
    ],
    [`${url}, transformer: { use: [[5]] }`, 'config.json:2:59', /must begin with a name/],
    [
      `${url}, transformer: { use: [['plain', { size: 0 }]] }`,
      'config.json:2:77',
      /size must be an integer of at least 1; plain/,
    ],
    [`${url}, transformer: { use: ['alpha', 'beta'] }`, 'config.json:2:68', /two dialects, alpha and beta/],
    [
      `${url}, transformer: { use: [['al', { loud: true }]] }`,
      'config.json:2:74',
      /loud is not a known key here; al reads it/,
    ],
    [`${url}, transformer: { use: [['beta', { loud: 1 }]] }`, 'config.json:2:76', /loud must be true or false; beta/],
    [
      `${url}, dialect: 'wire-a', transformer: { use: ['beta'] }`,
      'config.json:2:47',
      /dialect says wire-a and transformer\.use says wire-b/,
    ],
    ["name: 'good', api_base_url: 'http://x'", 'config.json:1:62', /that of the provider at config\.json:1:15/, 'good'],
  ])('%s is left out alone', async (fields, at, reason, name = 'x') => {
    const { providers, disabledProviders } = await resolve(one(fields))
    expect(providers.map((provider) => provider.name)).toEqual(['good'])
    expect(disabledProviders.map((one) => [one.name, short(one.at)])).toEqual([[name, at]])
    expect(short(disabledProviders[0]?.reason ?? '')).toMatch(reason)
  })

  it('stand for entries by what their transformers name, the chain of a model after that of its provider', async () => {
    const chain = "['SIMPLE', 'beta', ['plain', { size: 2 }], 'file:./own.ts']"
    const text = one(`${url}, transformer: { m1: { use: ['plain'] }, use: ${chain} }`)
    const { chained, entries, warnings } = await resolve(text)
    expect(chained.map(({ provider, entry }) => [provider, entry.id, entry.use, entry.options])).toEqual([
      ['x', 'patch-plain@x', 'patch-plain', {}],
      ['x', 'patch-plain@x#2', 'patch-plain', { size: 2 }],
      ['x', 'file:./own.ts@x', 'file:./own.ts', {}],
      ['x', 'patch-plain@x,m1', 'patch-plain', {}],
    ])
    expect(chained.map(({ entry }) => entry.file)).toEqual([undefined, undefined, join(home, 'own.ts'), undefined])
    expect(entries.map(({ id }) => id)).toEqual(preset.plugins)
    expect(warnings).toEqual([])
    const [own, , , ofModel] = chained.map(({ entry }) => entry.when!.target!)
    const targets = [
      ['x', 'm1'],
      ['x', 'M1'],
      ['x', 'm2'],
      ['good', 'm1'],
    ] as const
    expect(targets.map(([provider, model]) => own!({ provider, model }))).toEqual([true, true, true, false])
    expect(targets.map(([provider, model]) => ofModel!({ provider, model }))).toEqual([true, true, false, false])
  })

  it('may give options as text that a transformer or a dialect wants as a number, true or false', async () => {
    const { chained, providers } = await resolve(
      one(`${url}, transformer: { use: [['plain', { size: '2' }], ['beta', { loud: 'true' }]] }`),
    )
    expect(chained.map(({ entry }) => entry.options)).toEqual([{ size: 2 }])
    expect(providers[1]?.dialectOptions).toEqual({ loud: true })
  })

  const size = Type.Object({ size: Type.Integer({ default: 2 }) }, { additionalProperties: false })
  it.each([
    ['a file', size],
    ['a manifest', JSON.parse(JSON.stringify(size)) as typeof size],
  ])('may leave out, or leave empty, what a transformer of %s has a default for', async (_, options) => {
    const sized = plugin('patch-sized', { transformers: [{ name: 'sized' }], options })
    const { chained, disabledProviders } = await resolve(
      one(`${url}, transformer: { use: ['sized', ['sized', { size: '' }], ['sized', { size: 3 }]] }`),
      {},
      [...installed, sized],
    )
    expect(disabledProviders).toEqual([])
    expect(chained.map(({ entry }) => entry.options)).toEqual([{}, {}, { size: 3 }])
  })

  it('that are no objects are left out', async () => {
    const { disabledProviders } = await resolve('{ Providers: [null, "x"] }')
    expect(disabledProviders.map(({ name, reason }) => [name, reason])).toEqual([
      ['/Providers/0', '/Providers/0 must be an object. Correct the value.'],
      ['/Providers/1', '/Providers/1 must be an object. Correct the value.'],
    ])
  })

  it('may use a dialect that only a loaded file can know', async () => {
    const own = plugin('own', {
      fromFile: true,
      dialects: undefined,
      transformers: [{ name: 'mine', dialect: 'wire-own' }],
    })
    const text = one(
      `${url}, dialect: 'wire-unknown' }, { name: 'y', api_base_url: 'http://y', transformer: { use: ['Mine'] }`,
    )
    const { providers } = await resolve(text, {}, [...installed, own])
    expect(providers.map(({ dialect }) => dialect)).toEqual(['wire-a', 'wire-unknown', 'wire-own'])
  })
})

describe('sections', () => {
  it('are every key that is not the kernel own', async () => {
    const { sections } = await resolve('{ PORT: 1, Router: { default: "a,b" }, Shared: [1] }')
    expect(sections).toEqual({ Router: { default: 'a,b' }, Shared: [1] })
  })

  it('are checked against the plugins in use', async () => {
    const [at, message] = await fault(resolve('{ Router: {\n default: 5 } }'))
    expect(at).toBe('config.json:2:11')
    expect(message).toMatch(/\/Router\/default must be text\. Correct the value; router reads it/)
    expect(
      (await resolve('{ Router: { default: 5 }, plugins: [{ use: "router", enabled: false }] }')).sections,
    ).toBeDefined()
  })

  it('may say as text what any of their readers wants as a number, true or false', async () => {
    const counts = plugin('demo', {
      sections: { Shared: Type.Object({ count: Type.Integer({ minimum: 1 }), name: Type.String() }) },
    })
    const plugins = [...installed.slice(0, -1), counts]
    const { sections } = await resolve(
      '{ Shared: { count: "$COUNT", name: "5", own: "true" } }',
      { COUNT: '7' },
      plugins,
    )
    expect(sections).toEqual({ Shared: { count: 7, name: '5', own: 'true' } })
    const switched = plugin('demo', { sections: { Shared: Type.Boolean() } })
    const left = await resolve('{ Shared: "" }', {}, [...installed.slice(0, -1), switched])
    expect(left.sections).toEqual({})
    const [at, message] = await fault(resolve('{ Shared: { count: "0", name: "5" } }', {}, plugins))
    expect([at, message]).toEqual(['config.json:1:20', expect.stringMatching(/count must be an integer of at least 1/)])
  })

  it('name all plugins in use that a fault concerns, and no other', async () => {
    const Router = Type.Object({ think: Type.Optional(Type.String()) })
    const own = plugin('thinker', { sections: { Router } })
    const both = plugin('demo', { sections: { Router: Type.Object({ ...Router.properties, default: Type.String() }) } })
    const [, message] = await fault(resolve('{ Router: { default: 5 } }', {}, [own, ...installed.slice(0, -1), both]))
    expect(message).toMatch(/Correct the value; router, demo read it\.$/)
  })
})

describe('fields of providers', () => {
  const Providers = Type.Array(Type.Object({ name: Type.String(), size: Type.Optional(Type.Unknown()) }))
  const reading = [...installed, plugin('reader', { sections: { Providers } })]
  const config = (fields: string): string => `{ Providers: [{ name: "a", api_base_url: "http://a", ${fields} }] }`

  it("that are not the kernel's reach plugins under `Providers`, without address and key", async () => {
    const { sections, warnings } = await resolve(config('api_key: "sk-1234", size: 5'), {}, reading)
    expect(sections['Providers']).toEqual([{ name: 'a', size: 5 }])
    expect(warnings).toEqual([])
  })

  it('may be numbers as text', async () => {
    const sized = Type.Array(Type.Object({ name: Type.String(), size: Type.Optional(Type.Integer()) }))
    const { sections } = await resolve(config('size: "5"'), {}, [
      ...installed.slice(0, -1),
      plugin('demo', { sections: { Providers: sized } }),
    ])
    expect(sections['Providers']).toEqual([{ name: 'a', size: 5 }])
  })

  it('of a provider that is switched off, or that has none, reach nobody', async () => {
    expect((await resolve(config('size: 5, enabled: false'), {}, reading)).sections).not.toHaveProperty('Providers')
    expect((await resolve(config('models: []'), {}, reading)).sections).not.toHaveProperty('Providers')
  })

  it('do not stop the config, whatever is wrong with a provider', async () => {
    const { sections, disabledProviders } = await resolve('{ providers: [{ size: 5 }, 7] }', {}, reading)
    expect(sections).not.toHaveProperty('Providers')
    expect(disabledProviders).toHaveLength(2)
  })
})

describe('warnings', () => {
  it('are none for keys that code may read, unless they are nearly known ones', async () => {
    const coder = plugin('demo', { sections: { CODE: codeFile('Code.') } })
    const provider = '{ name: "a", api_base_url: "http://a", tier: 1, modles: [] }'
    const config = (path: string): string => `{ CODE: "${path}", Wholly: 1, Ruoter: 1, Providers: [${provider}] }`
    const warned = async (path: string): Promise<readonly string[]> =>
      (await resolve(config(path), {}, [...installed.slice(0, -1), coder])).warnings.map((text) => text.split(' ')[1]!)
    expect(await warned('./own.js')).toEqual(['Ruoter', '/Providers/0/modles'])
    expect(await warned('')).toEqual(['Wholly', 'Ruoter', '/Providers/0/tier', '/Providers/0/modles'])
  })

  it.each<[string, string[]]>([
    ['{ Router: {} }', []],
    ['{ Ruoter: {} }', ['config.json:1:11: Ruoter is not read by any installed plugin. Did you mean Router?']],
    [
      '{ Router: { defualt: "a" } }',
      ['config.json:1:22: /Router/defualt is not read by any plugin in use. Did you mean default?'],
    ],
    ['{ Wholly: 1 }', ['config.json:1:11: Wholly is not read by any installed plugin.']],
    ['{ Meter: 1 }', ['config.json:1:10: Meter has no effect: it is read by meter, which is not in use.']],
    [
      '{ Router: 1, plugins: [{ use: "router", enabled: false }] }',
      ['config.json:1:11: Router has no effect: it is read by router, which is switched off.'],
    ],
    ['{ Meter: 1, plugins: ["meter"] }', []],
    [
      '{ Router: { default: "$NOT_SET" } }',
      [
        'config.json:1:22: /Router/default names NOT_SET, which is not set, and stays as written. ' +
          'A literal dollar is written $$.',
      ],
    ],
    [
      '{ timeouts: { idle: 300000 } }',
      ['config.json:1:21: /timeouts/idle is 300000 ms, but clients give up after 300000 ms of silence.'],
    ],
    [
      '{ timeouts: { progress: 5 } }',
      [
        'config.json:1:25: /timeouts/progress has no effect: ' +
          'progress (5 ms) ends a stream before idle (90000 ms) does.',
      ],
    ],
    [
      '{ Providers: [{ name: "a", api_base_url: "http://a", modles: [] }] }',
      ['config.json:1:62: /Providers/0/modles is not read by any installed plugin. Did you mean models?'],
    ],
    // Remarks, a common way to write some into strict JSON.
    ['{ "// Wholly": 1, "#1": 1, _Router: {}, $schema: "http://a", Router: { _default: "a", "//default": "a" } }', []],
    ['{ Providers: [{ name: "a", api_base_url: "http://a", "//": "mine", _models: [] }] }', []],
    // What says nothing, or that it is off.
    ['{ lists: [], objects: {}, texts: "", off: { enabled: false, size: 1 } }', []],
    [
      '{ Ruoter: {}, on: { enabled: true } }',
      [
        'config.json:1:11: Ruoter is not read by any installed plugin. Did you mean Router?',
        'config.json:1:19: on is not read by any installed plugin.',
      ],
    ],
    ['{ Providers: [{ name: "a", api_base_url: "http://a", extra: {} }] }', []],
    [
      '{ Providers: [{ name: "a", api_base_url: "http://a", transformer: { window: 5, m: ["b"], n: {}, "//": 1 } }] }',
      ['window', 'm'].map(
        (key) =>
          `config.json:1:${key === 'm' ? 83 : 77}: /Providers/0/transformer/${key} ` +
          'is not read: beside use stand models, each as { use: […] }.',
      ),
    ],
    [
      '{ Providers: [{ name: "a", api_base_url: "http://a", transformer: { m: { uses: [] } } }] }',
      ['config.json:1:72: /Providers/0/transformer/m is not read: beside use stand models, each as { use: […] }.'],
    ],
    // A model may be unlisted, but one that is nearly listed is most likely misspelt.
    [
      '{ Providers: [{ name: "a", api_base_url: "http://a", models: ["large", "b"], transformer: {' +
        ' lagre: { use: [] }, LARGE: { use: [] }, other: { use: [] } } }] }',
      [
        'config.json:1:100: /Providers/0/transformer/lagre is for a model that this provider does not list. ' +
          'Did you mean large?',
      ],
    ],
  ])('%s', async (text, warnings) => {
    expect((await resolve(text)).warnings.map(short)).toEqual(warnings)
  })
})
