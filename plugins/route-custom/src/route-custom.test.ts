import type { CanonicalRequest, CodeFile } from '@ccr/sdk'
import { createTestKernel, json } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import scenarios from '../../route-scenarios/src/index.ts'
import plugin from './index.ts'
import { lazyBody } from './lazy-body.ts'
import type { LegacyRequest } from './legacy-request.ts'

interface Config {
  Router: Record<string, string>
  Own: { list: unknown[] }
  Providers: { name: string; models: string[] }[]
}
type Router = (req: LegacyRequest, config: Config, context: object) => unknown

const REQUEST = { model: 'claude-x', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] }

async function routed(router: Router, request: object = {}, timeoutMs?: number, times = 1) {
  const Router = { default: 'Mock,default', think: 'Mock,think' }
  const config = {
    Router,
    Own: { list: [1] },
    Providers: [{ name: 'Mock', models: ['old'], tier: 1 }, { name: 'off' }],
  }
  const placeOf = () => '/my/router.js:3:7'
  const code: CodeFile = { file: '/my/router.js', hash: 'h', exported: router, config, placeOf }
  const bodies: Record<string, unknown>[] = []
  const kernel = await createTestKernel({
    plugins: [anthropic, { plugin, timeoutMs }, scenarios],
    providers: [{ name: 'Mock', models: ['One', 'Two'], dialect: 'anthropic' }],
    sections: { Router, CUSTOM_ROUTER_PATH: code },
    upstream: ({ body }) => {
      bodies.push(JSON.parse(Buffer.from(body as string).toString()) as Record<string, unknown>)
      const usage = { input_tokens: 1, output_tokens: 1 }
      const content = [{ type: 'text', text: 'hi' }]
      return json({ id: 'm', type: 'message', role: 'assistant', model: 'm', content, stop_reason: 'end_turn', usage })
    },
  })
  const headers = { 'x-claude-code-session-id': 's-1', 'x-mine': 'yes' }
  const ask = () => kernel.request({ body: { ...REQUEST, ...request }, headers })
  for (let one = 1; one < times; one++) await ask()
  const reply = await ask()
  await kernel.dispose()
  const { status } = reply
  return { body: bodies[0], status, route: reply.headers['x-ccr-route'], warnings: kernel.warnings, reply }
}

