import { homedir } from 'node:os'
import { join } from 'node:path'
import { definePlugin, TokenizerSection, Type } from '@ccr/sdk'
import { tokenizersOf } from './files.ts'

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
  contributes: ['tokenizers'],
  async activate(ctx) {
    const { counterModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')
    const home = process.env['CCR_HOME'] || join(homedir(), '.claude-code-router')
    const folder = ctx.options.folder ?? join(home, '.huggingface')
    for (const tokenizer of tokenizersOf(ctx.config.Providers ?? [], folder, counterModule)) {
      ctx.contribute('tokenizers', tokenizer)
    }
  },
})
