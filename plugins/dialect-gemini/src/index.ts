import { definePlugin } from '@ccr/sdk'
import { createAdaptation } from './adapt.ts'
import { client, endpoints } from './client.ts'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'

export default definePlugin({
  name: 'dialect-gemini',
  apiVersion: 1,
  description: 'Speaks the Gemini API (generateContent) with clients and with providers.',
  transformers: [{ name: 'gemini', dialect: 'gemini' }],
  activate(ctx) {
    const trailing = ctx.state('trailing-signatures', 1, () => new TrailingSignatures())
    const adaptation = createAdaptation()
    const droppedSchema = (provider: string, model: string): void =>
      ctx.log.info(
        { provider, model },
        'the model takes no schema of its answer beside functions; the schema is left out of such requests',
      )
    ctx.dialect({ name: 'gemini', client, target: createTarget(trailing, adaptation, droppedSchema) })
    for (const endpoint of endpoints) ctx.endpoint(endpoint)
    ctx.on('onError', (failure, attempt) => {
      if (attempt.provider.dialect !== 'gemini') return
      const trait = adaptation.learn(attempt.target, failure, attempt)
      if (trait === undefined) return
      ctx.log.info(
        { provider: attempt.target.provider, model: attempt.target.model, trait },
        'the target does not accept a part of the protocol; requests are made to fit from now on',
      )
      return { action: 'retry', afterMs: 0 }
    })
  },
})
