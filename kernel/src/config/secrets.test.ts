import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collectSecrets, isSecretField } from './secrets.ts'

describe('isSecretField', () => {
  it.each([
    'APIKEY',
    'api_key',
    'apiKey',
    'key',
    'x-api-key',
    'token',
    'authToken',
    'AUTH_TOKEN',
    'client_secret',
    'password',
    'Authorization',
    'private_key',
    'api_keys',
    'privateKey',
  ])('%s is one', (name) => {
    expect(isSecretField(name)).toBe(true)
  })

  it.each(['name', 'max_tokens', 'maxTokens', 'monkey', 'Router', 'keyword', 'tokenizer', 'keys_per_minute', 'HOST'])(
    '%s is none',
    (name) => {
      expect(isSecretField(name)).toBe(false)
    },
  )
})

describe('collectSecrets', () => {
  it('finds every value of a key field, and what stands for one in a URL', () => {
    const config = {
      APIKEY: 'router-key',
      Providers: [
        { api_key: 'sk-long-provider-key', api_base_url: 'https://u:pa%40ss@host/?key=query-key&x=1' },
        { api_key: 'passthrough' },
      ],
      Own: {
        headers: { Authorization: 'Bearer header-token' },
        api_keys: ['pool-one', 'pool-two'],
        token: 'abc',
        key: 5,
        note: 'free text',
      },
    }
    const variables = [
      { pointer: '/Own/headers/Authorization', name: 'A', value: 'header' },
      { pointer: '/Own/note', name: 'B', value: 'free' },
      { pointer: '/APIKEY', name: 'C', value: undefined },
    ]
    const found = collectSecrets(config, variables)
    expect([...found].sort()).toEqual(
      [
        'Bearer header-token',
        'header',
        'header-token',
        'pa%40ss',
        'pa@ss',
        'pool-one',
        'pool-two',
        'query-key',
        'router-key',
        'sk-long-provider-key',
      ].sort(),
    )
  })

  it('leaves out what is also the name of a provider or of a model, also where a variable gives it', () => {
    const config = {
      Providers: [
        { name: 'Ollama', api_key: 'ollama', models: ['qwen3', 'cloud-m1'] },
        { name: 'cloud', api_key: 'cloud-m1' },
        { name: 'other', api_key: 'other', APIKEY: 'sk-long-provider-key' },
      ],
    }
    const variables = [{ pointer: '/Providers/2/api_key', name: 'A', value: 'other' }]
    expect(collectSecrets(config, variables)).toEqual(['sk-long-provider-key'])
  })

  it('finds any key wherever it stands', () => {
    const key = fc.string({ minLength: 4 }).filter((text) => text !== 'passthrough')
    fc.assert(
      fc.property(key, fc.array(fc.constantFrom('list', 'object'), { maxLength: 5 }), (secret, path) => {
        const config = path.reduce<unknown>((value, kind) => (kind === 'list' ? [1, value] : { a: value }), {
          api_key: secret,
        })
        expect(collectSecrets(config, [])).toContain(secret)
      }),
    )
  })
})
