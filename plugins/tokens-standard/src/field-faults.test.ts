import type { Tokenizer } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fieldFaults } from './field-faults.ts'

const contributed: readonly Tokenizer[] = [
  { name: 'api', matches: ({ provider, model }) => provider === 'hub' && model !== 'own', count: async () => 1 },
]
const faultsOf = (tokenizer: unknown, name = 'near') =>
  fieldFaults([{ name, tokenizer }, { name: 'none' }], contributed, ['told'])

describe('the tokenizer field of a provider', () => {
  it.each([
    undefined,
    null,
    {},
    { default: { type: 'tiktoken', encoding: 'o200k_base' } },
    { default: { encoding: 'o200k_base' }, models: { m: { type: 'tiktoken' } } },
    { default: { type: 'told' }, models: { m: { type: 'told', url: 5 } } },
  ])('%j has no fault', (tokenizer) => expect(faultsOf(tokenizer)).toEqual([]))

  it('has none where a plugin counts with it', () => {
    expect(faultsOf({ default: { type: 'api' }, models: { m: { type: 'own' } } }, 'hub')).toEqual([])
  })

  it.each([
    ['cl100k_base', ["the tokenizer of 'near' is no object { default, models }"]],
    [['a'], ["the tokenizer of 'near' is no object { default, models }"]],
    [
      { type: 'api', url: 'https://count.example' },
      [
        "the tokenizer of 'near' has no field 'type'; it knows default, models",
        "the tokenizer of 'near' has no field 'url'; it knows default, models",
      ],
    ],
    [{ default: 'k-CANARY' }, [/'near' has a default that is no object such as/]],
    [{ models: ['a'] }, [/'near' has models that are no object of objects/]],
    [{ models: { m: 'k-CANARY' } }, [/'near' has models that are no object of objects/]],
    [{ default: { type: 'apii' } }, [`the tokenizer of 'near' has the type "apii", with which no plugin counts`]],
    [{ models: { m: { type: 'api' } } }, [/of 'near,m' has the type "api", with which no plugin counts/]],
    [{ default: { encoding: 'o200k' } }, [/of 'near' has an encoding that is none of cl100k_base, /]],
  ])('%j has one, in no words of a value that may be secret', (tokenizer, expected) => {
    const faults = faultsOf(tokenizer)
    expect(faults).toEqual(expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))))
    expect(faults.join()).not.toContain('CANARY')
  })
})
