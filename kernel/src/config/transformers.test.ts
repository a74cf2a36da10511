import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstalledPlugin } from './installed.ts'
import { presetEntries, resolveEntries } from './entries.ts'
import { readConfig } from './read.ts'
import { resolveConfig, type ResolvedConfig } from './resolve.ts'

/** What `transformer` of a provider means for single models, and for names that do more than one thing. */

const preset = { name: 'default', description: '', dialect: 'wire-a', plugins: ['dialect-a', 'dialect-b'] }

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

const sized = Type.Object({ size: Type.Optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: false })
const loudness = Type.Object(
  { loud: Type.Optional(Type.Boolean()), slow: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)

const installed = [
  plugin('dialect-a', { dialects: ['wire-a'], transformers: [{ name: 'Alpha', aliases: ['al'], dialect: 'wire-a' }] }),
  plugin('dialect-b', { dialects: ['wire-b'], transformers: [{ name: 'beta', dialect: 'wire-b', options: loudness }] }),
  plugin('patch-plain', { transformers: [{ name: 'plain' }], options: sized }),
  plugin('cloud', { transformers: [{ name: 'cloud-beta', aliases: ['cb'], dialect: 'wire-b' }], options: sized }),
]

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-transformers-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function resolve(fields: string, plugins = installed, more = ''): Promise<ResolvedConfig> {
  const text = `{ Providers: [{ name: 'x', api_base_url: 'http://x', models: ['m', 'n'],\n${fields} }]${more} }`
  await writeFile(join(home, 'config.json'), text)
  const loaded = await readConfig({ home, env: {} })
  return resolveConfig(loaded, { preset, installed: plugins, entries: resolveEntries(loaded, presetEntries(preset)) })
}

const short = (text: string): string => text.replaceAll(`${home}/`, '')

/** What the models of the one provider have of their own. */
async function modelsOf(fields: string): Promise<object> {
  const { providers, disabledProviders } = await resolve(fields)
  expect(disabledProviders).toEqual([])
  return Object.fromEntries(providers[0]?.ofModels ?? [])
}

describe('a model with another dialect than its provider', () => {
  it.each<[string, object]>([
    ["transformer: { m: { use: ['beta'] } }", { m: { dialect: 'wire-b', dialectOptions: {} } }],
    ["transformer: { use: ['beta'], m: { use: ['AL'] } }", { m: { dialect: 'wire-a', dialectOptions: {} } }],
    ["dialect: 'wire-b', transformer: { m: { use: ['Alpha'] } }", { m: { dialect: 'wire-a', dialectOptions: {} } }],
    [
      "transformer: { use: [['beta', { loud: true }]], m: { use: ['Alpha'] }, n: { use: ['beta'] } }",
      { m: { dialect: 'wire-a', dialectOptions: {} }, n: { dialectOptions: { loud: true } } },
    ],
    [
      "transformer: { m: { use: [['beta', { loud: 'true' }], 'plain'] }, n: { use: ['plain'] } }",
      {
        m: { dialect: 'wire-b', dialectOptions: { loud: true }, needs: ['patch-plain@x,m'] },
        n: { needs: ['patch-plain@x,n'] },
      },
    ],
  ])('has it by %s', async (fields, models) => {
    expect(await modelsOf(fields)).toEqual(models)
  })

  it('has options of the same dialect over those of its provider', async () => {
    expect(
      await modelsOf(
        `transformer: { use: [['beta', { loud: true }]], m: { use: [['beta', { slow: true }]] }, n: { use: ['beta'] },
          o: { use: [['beta', { loud: false }]] } }`,
      ),
    ).toEqual({
      m: { dialectOptions: { loud: true, slow: true } },
      n: { dialectOptions: { loud: true } },
      o: { dialectOptions: { loud: false } },
    })
  })

  it('has what all spellings of its name say', async () => {
    const { providers, chained } = await resolve(
      "transformer: { m: { use: ['plain'] }, M: { use: ['beta', 'plain'] } }",
    )
    expect([...providers[0]!.ofModels!]).toMatchObject([['m', { dialect: 'wire-b' }]])
    expect(chained.map(({ model, entry }) => [model, entry.id])).toEqual([
      ['m', 'patch-plain@x,m'],
      ['m', 'patch-plain@x,M'],
    ])
  })
})

describe("a fault in a model's own list", () => {
  it.each<[string, string, RegExp]>([
    ["m: { use: 'beta' }", 'config.json:2:26', /^transformer\/m\/use must be a list of names/],
    ["m: { use: ['none'] }", 'config.json:2:27', /^transformer\/m\/use names none, which no installed plugin declares/],
    ['m: { use: [[5]] }', 'config.json:2:27', /^transformer\/m\/use\/0 must begin with a name/],
    [
      "m: { use: [['plain', { sise: 1 }]] }",
      'config.json:2:45',
      /sise is not a known key .*mean size\?\); plain reads/,
    ],
    ["m: { use: [['beta', { loud: 1 }]] }", 'config.json:2:44', /loud must be true or false; beta/],
    ["m: { use: ['alpha', 'beta'] }", 'config.json:2:36', /m\/use names two dialects, alpha and beta/],
    ["m: { use: ['alpha', 'al'] }", 'config.json:2:36', /two dialects, alpha and al/],
    [
      "m: { use: [['plain', { size: '$NOT_SET' }]] }",
      'config.json:2:45',
      /the environment variable NOT_SET is not set/,
    ],
    [
      "m: { use: ['alpha'] }, M: { use: ['beta'] }",
      'config.json:2:50',
      /^transformer\/M\/use\/0 names two dialects, alpha and beta/,
    ],
  ])('leaves out that model alone: %s', async (chains, at, reason) => {
    const { providers, disabledProviders, chained } = await resolve(
      `transformer: { ${chains}, n: { use: ['beta', 'plain'] } }`,
    )
    expect(disabledProviders.map((one) => [one.name, one.model, short(one.at)])).toEqual([['x', 'm', at]])
    expect(disabledProviders[0]?.reason).toMatch(reason)
    expect(providers.map(({ name, dialect }) => [name, dialect])).toEqual([['x', 'wire-a']])
    expect([...providers[0]!.ofModels!]).toEqual([
      ['m', undefined],
      ['n', { dialect: 'wire-b', dialectOptions: {}, needs: ['patch-plain@x,n'] }],
    ])
    expect(chained.map(({ model }) => model)).toEqual(['n'])
  })

  it('is that its provider has the URL of one endpoint', async () => {
    const fields = (chain: string): string => `api_base_url: 'http://x/ask#', transformer: { m: { use: [${chain}] } }`
    const { providers, disabledProviders } = await resolve(fields("'beta'"))
    expect([...providers[0]!.ofModels!]).toEqual([['m', undefined]])
    expect(disabledProviders[0]?.reason).toMatch(
      /m\/use\/0 chooses wire-b, but api_base_url ends in #: .* wire-a alone\./,
    )
    for (const same of ["'alpha'", "'cloud-beta'"]) expect((await resolve(fields(same))).disabledProviders).toEqual([])
  })

  it('is none of its provider, whose own takes all of it out', async () => {
    const { providers, disabledProviders } = await resolve("transformer: { use: ['none'], m: { use: ['nope'] } }")
    expect(providers).toEqual([])
    expect(disabledProviders.map(({ name, model }) => [name, model])).toEqual([['x', undefined]])
  })
})

