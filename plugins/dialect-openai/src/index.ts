import { definePlugin, Type } from '@ccr/sdk'
import { createAdaptation } from './adapt.ts'
import { createTarget } from './target.ts'

export default definePlugin({
  name: 'dialect-openai',
  apiVersion: 1,
  description: 'Speaks the Chat Completions protocol to providers that are compatible with OpenAI.',
  options: Type.Object({}, { additionalProperties: false }),
  transformers: [{ name: 'OpenAI', dialect: 'openai' }],
  activate(ctx) {
    const adaptation = createAdaptation()
    ctx.dialect({ name: 'openai', target: createTarget(adaptation) })
    ctx.on('onError', (failure, attempt) => {
      if (attempt.provider.dialect !== 'openai') return
      const trait = adaptation.learn(attempt.target, failure)
      if (trait === undefined) return
      ctx.log.info(
        { provider: attempt.target.provider, model: attempt.target.model, trait },
        'the target does not accept a request field; it is left out from now on',
      )
      return { action: 'retry', afterMs: 0 }
    })
  },
})