describe('a custom router', () => {
  it('is given the request, the config with the providers that there are, and a context', async () => {
    let seen: unknown
    await routed((req, config, context) => {
      req.log.info('looked')
      req.log.warn({ a: 1 }, 'looked again')
      const { sessionId, tokenCount, headers } = req
      seen = { model: req.body['model'], sessionId, tokenCount, mine: headers['x-mine'], config, context }
      return undefined
    })
    const known = [{ name: 'Mock', models: ['One', 'Two'], tier: 1 }]
    expect(seen).toEqual({
      model: 'claude-x',
      sessionId: 's-1',
      tokenCount: 2,
      mine: 'yes',
      config: {
        Router: { default: 'Mock,default', think: 'Mock,think' },
        Own: { list: [1] },
        Providers: known,
        providers: known,
      },
      context: { event: undefined },
    })
  })

  it('may change the config, which it alone reads, and finds it as it left it', async () => {
    const seen: unknown[] = []
    const router: Router = (_, { Router, Own: { list } }) => {
      seen.push([...list])
      list.push(2)
      Router['default'] = 'Mock,other'
      return undefined
    }
    expect((await routed(router, {}, undefined, 2)).body?.['model']).toBe('default')
    expect((await routed(router)).body?.['model']).toBe('default')
    expect(seen).toEqual([[1], [1, 2], [1]])
  })

  it.each([
    ['at once', () => 'mock,two'],
    ['as a promise', () => Promise.resolve('Mock,Two')],
  ])('decides %s, before what the request names', async (_, router) => {
    const { body, route } = await routed(router, { model: 'Mock,One', thinking: { type: 'adaptive' } })
    expect(body?.['model']).toBe('Two')
    expect(route).toBe('default; by=route-custom; rule=CUSTOM_ROUTER_PATH')
  })

  it.each([undefined, null, '', false, 0])('that gives %j leaves it to the next router', async (nothing) => {
    const { body, route } = await routed(() => nothing)
    expect(body?.['model']).toBe('default')
    expect(route).not.toContain('unmatched')
  })

  it.each([
    ['gone,x', "there is no provider 'gone'"],
    ['One', "'One' is not provider,model"],
    [5, 'it gave number, not provider,model'],
  ])('that gives %j leaves it to the next router, visibly', async (result, reason) => {
    const { body, route } = await routed(() => result)
    expect(body?.['model']).toBe('default')
    expect(route).toContain(`unmatched=CUSTOM_ROUTER_PATH: ${reason}`)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws a text',
      () => {
        throw 'broken'
      },
    ],
  ])('that %s is logged with file and line, and the next router decides', async (_, router) => {
    const { body, route, warnings } = await routed(router, { thinking: { type: 'adaptive' } })
    expect(body?.['model']).toBe('think')
    expect(route).toContain('unmatched=CUSTOM_ROUTER_PATH: it failed at /my/router.js:3:7: broken')
    expect(warnings).toContain('the custom router failed at /my/router.js:3:7; the next router decides')
  })

  it('that does not finish in time is passed over, visibly, whatever it gives later', async () => {
    let late: (target: string) => void = () => undefined
    const router = (): Promise<string> => new Promise((resolve) => (late = resolve))
    const { body, route } = await routed(router, {}, 10)
    late('Mock,Two')
    expect(body?.['model']).toBe('default')
    const missed = 'CUSTOM_ROUTER_PATH: it took too long (timeoutMs of route-custom allows more)'
    expect(route?.split('; unmatched=')).toEqual([expect.stringMatching(/^default; by=route-scenarios; /), missed])
  })

  it('may change the body: the next routers and the provider see that', async () => {
    const { body } = await routed(
      (req) => {
        req.body['thinking'] = { type: 'adaptive' }
        ;(req.body['messages'] as { content: string }[])[0]!.content = 'changed'
        delete req.body['metadata']
        return undefined
      },
      { metadata: { user_id: 'x' } },
    )
    expect(body).toMatchObject({ model: 'think', messages: [{ role: 'user', content: 'changed' }] })
    expect(body).not.toHaveProperty('metadata')
  })

  it.each([
    ['without a model', (req: LegacyRequest) => void delete req.body['model']],
    ['of an empty model', (req: LegacyRequest) => void (req.body['model'] = '')],
    ['without messages', (req: LegacyRequest) => void (req.body['messages'] = 'x')],
    ['that holds itself', (req: LegacyRequest) => void (req.body['metadata'] = { body: req.body })],
    ['with a number that JSON does not have', (req: LegacyRequest) => void (req.body['temperature'] = 1n)],
  ])('that leaves a body %s is passed over, visibly', async (_, router) => {
    const { status, body, route } = await routed(router)
    expect(status).toBe(200)
    expect(body).toMatchObject({ model: 'default', messages: REQUEST.messages })
    expect(route).toContain('unmatched=CUSTOM_ROUTER_PATH: it failed at')
  })
})

describe('lazyBody', () => {
  it('copies no field that is not read', () => {
    let reads = 0
    const request = Object.defineProperty({ model: 'm' }, 'messages', {
      enumerable: true,
      get: () => {
        reads++
        return []
      },
    }) as unknown as CanonicalRequest
    const { body, changed } = lazyBody(request)
    expect(body['model']).toBe('m')
    expect(changed()).toBeUndefined()
    expect(reads).toBe(0)
  })

  it('gives any change, and never touches the request', () => {
    const value = fc.jsonValue()
    const key = fc.stringMatching(/^[a-z]{1,3}$/)
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.dictionary(key, value), fc.array(key), (fields, more, gone) => {
        const request = { model: 'm', messages: [], ...fields } as unknown as CanonicalRequest
        const before = JSON.stringify(request)
        const { body, changed } = lazyBody(request)
        const expected: Record<string, unknown> = { ...request, ...more }
        Object.assign(body, more)
        for (const one of gone) {
          delete body[one]
          delete expected[one]
        }
        const result = changed()
        expect(JSON.parse(JSON.stringify(result ?? request))).toEqual(JSON.parse(JSON.stringify(expected)))
        expect(JSON.stringify(request)).toBe(before)
      }),
    )
  })
})