describe('a name for a dialect that another plugin registers', () => {
  it('chooses it and stands for an entry of its own plugin, which has the options', async () => {
    const { providers, chained } = await resolve("transformer: { use: [['CB', { size: 2 }]] }")
    expect(providers[0]).toMatchObject({ dialect: 'wire-b', needs: ['cloud@x'] })
    expect(providers[0]).not.toHaveProperty('dialectOptions')
    expect(chained.map(({ entry }) => [entry.id, entry.use, entry.options])).toEqual([
      ['cloud@x', 'cloud', { size: 2 }],
    ])
  })

  it('has its options checked as those of the entry', async () => {
    const { disabledProviders } = await resolve("transformer: { use: [['cb', { size: 0 }]] }")
    expect(disabledProviders[0]?.reason).toMatch(/size must be an integer of at least 1; cb reads it/)
  })

  it.each([
    ["'beta', 'cloud-beta'", 'wire-b'],
    ["['cloud-beta', { size: 1 }], ['beta', { loud: true }], 'cb'", 'wire-b'],
  ])('may stand beside others for the same dialect: %s', async (use, dialect) => {
    const { providers, disabledProviders } = await resolve(`transformer: { use: [${use}] }`)
    expect(disabledProviders).toEqual([])
    expect(providers[0]).toMatchObject({ dialect })
    expect(providers[0]?.dialectOptions).toEqual(use.includes('loud:') ? { loud: true } : {})
  })

  it('contradicts one for another', async () => {
    const { disabledProviders } = await resolve("transformer: { use: ['alpha', 'cloud-beta'] }")
    expect(disabledProviders[0]?.reason).toMatch(/names two dialects, alpha and cloud-beta/)
  })

  it('has no part in a model that chooses for itself', async () => {
    const { chained, providers } = await resolve(
      "transformer: { use: ['cloud-beta', 'plain'], m: { use: ['alpha'] }, n: { use: ['cb'] }, o: { use: ['plain'] } }",
    )
    expect([...providers[0]!.ofModels!]).toEqual([
      ['m', { dialect: 'wire-a', dialectOptions: {} }],
      ['n', { needs: ['cloud@x,n'] }],
      ['o', { needs: ['patch-plain@x,o'] }],
    ])
    const takesPart = (model: string): string[] =>
      chained.flatMap(({ entry }) => (entry.when!.target!({ provider: 'x', model }) ? entry.id : []))
    expect(takesPart('m')).toEqual(['patch-plain@x'])
    expect(takesPart('N')).toEqual(['patch-plain@x', 'cloud@x,n'])
    expect(takesPart('o')).toEqual(['cloud@x', 'patch-plain@x', 'patch-plain@x,o'])
    expect(takesPart('p')).toEqual(['cloud@x', 'patch-plain@x'])
  })

  it('of a file is told by whether another plugin in use registers it', async () => {
    const file = (name: string, dialect: string): InstalledPlugin =>
      plugin(name, {
        use: `file:./${name}.ts`,
        file: `/${name}.ts`,
        fromFile: true,
        dialects: undefined,
        transformers: [{ name, dialect }],
      })
    const plugins = [...installed, file('own', 'wire-own'), file('built', 'wire-b')]
    const idsOf = async (name: string, more = ''): Promise<readonly string[]> =>
      (await resolve(`transformer: { use: ['${name}'] }`, plugins, more)).chained.map(({ entry }) => entry.id)
    expect(await idsOf('own')).toEqual([])
    expect(await idsOf('built')).toEqual(['file:./built.ts@x'])
    // It takes the place of the plugin that is switched off, or of an older self.
    expect(await idsOf('built', ", plugins: [{ use: 'dialect-b', enabled: false }]")).toEqual([])
    plugins.push(file('dialect-b', 'wire-b'))
    expect(await idsOf('dialect-b')).toEqual([])
  })
})
