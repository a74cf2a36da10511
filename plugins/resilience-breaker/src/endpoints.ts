import { CcrError, parseObject, type Endpoint, type EndpointRequest } from '@ccr/sdk'
import type { Health } from './health.ts'

/** What tells of the health of targets, and forgets what is known of it. */
export function healthEndpoints(health: Health): readonly Endpoint[] {
  return [
    {
      method: 'GET',
      path: '/api/providers/health',
      access: 'admin',
      respond: ({ providers }) => {
        const timestamp = Date.now()
        return { status: 200, body: { states: health.report(providers, timestamp), timestamp } }
      },
    },
    {
      method: 'POST',
      path: '/api/providers/health/reset',
      access: 'admin',
      respond: (request) => {
        const { provider, model } = readReset(request)
        return { status: 200, body: { reset: health.reset(provider, model) } }
      },
    },
  ]
}

function readReset({ body, providers }: EndpointRequest): { readonly provider: string; readonly model?: string } {
  const { provider, model } = parseObject(body.toString()) ?? {}
  const isModel = model === undefined || typeof model === 'string'
  if (typeof provider !== 'string' || !isModel)
    throw new CcrError(
      'CCR_REQUEST_INVALID',
      'the body is no {"provider": "name", "model": "name"}; the model may be absent',
    )
  if (!providers.some(({ name }) => name === provider))
    throw new CcrError('CCR_REQUEST_INVALID', `there is no provider '${provider}'`)
  return model === undefined ? { provider } : { provider, model }
}
