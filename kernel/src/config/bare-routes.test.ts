import { RouterConfig } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
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

const complete = (Router: object) => {
  const loaded = { value: { Router, Providers }, at: (pointer: string) => `at ${pointer}` } as unknown as LoadedConfig
  const completed = completeRoutes(loaded, [{ Router: RouterConfig }])
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
})
