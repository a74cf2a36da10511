import { definePlugin, tokenizerFields, tokenizerOf, TokenizerSection, Type } from '@ccr/sdk'
import { readSettings } from './settings.ts'
import { apiTokenizer } from './tokenizer.ts'

export default definePlugin({
  name: 'tokens-api',
  apiVersion: 1,
  description: "Counts tokens by asking an HTTP API, where a provider's `tokenizer` field names one.",
  config: { Providers: Type.Optional(TokenizerSection) },
  contributes: ['tokenizers', 'tokenizerTypes', 'warnings'],
  capabilities: ['network:*'],
  activate(ctx) {
    const providers = ctx.config.Providers ?? []
    ctx.contribute('tokenizerTypes', 'api')
    for (const { provider, model, field } of tokenizerFields(providers)) {
      const settings = readSettings(field)
      const of = model === undefined ? provider : `${provider},${model}`
      if (typeof settings === 'string') {
        const fact = `the tokenizer of '${of}' ${settings}`
        ctx.contribute('warnings', `${fact}; the standard encoding counts in its place`)
      } else if (settings) {
        const matches = (target: Parameters<typeof tokenizerOf>[1]): boolean => tokenizerOf(providers, target) === field
        ctx.contribute('tokenizers', apiTokenizer(`api:${of}`, matches, settings, ctx.http))
      }
    }
  },
})
