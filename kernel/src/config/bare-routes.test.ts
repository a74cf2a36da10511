import { RouterConfig, Type } from '@ccr/sdk'
import type { TSchema } from '@ccr/sdk/typebox'
import { describe, expect, it, vi } from 'vitest'
import { completeRoutes } from './bare-routes.ts'
import type { LoadedConfig } from './loaded.ts'

const Providers = [
  { name: 'one', models: ['only'] },
  { name: 'two', models: ['Large', 'small', 'shared'] },
  { name: 'three', models: ['shared', 'only-of-three'] },
  { name: 'off', models: ['gone'], enabled: false },
  { name: 'none' },
  { name: 'empty', models: [''] },
  { name: 5, models: [5] },
  'nothing',
]

const complete = (Router: unknown, schema: TSchema = RouterConfig) => {
  const loaded = { value: { Router, Providers }, at: (pointer: string) => `at ${pointer}` } as unknown as LoadedConfig
  const completed = completeRoutes(loaded, [{ Router: schema }])
  return { ...completed, isSame: completed.loaded === loaded, router: completed.loaded.value['Router'] }
}

describe('a route that is no provider,model', () => {
  it('is the one target that it can mean, by its provider or its model, with a warning', () => {
    const families = { opus: { default: 'large' } }
    const fallback = { default: ['Mock,x', 'small', 'One'] }
    const written = {
      default: 'One',
      think: 'Mock,x',
      own: 'only',
      longContextThreshold: 5,
      families,
      agents: { '*': 'small' },
      fallback,
    }
    const { router, warnings } = complete(written)
    expect(router).toEqual({
      ...written,
      default: 'one,only',
      families: { opus: { default: 'two,Large' } },
      agents: { '*': 'two,small' },
      fallback: { default: ['Mock,x', 'two,small', 'one,only'] },
    })
    expect(warnings).toEqual([
      'at /Router/default: /Router/default names no provider and model, and is taken for "one,only".',
      expect.stringMatching(/^at \/Router\/families\/opus\/default: .* taken for "two,Large"\.$/),
      expect.stringMatching(/^at \/Router\/agents\/\*: .* taken for "two,small"\.$/),
      expect.stringMatching(/^at \/Router\/fallback\/default\/1: .* taken for "two,small"\.$/),
      expect.stringMatching(/^at \/Router\/fallback\/default\/2: .* taken for "one,only"\.$/),
    ])
    expect(written.default).toBe('One')
  })

  it.each(['two', 'shared', 'off', 'gone', 'none', 'absent', '5', ''])('stays %j where that is in doubt', (text) => {
    const { router, warnings, isSame } = complete({ default: text })
    expect([router, warnings, isSame]).toEqual([{ default: text }, [], true])
  })

  it('may stand in a list', () => {
    const routes = Type.Array(Type.String({ 'x-names': 'provider' }))
    expect(complete(['small', 'none', 'one'], routes).router).toEqual(['two,small', 'none', 'one,only'])
  })

  it('is found among thousands without going through all of them for each', () => {
    const models = Array.from({ length: 20_000 }, (_, index) => `m${index}`)
    const routes = Object.fromEntries(models.slice(0, 500).map((model) => [`route ${model}`, model]))
    const value = { Router: { models: routes }, Providers: [{ name: 'many', models }] }
    const loaded = { value, at: (pointer: string) => pointer } as unknown as LoadedConfig
    const compared = vi.spyOn(String.prototype, 'toLowerCase')
    const completed = completeRoutes(loaded, [{ Router: RouterConfig }])
    const { length: comparisons } = compared.mock.calls
    compared.mockRestore()
    expect(comparisons).toBeLessThan(models.length * 3)
    expect(completed.warnings).toHaveLength(500)
    expect(completed.loaded.value['Router']).toMatchObject({ models: { 'route m499': 'many,m499' } })
  })
})
