import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoadedConfig } from './loaded.ts'
import { publicConfig } from './public-config.ts'

const shown = (
  value: Readonly<Record<string, unknown>>,
  more: Pick<Partial<LoadedConfig>, 'variables' | 'secrets'> = {},
  routes: readonly string[] = [],
) => publicConfig({ variables: [], ...more, value } as unknown as LoadedConfig, routes)

const MARK = '[secret]'

describe('the config that code of the user may read', () => {
  it('has everything but what is secret', () => {
    const config = {
      PORT: 3456,
      APIKEY: 'test',
      PROXY_URL: 'http://u:p@127.0.0.1:1',
      Providers: [
        {
          name: 'sk-name',
          api_base_url: 'https://a/?key=k1',
          api_key: 'a-long-provider-key',
          models: ['b'.repeat(32)],
        },
        { name: 'own', api_base_url: 'http://test.example/v1', api_key: 'passthrough', tier: 'cheap' },
        { name: 'none', api_base_url: 'http://b', api_key: '' },
      ],
      Own: {
        list: [1, true, null, 'text'],
        headers: [['Authorization', 'own'], { name: 'x-api-key', value: 'own' }, { Cookie: 'own' }],
        token: 5,
        auth: { user: 'me' },
        words: 'with a-long-provider-key in it',
        other: 'Bearer abc',
        'a-long-provider-key': 1,
        told: 'answer-of-a-preset',
      },
      profiles: { work: {} },
      presets: { team: { word: 'answer-of-a-preset' } },
    }
    const before = structuredClone(config)
    expect(shown(config, { secrets: ['answer-of-a-preset'] })).toEqual({
      PORT: 3456,
      APIKEY: MARK,
      PROXY_URL: MARK,
      Providers: [
        { name: 'sk-name', api_base_url: MARK, api_key: MARK, models: ['b'.repeat(32)] },
        { name: 'own', api_base_url: 'http://test.example/v1', api_key: 'passthrough', tier: 'cheap' },
        { name: 'none', api_base_url: 'http://b', api_key: '' },
      ],
      Own: {
        list: [1, true, null, 'text'],
        headers: [['Authorization', MARK], { name: 'x-api-key', value: MARK }, { Cookie: MARK }],
        token: MARK,
        auth: { user: MARK },
        words: MARK,
        other: MARK,
        told: MARK,
      },
    })
    expect(config).toEqual(before)
  })

  it('hides texts from variables, but for routes and the names of providers and models', () => {
    const filled = ['/Router/default', '/Router/own', '/providers/0/name', '/providers/0/models/0', '/PORT']
    const variables = filled.map((pointer) => ({ pointer, name: 'A', value: 'a' }))
    const unset = { pointer: '/Own', name: 'NONE', value: undefined }
    const config = {
      PORT: 1,
      Own: '$NONE',
      Router: { default: 'a,a', think: 'b,c', own: 'a' },
      providers: [{ name: 'a', models: ['a'] }],
    }
    expect(shown(config, { variables: [...variables, unset] }, ['/Router/default', '/Router/think'])).toEqual({
      ...config,
      Router: { default: 'a,a', think: 'b,c', own: MARK },
    })
  })

  it('has no key that stands in it, wherever that is', () => {
    const key = fc.string({ minLength: 8 }).filter((text) => !text.includes('"') && !text.includes('\\'))
    fc.assert(
      fc.property(
        key,
        fc.jsonValue(),
        fc.array(fc.constantFrom('list', 'object', 'text'), { maxLength: 4 }),
        (secret, other, path) => {
          const wrapped = path.reduce<unknown>(
            (value, kind) =>
              kind === 'list' ? [1, value] : kind === 'text' && typeof value === 'string' ? `a ${value}` : { a: value },
            secret,
          )
          const config = { other, wrapped, Providers: [{ name: 'p', api_key: secret }] }
          const { wrapped: seen, Providers } = shown(config)
          fc.pre(secret !== 'passthrough')
          expect(JSON.stringify([seen, Providers])).not.toContain(secret)
        },
      ),
    )
  })
})
