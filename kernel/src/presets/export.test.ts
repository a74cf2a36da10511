import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { interpolate } from '../config/interpolate.ts'
import { checkManifest } from '../config/presets/manifest.ts'
import { collectSecrets } from '../config/secrets.ts'
import { parseSource } from '../config/source.ts'
import { exportPreset, type ExportedPreset } from './export.ts'

const SECTIONS = new Set(['Router', 'StatusLine', 'Own', 'transformers'])

function exported(
  written: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): ExportedPreset {
  const { value, variables } = interpolate(written, env)
  return exportPreset({
    written,
    used: value as Readonly<Record<string, unknown>>,
    secrets: collectSecrets(value, variables),
    metadata: { name: 'team', version: '1.0.0' },
    sections: SECTIONS,
    pins: [],
  })
}

const provider = (more: object): object => ({ name: 'p', api_base_url: 'https://p.example/v1', ...more })

describe('an exported preset', () => {
  it('asks for each key by the name of its provider, and keeps the rest', () => {
    const { manifest, leftOut } = exported({
      PORT: 1,
      APIKEY: 'k-of-the-router',
      presets: { other: { key: 'k-of-another' } },
      Providers: [
        provider({ name: 'Deep Seek', api_key: 'sk-literal-key', models: ['m'], transformer: { use: ['x'] } }),
        provider({ name: 'second', api_key: '$SECOND_KEY', headers: { authorization: 'Bearer abc' } }),
        provider({ name: 'third', api_key: 'passthrough' }),
        provider({ name: 'free', api_key: '', headers: null }),
      ],
      Router: { default: 'Deep Seek,m', longContextThreshold: 60000, think: null },
      fallback: null,
    })
    expect(leftOut).toEqual([])
    expect(manifest).toEqual({
      name: 'team',
      version: '1.0.0',
      schema: [
        { id: 'deep_seek_api_key', type: 'password', label: 'api_key of Deep Seek', required: true },
        { id: 'second_api_key', type: 'password', label: 'api_key of second', required: true },
        { id: 'second_authorization', type: 'password', label: 'authorization of second', required: true },
        { id: 'third_api_key', type: 'password', label: 'api_key of third', required: true },
      ],
      Providers: [
        provider({ name: 'Deep Seek', api_key: '#{deep_seek_api_key}', models: ['m'], transformer: { use: ['x'] } }),
        provider({
          name: 'second',
          api_key: '#{second_api_key}',
          headers: { authorization: '#{second_authorization}' },
        }),
        provider({ name: 'third', api_key: '#{third_api_key}' }),
        provider({ name: 'free', api_key: '' }),
      ],
      Router: { default: 'Deep Seek,m', longContextThreshold: 60000 },
    })
  })

  it.each([
    ['a variable that is no secret', { Own: { region: '$REGION' } }, [['region', 'input']]],
    ['a variable with the name of a secret', { Own: { value: 'x-${MY_TOKEN}' } }, [['value', 'password']]],
    [
      'credentials in a URL',
      { Providers: [provider({ api_base_url: 'https://u:pass@x/' })] },
      [['p_api_base_url', 'password']],
    ],
    ['a key under another name', { Own: { note: 'use sk-abcdefghijkl' } }, [['note', 'password']]],
    ['a long mixed text', { Own: { note: 'aB3dE6gH9jK2mN5pQ8sT1vW4' } }, [['note', 'password']]],
    ['a hexadecimal one', { Own: { note: '0123456789abcdef0123456789abcdef' } }, [['note', 'password']]],
    ['a number that is one', { Own: { password: 123456 } }, [['password', 'password']]],
    ['equal values of one field', { Own: [{ api_key: 'kkkk' }, { api_key: 'kkkk' }] }, [['api_key', 'password']]],
    [
      'two of them',
      { Own: [{ api_key: 'kkkk' }, { api_key: 'llll' }] },
      [
        ['api_key', 'password'],
        ['api_key_2', 'password'],
      ],
    ],
    ['a cookie', { Own: { headers: { cookie: 'a=b' } } }, [['cookie', 'password']]],
    ['a password by another name', { Own: { passwd: 'short' } }, [['passwd', 'password']]],
    ['a key with a number', { Own: { api_key_2: 'short', accesskey: 'other' } }, [['api_key_2'], ['accesskey']]],
    ['all below a secret', { Own: { api_keys: [{ value: 'short' }] } }, [['value', 'password']]],
    ['a number below one', { Own: { credentials: { pin: 1234 } } }, [['pin', 'password']]],
    ['a pair of a header', { Own: { list: [['Authorization', 'short']] } }, [['list', 'password']]],
    ['a named header', { Own: [{ name: 'X-Api-Key', value: 'short' }] }, [['x_api_key_value', 'password']]],
    ['a scheme with a key', { Own: { line: 'Bearer short' } }, [['line', 'password']]],
    ['credentials of a URL inside a text', { Own: { line: 'curl http://u:p@h/x' } }, [['line', 'password']]],
    ['a private key', { Own: { line: '-----BEGIN PRIVATE KEY-----' } }, [['line', 'password']]],
    ['what looks like a variable', { Own: { price: 'in $$USD' } }, [['price', 'input']]],
  ])('asks for %s', (_, written, expected) => {
    const schema = exported(written).manifest['schema'] as readonly { id: string; type: string }[]
    expect(schema.map(({ id, type }) => [id, type])).toEqual(expected.map(([id, type = 'password']) => [id, type]))
  })

  it('asks for no name of a model, and writes a literal dollar as it is', () => {
    const models = [
      'claude-sonnet-4-5-20250929',
      'Qwen/Qwen3-235B-A22B-Instruct-2507-FP8',
      'accounts/x/models/llama-v3p1-405b',
    ]
    const { manifest } = exported({ Providers: [provider({ models })], Own: { price: '$$5' } })
    expect(manifest).toEqual({
      name: 'team',
      version: '1.0.0',
      Providers: [provider({ models })],
      Own: { price: '$5' },
    })
  })

  it('row 142: holds no key in names of fields, of providers, or in what is said of it', () => {
    const key = 'CANARY-literal'
    const { manifest, leftOut } = exported({
      Providers: [provider({ name: `of ${key}`, api_key: key, models: ['m'] })],
      Own: { users: { [key]: 'alice' } },
    })
    expect(JSON.stringify([manifest, leftOut])).not.toContain('CANARY')
    expect(leftOut).toEqual(['Own.users: one of its keys is secret'])
    for (const more of [{ description: `use ${key}` }, { keywords: ['a', key] }]) {
      const metadata = { name: 'team', version: '1.0.0', ...more }
      const input = { written: {}, used: { Own: { api_key: key } }, secrets: [], sections: SECTIONS, pins: [] }
      expect(() => exportPreset({ ...input, metadata })).toThrow(/preset holds a key or looks like one/)
    }
  })

  it('asks for the key alone where a server wants any and its name is given', () => {
    const { manifest } = exported({ Providers: [provider({ name: 'local', api_key: 'local' })], Own: ['local,m'] })
    expect(manifest).toMatchObject({
      schema: [{ id: 'local_api_key' }],
      Providers: [{ name: 'local', api_key: '#{local_api_key}' }],
      Own: ['local,m'],
    })
  })

  it('leaves out what names files and commands, and what nothing reads, and says so', () => {
    const { manifest, leftOut } = exported({
      CUSTOM_ROUTER_PATH: '/x.js',
      Unread: 1,
      fallback: { default: ['p,m'] },
      StatusLine: { modules: [{ scriptPath: '/x.js', text: 'a' }, { text: 'b' }], command: 'x' },
      Own: ['./x', 'y'],
      transformers: [{ path: '/x.js', options: { key: 'k' } }],
    })
    expect(manifest).not.toHaveProperty('transformers')
    expect(manifest).toMatchObject({ StatusLine: { modules: [{ text: 'a' }, { text: 'b' }] }, Own: ['y'] })
    expect(leftOut).toEqual([
      'CUSTOM_ROUTER_PATH: no installed plugin reads it',
      'Unread: no installed plugin reads it',
      'fallback: no installed plugin reads it',
      'StatusLine.modules[0].scriptPath: it names a file or command',
      'StatusLine.command: it names a file or command',
      'Own[0]: it names a file or command',
      'transformers: it names a file',
    ])
  })

  it('row 142: of any config holds no byte of its keys, and can be installed', () => {
    const canary = fc.stringMatching(/^[A-Za-z0-9]{8,20}$/).map((text) => `CANARY${text}`)
    const field = fc.constantFrom(
      'api_key',
      'apiKey',
      'token',
      'client_secret',
      'password',
      'authorization',
      'x-api-key',
    )
    const written = fc.record({
      keys: fc.array(fc.tuple(field, canary, fc.boolean()), { minLength: 1, maxLength: 4 }),
      echo: fc.nat(3),
      url: fc.boolean(),
    })
    fc.assert(
      fc.property(written, ({ keys, echo, url }) => {
        const env: Record<string, string> = {}
        const Providers = keys.map(([name, secret, isVariable], index) => {
          env[`VARIABLE_${index}`] = secret
          const base = url ? `https://user:${secret}@p.example/v1` : 'https://p.example/v1'
          return { name: `p${index}`, api_base_url: base, [name]: isVariable ? `$VARIABLE_${index}` : secret }
        })
        const again = keys[echo % keys.length]!
        // A key that is known from its field stands elsewhere too.
        const Own = { note: `the key is ${again[1]}, twice ${again[1]}`, list: [[again[1]]] }
        const { manifest } = exported({ Providers, Own, Router: { default: 'p0,m' } }, env)
        const text = JSON.stringify(manifest)
        for (const [, secret] of keys) expect(text).not.toContain(secret)
        expect(text).not.toContain('$VARIABLE')
        expect(checkManifest(parseSource('p.json', text), SECTIONS).schema?.length).toBeGreaterThan(0)
      }),
    )
  })
})
