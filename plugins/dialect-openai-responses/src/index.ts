import { definePlugin } from '@ccr/sdk'
import { createAdaptation } from './adapt.ts'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { DIALECT } from './own-tools.ts'
import { createTarget, sentReasoning } from './target.ts'

export default definePlugin({
  name: 'dialect-openai-responses',
  apiVersion: 1,
  description: 'Speaks the OpenAI Responses protocol with clients and with providers.',
  transformers: [{ name: 'openai-responses', dialect: 'openai-responses' }],
  activate(ctx) {
    const client = createClient(ctx.state('items', 1, () => new KeptItems()))
    const adaptation = createAdaptation()
    ctx.dialect({ name: DIALECT, client, target: createTarget(adaptation) })
    ctx.endpoint({ method: 'POST', path: '/v1/responses', dialect: DIALECT, client })
    ctx.on('onError', (failure, attempt) => {
      if (attempt.provider.dialect !== DIALECT) return
      const trait = adaptation.learn(attempt.target, failure, sentReasoning(attempt), attempt)
      if (trait === undefined) return
      ctx.log.info(
        { provider: attempt.target.provider, model: attempt.target.model, trait },
        'the target does not accept a part of the request; requests are made to fit from now on',
      )
      return { action: 'retry', afterMs: 0 }
    })
  },
})
