import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PluginContext, TextTokenizer } from '@ccr/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCounter } from './file-counter.ts'
import { namelessOf, tokenizersOf } from './files.ts'
import plugin from './index.ts'

const vocabulary = { '[UNK]': 0, route: 1, the: 2, request: 3, un: 4, '##known': 5 }
const WORDS = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 6, content: '<|end|>', special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  ],
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: vocabulary,
  },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-tokenizers-'))
  await mkdir(join(folder, 'Some_Model-1_5'))
  await writeFile(join(folder, 'Some_Model-1_5', 'tokenizer.json'), JSON.stringify(WORDS))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a tokenizer.json', () => {
  it('counts what its model makes of a text, special tokens included', async () => {
    const count = await createCounter({ file: join(folder, 'Some_Model-1_5', 'tokenizer.json') })
    expect(count('Route the request')).toBe(3)
    expect(count('unknown')).toBe(2)
    expect(count('the <|end|> the')).toBe(3)
    expect(count('')).toBe(0)
  })

  it('that does not exist is told by its name', async () => {
    await expect(createCounter({ file: join(folder, 'none', 'tokenizer.json') })).rejects.toThrow('tokenizer.json')
  })
})

describe('the tokenizer field of a provider', () => {
  const providers = [
    {
      name: 'hub',
      tokenizer: {
        default: { type: 'huggingface', model: 'Some/Model-1.5' },
        models: { other: { type: 'huggingface', path: '/models/other.json' }, plain: { type: 'tiktoken' } },
      },
    },
    { name: 'second', tokenizer: { default: { type: 'huggingface', model: 'Some/Model-1.5' } } },
    { name: 'none' },
    { name: 'odd', tokenizer: 'odd' },
    { name: 'empty', tokenizer: { default: { type: 'huggingface' }, models: 5 } },
  ]
  const known = (): readonly TextTokenizer[] => tokenizersOf(providers, '/files', 'file:///counter.js')

  it('gives one tokenizer for each file', () => {
    expect(known().map(({ data }) => data)).toEqual([
      { file: '/files/Some_Model-1_5/tokenizer.json' },
      { file: '/models/other.json' },
    ])
  })

  it('is told of where it names no file', () => {
    const models = { own: { type: 'huggingface', model: 5 }, path: { type: 'huggingface', path: '' } }
    expect(namelessOf([...providers, { name: 'faulty', tokenizer: { models } }])).toEqual([
      'empty',
      'faulty,own',
      'faulty,path',
    ])
  })

  it('names a file below the home folder, or below that of the models', () => {
    const field = (path: string) => [{ name: 'p', tokenizer: { default: { type: 'huggingface', path } } }]
    const fileOf = (path: string) => tokenizersOf(field(path), '/files', 'file:///counter.js')[0]?.data
    expect(fileOf('~/own.json')).toEqual({ file: join(homedir(), 'own.json') })
    expect(fileOf('own/own.json')).toEqual({ file: '/files/own/own.json' })
  })

  it.each([
    ['hub', 'any', '/files/Some_Model-1_5/tokenizer.json'],
    ['second', 'any', '/files/Some_Model-1_5/tokenizer.json'],
    ['hub', 'other', '/models/other.json'],
    ['hub', 'plain', undefined],
    ['none', 'any', undefined],
    ['odd', 'any', undefined],
    ['empty', 'any', undefined],
    ['unheard-of', 'any', undefined],
  ])('of %s is for its model %s %s', (provider, model, file) => {
    const matching = known().filter((tokenizer) => tokenizer.matches({ provider, model }))
    expect(matching.map(({ data }) => data)).toEqual(file === undefined ? [] : [{ file }])
  })
})

describe('the plugin', () => {
  it('contributes what the config names, and nothing without one', async () => {
    const contributed: TextTokenizer[] = []
    // The plugin reads its config and options, and contributes.
    const activate = (config: object): unknown => {
      const contribute = (point: string, value: unknown): void => {
        if (point === 'tokenizers') contributed.push(value as TextTokenizer)
      }
      return plugin.activate({ config, options: { folder }, contribute } as unknown as PluginContext)
    }
    await activate({})
    expect(contributed).toEqual([])
    await activate({
      Providers: [{ name: 'hub', tokenizer: { default: { type: 'huggingface', model: 'Some/Model-1.5' } } }],
    })
    const [tokenizer] = contributed
    expect(tokenizer?.matches({ provider: 'hub', model: 'm' })).toBe(true)
    const { createCounter: create } = (await import(tokenizer!.module)) as {
      readonly createCounter: typeof createCounter
    }
    expect((await create(tokenizer!.data))('the unknown request')).toBe(4)
  })
})
