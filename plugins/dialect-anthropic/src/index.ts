import { definePlugin, Type, type Endpoint } from '@ccr/sdk'
import { client } from './client.ts'
import { countTokens } from './count-tokens.ts'
import { learn } from './refusals.ts'
import { target } from './target.ts'

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
  options: Type.Object({}, { additionalProperties: false }),
  transformers: [{ name: 'Anthropic', dialect: 'anthropic' }],
  requires: ['tokens?'],
  activate(ctx) {
    ctx.dialect({ name: 'anthropic', client, target })
    ctx.endpoint({ method: 'POST', path: '/v1/messages', dialect: 'anthropic', client })
    ctx.endpoint(countTokens(ctx.get('tokens?')))
    for (const probe of probes) ctx.endpoint(probe)
    ctx.on('onError', (failure, attempt) => {
      const refusal = attempt.provider.dialect === 'anthropic' ? learn(failure, attempt) : undefined
      if (refusal === undefined) return
      const { provider, model } = attempt.target
      ctx.log.info(
        { provider, model, refusal },
        'the target refuses what another model left in the history; it is asked once more without',
      )
      return { action: 'retry', afterMs: 0 }
    })
  },
})
