import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Provider } from './exchange.ts'
import { listedTarget, namedTarget, toListedId } from './listed-model.ts'

const provider = (name: string, ...models: readonly string[]): Provider => ({
  name,
  models,
  dialect: 'openai',
  local: false,
})
const providers = [provider('Near', 'tiny', 'a/b:c,d'), provider('anthropic', 'x'), provider('anthropic/own', 'y')]

describe('the model that a client names', () => {
  it.each([
    ['near,TINY', { provider: 'Near', model: 'tiny' }],
    ['anthropic/Near,tiny', { provider: 'Near', model: 'tiny' }],
    ['Anthropic/near,A/B:C,D', { provider: 'Near', model: 'a/b:c,d' }],
    ['anthropic/near,unlisted,x', { provider: 'Near', model: 'unlisted,x' }],
    ['anthropic,x', { provider: 'anthropic', model: 'x' }],
    ['anthropic/own,y', { provider: 'anthropic/own', model: 'y' }],
    ['anthropic/gone,m', { provider: 'anthropic/gone', model: 'm' }],
    ['gone,m', { provider: 'gone', model: 'm' }],
    ['claude-opus-5', undefined],
    ['anthropic/claude-opus-5', undefined],
    ['anthropic/', undefined],
  ])('as %s is %o', (model, target) => expect(namedTarget(model, providers)).toEqual(target))

  it('is a listed one only by an id that names no configured target as it stands', () => {
    expect(listedTarget('anthropic/near,tiny', providers)).toEqual({ provider: 'Near', model: 'tiny' })
    for (const id of ['near,tiny', 'anthropic,x', 'anthropic/own,y', 'anthropic/gone,m'])
      expect(listedTarget(id, providers)).toBeUndefined()
  })

  it('is the same by its listed id as by its own, whatever its names', () => {
    const name = fc.stringMatching(/^[A-Za-z/-]{1,8}$/)
    fc.assert(
      fc.property(name, fc.stringMatching(/^[a-z/:,.-]{0,8}[a-z]$/), (one, model) => {
        const id = `${one},${model}`
        expect(toListedId(id)).toMatch(/^(?:claude|anthropic)/i)
        expect(namedTarget(toListedId(id), [provider(one, model)])).toEqual({ provider: one, model })
      }),
    )
  })
})
