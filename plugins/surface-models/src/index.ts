import { definePlugin, type HeaderBag } from '@ccr/sdk'
import { discoveredRoute, isClaudeCode } from './discovery.ts'
import { findGoogle, isGoogle, listGoogle } from './google.ts'
import { findModel, listModels } from './models.ts'

/** Clients of the Gemini API ask at either; the first belongs to nobody else. */
const GOOGLE_ROOT = '/v1beta/models'
const SHARED_ROOT = '/v1/models'

export default definePlugin({
  name: 'surface-models',
  apiVersion: 1,
  description: 'Lists the models of all providers, for clients of the Anthropic, the OpenAI and the Gemini API.',
  activate(ctx) {
    for (const root of [SHARED_ROOT, GOOGLE_ROOT]) {
      const asksGoogle = (headers: HeaderBag): boolean => root === GOOGLE_ROOT || isGoogle(headers)
      ctx.endpoint({
        method: 'GET',
        path: root,
        access: 'data',
        respond: ({ url, headers, providers }) => ({
          status: 200,
          body: asksGoogle(headers)
            ? listGoogle(providers, queryOf(url))
            : listModels(providers, queryOf(url), isClaudeCode(headers) ? 'discovery' : 'plain'),
        }),
      })
      ctx.endpoint({
        method: 'GET',
        // The ids of models may hold slashes.
        path: `${root}/*`,
        access: 'data',
        respond: ({ headers, params, providers }) => {
          const find = asksGoogle(headers) ? findGoogle : findModel
          return { status: 200, body: find(providers, params['*'] ?? '') }
        },
      })
    }
    ctx.on('selectRoute', discoveredRoute, { stage: 'pick', after: ['route-custom'], before: ['route-scenarios'] })
  },
})

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}
