import { definePlugin } from '@ccr/sdk'
import { discoveredRoute, isClaudeCode } from './discovery.ts'
import { findModel, listModels } from './models.ts'

export default definePlugin({
  name: 'surface-models',
  apiVersion: 1,
  description: 'Lists the models of all providers, for clients of the Anthropic and of the OpenAI API.',
  activate(ctx) {
    ctx.endpoint({
      method: 'GET',
      path: '/v1/models',
      access: 'data',
      respond: ({ url, headers, providers }) => ({
        status: 200,
        body: listModels(providers, queryOf(url), isClaudeCode(headers) ? 'discovery' : 'plain'),
      }),
    })
    ctx.endpoint({
      method: 'GET',
      // The ids of models may hold slashes.
      path: '/v1/models/*',
      access: 'data',
      respond: ({ params, providers }) => ({ status: 200, body: findModel(providers, params['*'] ?? '') }),
    })
    ctx.on('selectRoute', discoveredRoute, { stage: 'pick', after: ['route-custom'], before: ['route-scenarios'] })
  },
})

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}
