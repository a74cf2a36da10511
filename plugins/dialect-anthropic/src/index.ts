import { definePlugin, type Endpoint } from '@ccr/sdk'
import { client } from './client.ts'
import { countTokens } from './count-tokens.ts'
import { createModelTraits } from './model-traits.ts'
import { learn } from './refusals.ts'
import { askedOf, createTarget, TargetOptions } from './target.ts'

/** What Claude Code asks of its server beside messages; an answer without content satisfies it. */
const probes: readonly Endpoint[] = [
  { method: 'HEAD', path: '/', access: 'public', respond: () => ({ status: 200 }) },
  { method: 'HEAD', path: '/api/hello', access: 'public', respond: () => ({ status: 200 }) },
  { method: 'GET', path: '/api/hello', access: 'public', respond: () => ({ status: 200, body: {} }) },
  { method: 'POST', path: '/api/event_logging/batch', access: 'public', respond: () => ({ status: 200, body: {} }) },
]

export default definePlugin({
  name: 'dialect-anthropic',
  apiVersion: 1,
  description: 'Speaks the Anthropic Messages protocol with clients and with providers.',
  transformers: [{ name: 'Anthropic', dialect: 'anthropic', options: TargetOptions }],
  requires: ['tokens?'],
  activate(ctx) {
    const traits = createModelTraits()
    ctx.dialect({ name: 'anthropic', client, target: createTarget(traits) })
    ctx.endpoint({ method: 'POST', path: '/v1/messages', dialect: 'anthropic', client })
    ctx.endpoint(countTokens(ctx.get('tokens?')))
    for (const probe of probes) ctx.endpoint(probe)
    ctx.on('onError', (failure, attempt) => {
      if (attempt.provider.dialect !== 'anthropic') return
      const { provider, model } = attempt.target
      const refusal = learn(failure, attempt)
      const trait = refusal === undefined ? traits.learn(attempt, failure, askedOf(attempt)) : undefined
      if (refusal !== undefined)
        ctx.log.info(
          { provider, model, refusal },
          'the target refuses what another model left in the history; it is asked once more without',
        )
      else if (trait !== undefined)
        ctx.log.info(
          { provider, model, trait },
          'the model does not take a setting of the request; requests are made to fit from now on',
        )
      else return
      return { action: 'retry', afterMs: 0 }
    })
  },
})
