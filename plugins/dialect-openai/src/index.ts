import { definePlugin } from '@ccr/sdk'
import { createAdaptation } from './adapt.ts'
import { DIALECT } from './chat-fields.ts'
import { client } from './client.ts'
import { createTarget, sentFiles } from './target.ts'

export default definePlugin({
  name: 'dialect-openai',
  apiVersion: 1,
  description: 'Speaks the Chat Completions protocol with clients and with providers that are compatible with OpenAI.',
  transformers: [{ name: 'OpenAI', dialect: DIALECT }],
  activate(ctx) {
    const adaptation = createAdaptation()
    const dropped = (field: string): void =>
      ctx.log.info({ field }, 'requests have a field that this dialect does not know; it is left out')
    ctx.dialect({ name: DIALECT, client, target: createTarget(adaptation, dropped) })
    ctx.endpoint({ method: 'POST', path: '/v1/chat/completions', dialect: DIALECT, client })
    ctx.on('onError', (failure, attempt) => {
      if (attempt.provider.dialect !== DIALECT) return
      const trait = adaptation.learn(attempt.target, failure, sentFiles(attempt), attempt)
      if (trait === undefined) return
      ctx.log.info(
        { provider: attempt.target.provider, model: attempt.target.model, trait },
        'the target does not accept a part of the request; requests are made to fit from now on',
      )
      return { action: 'retry', afterMs: 0 }
    })
  },
})
