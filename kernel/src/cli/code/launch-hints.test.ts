import { describe, expect, it } from 'vitest'
import { launchHints, modelAskedFor } from './launch-hints.ts'

const config = {
  Providers: [
    {
      name: 'Local',
      model_limits: {
        '*': { context_window: 32_000, max_output_tokens: 4_000 },
        'Big,One': { context_window: 131_072 },
        broken: { context_window: 'many' },
      },
    },
    { name: 'cloud', model_limits: { huge: { context_window: 1_000_000, max_output_tokens: 64_000 } } },
    { name: 'silent' },
    'nonsense',
  ],
}

describe('launch hints', () => {
  it.each<[string, object, string | undefined, number?, number?]>([
    ['of the default route', { default: 'local,small' }, undefined, 32_000, 4_000],
    ['of a model that is named', { default: 'local,big,one' }, undefined, 131_072, 4_000],
    [
      'of routes that a conversation grows into',
      { default: 'local,small', longContext: 'cloud,huge' },
      undefined,
      1_000_000,
      4_000,
    ],
    [
      'of a model that thinks, for its answers',
      { default: 'cloud,huge', think: 'local,small' },
      undefined,
      1_000_000,
      4_000,
    ],
    ['of the model that is asked for', { default: 'local,small' }, 'CLOUD,Huge', 1_000_000, 64_000],
    ['of the model that is asked for by its listed id', {}, 'anthropic/cloud,huge', 1_000_000, 64_000],
    ['of the routes, for a name that they decide about', { default: 'local,small' }, 'opus', 32_000, 4_000],
    ['of nothing that the config does not say', { default: 'silent,x' }, undefined],
    ['of no provider that does not exist', { default: 'nobody,x' }, undefined],
    ['of no route', {}, undefined],
    ['of no limit that is none', { default: 'local,broken' }, undefined],
    ['of no model beside those named', { default: 'cloud,other' }, undefined],
  ])('%s', (_, Router, model, contextTokens, outputTokens) => {
    expect(launchHints({ ...config, Router }, model)).toEqual({ contextTokens, outputTokens })
  })

  it('of the window follow ContextWindow where it is given', () => {
    const given = { ...config, Router: { default: 'local,small' }, ContextWindow: 200_000 }
    expect(launchHints(given, undefined)).toEqual({ contextTokens: 200_000, outputTokens: 4_000 })
  })

  it.each<[readonly string[], NodeJS.ProcessEnv, string | undefined]>([
    [['--model', 'a,b'], {}, 'a,b'],
    [['--model=a,b'], {}, 'a,b'],
    [['--model', 'x', '--model', 'y'], {}, 'y'],
    [[], { ANTHROPIC_MODEL: 'c,d' }, 'c,d'],
    [['--model', 'a,b'], { ANTHROPIC_MODEL: 'c,d' }, 'a,b'],
    [['--', '--model', 'a,b'], {}, undefined],
    [['-p', 'x'], { ANTHROPIC_MODEL: '' }, undefined],
    [['--model'], {}, undefined],
  ])('are of the model in %j %j', (args, env, expected) => expect(modelAskedFor(args, env)).toBe(expected))
})
