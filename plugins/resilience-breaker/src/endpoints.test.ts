import type { EndpointReply, EndpointRequest, Provider } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { healthEndpoints } from './endpoints.ts'
import { Health } from './health.ts'
import { USUAL } from './settings.ts'

const PROVIDER: Provider = { name: 'p', models: ['one', 'two'], dialect: 'anthropic', local: false }

function scene() {
  const health = new Health()
  const [report, reset] = healthEndpoints(health)
  const ask = (endpoint: typeof report, body = ''): EndpointReply => {
    const providers = [PROVIDER, { ...PROVIDER, name: 'inside', local: true }]
    const request: Partial<EndpointRequest> = { body: Buffer.from(body), providers }
    return (endpoint as unknown as { respond(request: object): EndpointReply }).respond(request)
  }
  const fail = (model: string, provider = 'p'): void => {
    const end = { outcome: 'failure', status: 500, startedAt: Date.now(), now: Date.now(), generation: 1 } as const
    for (let count = 0; count < 3; count++) health.see({ provider, model }, end, USUAL)
  }
  return {
    fail,
    states: () => (ask(report).body as { states: readonly object[] }).states,
    reset: (body: string) => ask(reset, body),
  }
}

describe('the health of targets', () => {
  it('is told of every listed model, and of others that failed', () => {
    const { fail, states } = scene()
    fail('two')
    fail('unlisted')
    fail('own', 'inside')
    fail('x'.repeat(501))
    expect(states()).toMatchObject([
      { provider: 'p', model: 'one', status: 'closed', failureCount: 0 },
      { provider: 'p', model: 'two', status: 'open', failureCount: 3, reason: 'status 500' },
      { provider: 'p', model: 'unlisted', status: 'open' },
      { provider: 'inside', model: 'own', status: 'open' },
    ])
  })

  it('is forgotten for a model, or for a provider', () => {
    const { fail, states, reset } = scene()
    fail('one')
    fail('two')
    expect(reset('{"provider": "p", "model": "one"}').body).toEqual({ reset: 1 })
    expect(states()).toMatchObject([{ status: 'closed' }, { status: 'open' }])
    expect(reset('{"provider": "p"}').body).toEqual({ reset: 1 })
    expect(states()).toMatchObject([{ status: 'closed' }, { status: 'closed' }])
  })

  it.each(['', '[]', '{}', '{"provider": 1}', '{"provider": "p", "model": 1}', '{"provider": "nobody"}'])(
    'is not forgotten by %j',
    (body) => {
      expect(() => scene().reset(body)).toThrow(expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }))
    },
  )
})
