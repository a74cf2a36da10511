import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assemble, type Assembly } from '../assemble.ts'
import { readConfig } from '../read.ts'
import { manifestFile } from './installed.ts'
import { servedPresets } from './served.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-served-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const provider = (name: string, more: object = {}): object => ({
  name,
  api_base_url: `http://${name}.example/v1`,
  models: ['m'],
  ...more,
})

async function install(name: string, manifest: object | string): Promise<void> {
  const file = manifestFile(home, name)
  await mkdir(dirname(file), { recursive: true })
  const text =
    typeof manifest === 'string' ? manifest : JSON.stringify({ name, version: '1.0.0', ...manifest }, null, 1)
  await writeFile(file, text)
}

async function assembled(config: object, more: Partial<Parameters<typeof assemble>[0]> = {}): Promise<Assembly> {
  await writeFile(join(home, 'config.json'), JSON.stringify(config, null, 1))
  return assemble({ home, env: {}, ...more })
}

const ASKING = {
  schema: [{ id: 'key', type: 'password' }],
  Providers: [provider('ours', { api_key: '#{key}' })],
  Router: { default: 'ours,m' },
}

describe('an installed preset', () => {
  it('is a profile that replaces what it says, and has the rest from the config', async () => {
    await install('team', { Providers: [provider('ours')], Router: { default: 'ours,m' } })
    await install('plain', { NON_INTERACTIVE_MODE: true })
    const { blueprint, brokenPresets } = await assembled({
      Providers: [provider('mine', { api_key: 'k-of-mine' })],
      Router: { default: 'mine,m' },
    })
    const { team, plain } = blueprint.profiles!
    expect(team!.providers.map(({ name, secret }) => [name, secret])).toEqual([['ours', undefined]])
    expect(team!.sections).toEqual({ Router: { default: 'ours,m' } })
    expect(plain!.providers.map(({ name }) => name)).toEqual(['mine'])
    expect(plain!.sections).toEqual({ Router: { default: 'mine,m' } })
    expect(team!.entries.map(({ id }) => id)).toEqual(blueprint.entries.map(({ id }) => id))
    expect(brokenPresets).toEqual([])
  })

  it('is filled with the answers of the config; its variables are read and its secrets known as such', async () => {
    await install('team', { ...ASKING, schema: [{ id: 'key', type: 'password' }] })
    const { blueprint, config } = await assembled(
      { presets: { team: { key: '$TEAM_KEY' } } },
      { env: { TEAM_KEY: 'k-secret' } },
    )
    expect(blueprint.profiles!['team']!.providers[0]!.secret?.reveal()).toBe('k-secret')
    expect(config.secrets).toContain('k-secret')
    expect(config.warnings).toEqual([])
  })

  it('takes the credentials of clients only where its user answered so, never by a default or a choice', async () => {
    const asking = (input: object): object => ({ ...ASKING, schema: [{ id: 'key', ...input }] })
    await install('told', asking({ type: 'password' }))
    await install('given', asking({ defaultValue: 'passthrough' }))
    await install('chosen', asking({ type: 'select', options: [{ label: 'Fast', value: 'passthrough' }] }))
    await install('pieces', {
      ...ASKING,
      schema: [
        { id: 'a', defaultValue: 'pass' },
        { id: 'b', defaultValue: 'through' },
      ],
      Providers: [provider('ours', { api_key: '#{a}#{b}' })],
    })
    const presets = { told: { key: 'passthrough' }, chosen: { key: 'passthrough' } }
    const { blueprint, brokenPresets } = await assembled({ presets })
    expect(Object.keys(blueprint.profiles!)).toEqual(['told'])
    expect(brokenPresets.map(({ name, reason }) => [name, /credentials/.test(reason)])).toEqual([
      ['chosen', true],
      ['pieces', true],
      ['given', true],
    ])
  })

  it('has its key known as a secret, whatever the question for it is called', async () => {
    await install('team', {
      ...ASKING,
      schema: [{ id: 'code' }],
      Providers: [provider('ours', { api_key: '#{code}' })],
    })
    const { blueprint, config } = await assembled({ presets: { team: { code: 'k-hidden' } } })
    expect(blueprint.profiles!['team']!.providers[0]!.secret?.reveal()).toBe('k-hidden')
    expect(config.secrets).toContain('k-hidden')
  })

  it.each([
    ['cannot be parsed', '{ "name": ', {}, /manifest\.json:1:\d+: invalid end of input/],
    ['is no preset', '{ "name": "team", "version": "1", "HOST": "0.0.0.0" }', {}, /\/HOST belongs to the router/],
    ['lacks answers', ASKING, {}, /has no answer for key. Answer with `ccr preset install team --input key=…`/],
    ['has a faulty answer', ASKING, { presets: { team: { key: 5 } } }, /\/presets\/team\/key must be text/],
    ['names an unset variable', ASKING, { presets: { team: { key: '$NOT_SET' } } }, /names NOT_SET, which is not set/],
    ['does not fit a plugin', { Router: { default: 5 } }, {}, /manifest\.json:\d+:\d+: \/Router\/default must be text/],
    [
      'does not fit the kernel',
      { API_TIMEOUT_MS: 'soon' },
      {},
      /manifest.json:\d+:\d+: \/API_TIMEOUT_MS of the preset/,
    ],
    ['has the name of a profile', { Router: {} }, { profiles: { team: {} } }, /name of a profile/],
    [
      'needs a plugin that is not there',
      { plugins: [{ name: 'x', version: '1.0.0', integrity: `sha512-${'a'.repeat(86)}==` }] },
      {},
      /needs the plugin x 1.0.0, which is not installed. Install it with `ccr plugin add x@1.0.0 --integrity sha512-/,
    ],
  ])('that %s is left out alone, with the reason', async (_, manifest, config, reason) => {
    await install('team', manifest)
    await install('other', { Router: { default: 'mine,m' } })
    const { blueprint, brokenPresets } = await assembled({ Providers: [provider('mine')], ...config })
    expect(Object.keys(blueprint.profiles!)).toContain('other')
    expect(blueprint.providers.map(({ name }) => name)).toEqual(['mine'])
    expect(brokenPresets).toMatchObject([{ name: 'team', servedAsBefore: false }])
    expect(brokenPresets[0]!.reason).toMatch(reason)
  })

  it('has the plugins that it needs, where the config does not use them', async () => {
    const integrity = `sha512-${'a'.repeat(86)}==`
    const pin = { name: '@acme/shout', version: '1.2.3', integrity }
    await install('team', { plugins: [pin], Router: { default: 'a,m' } })
    const entriesWith = async (change: object, isUsed: boolean): Promise<unknown> => {
      const loaded = await readConfig({ home, env: {} })
      const { profiles, broken } = await servedPresets(loaded, {
        inputs: new Set(),
        before: new Map(),
        pins: [{ ...pin, plugin: 'shout', ...change }],
        uses: (plugin) => isUsed && plugin === 'shout',
        check: () => undefined,
      })
      return broken[0]?.reason ?? profiles[0]!.loaded.value['plugins']
    }
    expect(await entriesWith({}, false)).toEqual([{ use: 'shout' }])
    expect(await entriesWith({}, true)).toBeUndefined()
    expect(await entriesWith({ version: '1.2.4' }, true)).toMatch(/needs the plugin @acme\/shout 1.2.3, and 1.2.4 is/)
    expect(await entriesWith({ integrity: 'sha512-b' }, true)).toMatch(/or another archive/)
  })

  it('that a change breaks is served as it was', async () => {
    await install('team', { Providers: [provider('ours')] })
    const { served } = await assembled({})
    await install('team', '{')
    const { blueprint, brokenPresets } = await assembled({}, { served })
    expect(blueprint.profiles!['team']!.providers.map(({ name }) => name)).toEqual(['ours'])
    expect(brokenPresets).toMatchObject([{ name: 'team', servedAsBefore: true }])
    await rm(dirname(manifestFile(home, 'team')), { recursive: true })
    expect((await assembled({}, { served })).blueprint.profiles).toEqual({})
  })

  it('counts in the fingerprint, and its files are looked at', async () => {
    const inputs = new Set<string>()
    const first = (await assembled({}, { inputs })).fingerprint
    expect(inputs).toContain(join(home, 'presets/'))
    await install('team', { Providers: [provider('ours')] })
    const second = (await assembled({}, { inputs })).fingerprint
    expect(inputs).toContain(manifestFile(home, 'team'))
    await install('team', { Providers: [provider('theirs')] })
    expect(new Set([first, second, (await assembled({})).fingerprint]).size).toBe(3)
    await mkdir(join(home, 'presets/.staged'))
    expect((await assembled({})).brokenPresets).toEqual([])
  })
})

describe('extends', () => {
  it('puts presets beneath the config: it counts, objects are merged, new providers are added', async () => {
    await install('low', {
      Providers: [provider('a', { api_base_url: 'http://low.example/' }), provider('b')],
      Router: { default: 'a,m', think: 'low,m', background: 'low,m' },
    })
    await install('high', { Providers: [provider('b', { models: ['high'] })], Router: { think: 'b,high' } })
    const { blueprint, brokenPresets, config } = await assembled({
      extends: ['low', 'high'],
      Providers: [provider('a')],
      Router: { default: 'mine,m' },
    })
    expect(blueprint.sections).toEqual({ Router: { default: 'mine,m', think: 'b,high', background: 'low,m' } })
    expect(blueprint.providers.map(({ name, baseUrl, models }) => [name, baseUrl, models])).toEqual([
      ['a', 'http://a.example/v1', ['m']],
      ['b', 'http://b.example/v1', ['high']],
    ])
    expect([brokenPresets, config.warnings]).toEqual([[], []])
  })

  it('fills them with the answers of the config', async () => {
    await install('team', ASKING)
    const { blueprint, config } = await assembled({ extends: ['team'], presets: { team: { key: 'k-secret' } } })
    expect(blueprint.providers[0]!.secret?.reveal()).toBe('k-secret')
    expect(config.secrets).toContain('k-secret')
  })

  it('knows the presets of the installation', async () => {
    const { config, brokenPresets } = await assembled({ extends: ['ci'] })
    expect([brokenPresets, config.warnings]).toEqual([[], []])
  })

  it('tells the place of a fault in the file that it is in', async () => {
    await install('team', { Providers: [provider('a'), provider('bad', { api_base_url: 'nothing' })], Own: 1 })
    const { config } = await assembled({ extends: ['team'], Providers: [provider('a')] })
    expect(config.disabledProviders).toMatchObject([
      { name: 'bad', at: expect.stringContaining('team/manifest.json:') as string },
    ])
    expect(config.warnings).toEqual([expect.stringMatching(/team\/manifest.json:\d+:\d+: Own is not read/)])
  })

  it('leaves out what cannot be used, and says so', async () => {
    await install('asking', ASKING)
    const { blueprint, brokenPresets } = await assembled({
      extends: ['absent', '../../etc', 'asking'],
      Providers: [provider('mine')],
    })
    expect(blueprint.providers.map(({ name }) => name)).toEqual(['mine'])
    const names = brokenPresets.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) === index)).toEqual(['asking', '../../etc', 'absent'])
  })

  it.each([{ extends: 5 }, { extends: [5] }, { presets: { '../x': {} } }, { presets: { x: 1 } }])(
    'is refused as %j',
    async (config) => {
      await expect(assembled(config)).rejects.toMatchObject({ code: 'CCR_CONFIG_SCHEMA' })
    },
  )
})
