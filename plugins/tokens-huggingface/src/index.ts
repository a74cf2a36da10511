import { homedir } from 'node:os'
import { join } from 'node:path'
import { definePlugin, TokenizerSection, Type } from '@ccr/sdk'
import { namelessOf, tokenizersOf } from './files.ts'

// Named by a variable, so that it stays a module of its own also where this code is bundled: a thread needs a file.
const PLACE = '../dist/place.js'

export default definePlugin({
  name: 'tokens-huggingface',
  apiVersion: 1,
  description: "Counts tokens with a model's own tokenizer.json, where a provider's `tokenizer` field names one.",
  options: Type.Object(
    {
      folder: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'Where the files of models are, as `<model>/tokenizer.json`; `.huggingface` in the home of the router ' +
            'unless given. Of the name of a model all but letters, digits, `_` and `-` is written `_`.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  config: { Providers: Type.Optional(TokenizerSection) },
  contributes: ['tokenizers', 'tokenizerTypes', 'warnings'],
  async activate(ctx) {
    const { counterModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')
    const home = process.env['CCR_HOME'] || join(homedir(), '.claude-code-router')
    const folder = ctx.options.folder ?? join(home, '.huggingface')
    const providers = ctx.config.Providers ?? []
    ctx.contribute('tokenizerTypes', 'huggingface')
    for (const tokenizer of tokenizersOf(providers, folder, counterModule)) ctx.contribute('tokenizers', tokenizer)
    for (const of of namelessOf(providers)) {
      const fact = `the tokenizer of '${of}' needs a model or a path`
      ctx.contribute('warnings', `${fact}; the standard encoding counts in its place`)
    }
  },
})
