import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { secretVariables, withEnvironment } from './environment.ts'
import { interpolate } from './interpolate.ts'

const secretsIn = (written: unknown, env: Readonly<Record<string, string>>) => {
  const { value, variables } = interpolate(written, env)
  return secretVariables({ value: value as Readonly<Record<string, unknown>>, variables }, env)
}

describe('secretVariables', () => {
  it.each([
    ['a key', { api_key: '$A' }, { A: 'abc' }, ['A']],
    ['a part of a key', { Authorization: 'Bearer ${a b}' }, { 'a b': 'abc' }, ['a b']],
    ['the same key under another name', { api_key: '$A' }, { A: 'a-long-key', B: 'a-long-key' }, ['A', 'B']],
    ['a key that is written out', { api_key: 'a-long-key' }, { B: 'a-long-key' }, ['B']],
    ['a proxy with a password', { PROXY_URL: '$P' }, { P: 'http://u:long-password@proxy' }, ['P']],
    ['a proxy without one', { PROXY_URL: '$P' }, { P: 'http://proxy' }, []],
    ['what is no secret', { Router: { default: '$M' } }, { M: 'some-long,model' }, []],
    ['a made-up key that is somebody’s name', { api_key: 'ollama' }, { USER: 'ollama' }, []],
    ['a variable that is not set', { api_key: '$A' }, {}, []],
  ])('%s', (_, written, env, names) => {
    expect(secretsIn(written, env as unknown as Readonly<Record<string, string>>)).toEqual(names)
  })

  it('leaves no value of a key in any environment', () => {
    const key = fc.string({ minLength: 8, maxLength: 20 }).filter((text) => !/[\s$]/.test(text))
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z]{1,6}$/), key), (env) => {
        const written = { Providers: Object.keys(env).map((name) => ({ name, api_key: `\${${name}}` })) }
        expect(secretsIn(written, env).toSorted()).toEqual(Object.keys(env).toSorted())
      }),
    )
  })
})

describe('withEnvironment', () => {
  it('gives code what was hidden, for as long as it runs', async () => {
    const seen = await withEnvironment({ CCR_TEST_HIDDEN: 'x' }, async () => {
      await Promise.resolve()
      return process.env['CCR_TEST_HIDDEN']
    })
    expect(seen).toBe('x')
    await expect(withEnvironment({ CCR_TEST_HIDDEN: 'x' }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(process.env['CCR_TEST_HIDDEN']).toBeUndefined()
  })
})
