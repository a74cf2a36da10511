import { definePlugin, TokenizerSection, Type } from '@ccr/sdk'
import { Calibration } from './calibration.ts'
import { Choices } from './choice.ts'
import { ENCODINGS } from './encodings.ts'
import { fieldFaults } from './field-faults.ts'
import type { CountMemory } from './memory.ts'
import { createTokenService } from './service.ts'
import { CountingThread } from './thread.ts'

// Named by a variable, so that it stays a module of its own also where this code is bundled: a thread needs a file.
const PLACE = '../dist/place.js'

export default definePlugin({
  name: 'tokens-standard',
  apiVersion: 1,
  description: 'Counts tokens with the standard encodings and with the tokenizers that other plugins contribute.',
  options: Type.Object(
    {
      encoding: Type.Union(
        ENCODINGS.map((encoding) => Type.Literal(encoding)),
        { default: 'cl100k_base', description: 'What counts for models whose tokenizer is not known.' },
      ),
    },
    { additionalProperties: false },
  ),
  config: { Providers: Type.Optional(TokenizerSection) },
  provides: ['tokens'],
  requires: ['tokenizers[]', 'tokenizerTypes[]'],
  contributes: ['warnings'],
  async activate(ctx) {
    const { threadUrl, standardModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')
    const thread = new CountingThread(threadUrl)
    ctx.effect(() => thread.close())
    const contributed = ctx.get('tokenizers[]')
    const providers = ctx.config.Providers ?? []
    for (const fault of fieldFaults(providers, contributed, ctx.get('tokenizerTypes[]')))
      ctx.contribute('warnings', `${fault}; it is left aside`)
    const choices = new Choices({
      encoding: ctx.options.encoding,
      module: standardModule,
      contributed,
      providers,
      memories: ctx.state('memories', 2, () => new Map<string, CountMemory>()),
      log: ctx.log,
      now: Date.now,
    })
    const calibration = ctx.state('calibration', 2, () => new Calibration())
    const service = createTokenService({ choices, counter: thread, calibration, signal: ctx.signal })
    ctx.provide('tokens', service)
    ctx.on('onUsage', ({ status, tokens, provider, model }, { request }) => {
      const target = provider === undefined || model === undefined ? undefined : { provider, model }
      if (status === 'ok') service.learn(request, tokens, target)
    })
  },
})
