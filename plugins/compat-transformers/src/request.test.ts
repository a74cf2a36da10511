import type { JsonObject } from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { createWorld, KEY, textOf, type LegacyWorld, type Use, type WorldOptions } from '../test/world.ts'

let world: LegacyWorld | undefined
afterEach(async () => {
  const last = world
  world = undefined
  await last?.dispose()
})
const start = async (uses: readonly Use[], options?: WorldOptions): Promise<LegacyWorld> =>
  (world = await createWorld(uses, options))

type Body = Record<string, unknown> & { messages: { role: string; [field: string]: unknown }[] }
interface Provider {
  readonly name: string
  readonly baseUrl: string
  readonly apiKey: string
  readonly models: readonly string[]
}

class LowTemperature {
  readonly name = 'low-temperature'
  readonly #max: number
  constructor(options?: { max?: number }) {
    this.#max = options?.max ?? 0.5
  }
  transformRequestIn(body: Body): Body {
    body['temperature'] = this.#max
    body.messages[0]!['content'] = 'changed'
    return body
  }
}

describe('a class that changes the body', () => {
  it('is given a copy that it may change, without what is for plugins of the router', async () => {
    const seen: Body[] = []
    class Looking extends LowTemperature {
      override transformRequestIn(body: Body): Body {
        seen.push(structuredClone(body))
        return super.transformRequestIn(body)
      }
    }
    const { ask, sent } = await start([Looking])
    const request = { messages: [{ role: 'user', content: 'as it was' }] }
    expect((await ask(request)).status).toBe(200)
    expect(sent[0]!.body).toMatchObject({ model: 'model', temperature: 0.5, messages: [{ content: 'changed' }] })
    expect(request.messages[0]!.content).toBe('as it was')
    expect(Object.keys(seen[0]!).filter((key) => key.startsWith('ccr_'))).toEqual([])
    expect(Object.keys(sent[0]!.body).filter((key) => key.startsWith('ccr_'))).toEqual([])
  })

  it('takes options at its use, also twice in one chain', async () => {
    const { ask, sent } = await start([
      [LowTemperature, { max: 0.1 }],
      [LowTemperature, { max: 0.2 }],
    ])
    await ask()
    expect(sent[0]!.body['temperature']).toBe(0.2)
  })

  it('keeps what it shares between requests changeable: nothing of it is frozen', async () => {
    const shared = { type: 'function', function: { name: 'legacy', parameters: { type: 'object' } }, uses: 0 }
    class Sharing {
      name = 'sharing'
      transformRequestIn(body: Body): Body {
        shared.uses++
        body['tools'] = [shared]
        return body
      }
    }
    const { ask, sent } = await start([Sharing, LowTemperature])
    await ask()
    expect((await ask()).status).toBe(200)
    expect(sent.map(({ body }) => (body['tools'] as JsonObject[])[0]!['uses'])).toEqual([1, 2])
  })

  it('may wait, and concurrent requests see nothing of each other', async () => {
    class Waiting {
      name = 'waiting'
      async transformRequestIn(body: Body, _: Provider, context: { req: { headers: object } }): Promise<Body> {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
        body['user'] = body.messages[0]!['content']
        Object.assign(context, { mine: (context as { mine?: string }).mine ?? body['user'] })
        body['seen'] = (context as { mine?: string }).mine
        return body
      }
    }
    const { ask, sent } = await start([Waiting])
    await Promise.all(['a', 'b', 'c', 'd'].map((content) => ask({ messages: [{ role: 'user', content }] })))
    for (const { body } of sent) {
      const own = (body['messages'] as JsonObject[])[0]!['content']
      expect([body['user'], body['seen']]).toEqual([own, own])
    }
    expect(new Set(sent.map(({ body }) => body['user'])).size).toBe(4)
  })
})

describe('what a body is given with', () => {
  let body: Body | undefined
  let provider: Provider | undefined
  let context: { req: { headers: JsonObject; body: JsonObject; log: { info(text: string): void } } } | undefined
  class Looking {
    name = 'looking'
    transformRequestIn(given: Body, from: Provider, ctx: unknown): Body {
      body = structuredClone(given)
      provider = from
      context = ctx as typeof context
      context!.req.log.info('looked')
      return given
    }
  }
  const thinking = { thinking: { type: 'enabled', budget_tokens: 4000 } }

  it.each([
    [thinking, { effort: 'medium', enabled: true, max_tokens: 4000 }],
    [{ thinking: { type: 'disabled' } }, { effort: 'none', enabled: false }],
    [
      { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } },
      { effort: 'high', enabled: true },
    ],
    [{}, undefined],
  ])('%j is the reasoning %j, which is not sent where nothing was made of it', async (asked, reasoning) => {
    const { ask, sent } = await start([Looking])
    await ask(asked)
    expect(body!['reasoning']).toEqual(reasoning)
    expect(sent[0]!.body).not.toHaveProperty('reasoning')
  })

  it('reasoning that a class made something of is sent', async () => {
    class Budget {
      name = 'budget'
      transformRequestIn(given: Body): Body {
        const reasoning = given['reasoning'] as { max_tokens: number; own?: boolean }
        given['thinking'] = { type: 'enabled', budget_tokens: reasoning.max_tokens }
        reasoning.own = true
        return given
      }
    }
    const { ask, sent } = await start([Budget])
    await ask(thinking)
    expect(sent[0]!.body).toMatchObject({ thinking: { budget_tokens: 4000 }, reasoning: { own: true } })
  })

  it('the client request is a copy, made when it is read', async () => {
    const { ask } = await start([Looking])
    await ask({ metadata: { user_id: 'me' } })
    expect(context!.req.body).toMatchObject({ metadata: { user_id: 'me' }, model: 'asked' })
    ;(context!.req.body['metadata'] as Record<string, unknown>)['user_id'] = 'you'
  })

  it('the provider has its key where it names the class, and shows it to nobody who prints it', async () => {
    const { ask } = await start([Looking])
    await ask()
    expect(provider).toMatchObject({ name: 'test', baseUrl: 'https://api.example/v1', models: ['model'] })
    expect(provider!.apiKey).toBe(KEY)
    expect(JSON.stringify(provider) + JSON.stringify({ ...provider })).not.toContain(KEY)
  })

  it('the provider has no key for a plugin that no provider names', async () => {
    const { ask } = await start([Looking], { namedBy: undefined })
    expect((await ask()).status).toBe(200)
    expect(provider!.apiKey).toBeUndefined()
  })
})

describe('where and how a request is sent', () => {
  const configured = (config: (provider: Provider) => object) =>
    class {
      name = 'configured'
      transformRequestIn(body: Body, provider: Provider): object {
        return { body: { ...body, top_k: 3 }, config: config(provider) }
      }
    }

  it('is what stands beside the body, and never sent', async () => {
    const url = 'https://other.example/v9/run?alt=sse'
    const { ask, sent } = await start([configured(() => ({ url: new URL(url), headers: { 'X-Extra': 'yes' } }))])
    await ask()
    expect(sent[0]).toMatchObject({ url, headers: { 'x-extra': 'yes', authorization: `Bearer ${KEY}` } })
    expect(sent[0]!.body).toMatchObject({ top_k: 3, model: 'model' })
    expect(sent[0]!.body).not.toHaveProperty('body')
    expect(sent[0]!.body).not.toHaveProperty('config')
  })

  it.each([
    ['authorization', { authorization: 'Bearer own' }, { authorization: 'Bearer own' }],
    ['Authorization', { Authorization: 'Basic eDp5' }, { authorization: 'Basic eDp5' }],
    ['a header that goes', { Authorization: undefined, 'x-goog-api-key': 'k' }, { 'x-goog-api-key': 'k' }],
    ['a text that stands for nothing', { AUTHORIZATION: 'undefined' }, {}],
    ['a key that there is not', { Authorization: 'Bearer undefined' }, {}],
    ['an empty one', { Authorization: '' }, {}],
    ['one beside the default', { 'api-key': 'k' }, { 'api-key': 'k', authorization: `Bearer ${KEY}` }],
    ['a Headers object', new Headers({ Authorization: 'own' }), { authorization: 'own' }],
    [
      'what the connection decides',
      { 'Content-Length': '3', Host: 'h' },
      { authorization: `Bearer ${KEY}`, host: 'h' },
    ],
  ])('%s is merged without regard to case', async (_, headers, expected) => {
    const { ask, sent } = await start([configured(() => ({ headers }))])
    expect((await ask()).status).toBe(200)
    const { 'content-type': type, accept, ...rest } = sent[0]!.headers
    expect({ type, accept, rest }).toEqual({ type: 'application/json', accept: 'text/event-stream', rest: expected })
  })

  it('may be made of the key in any form, and later classes come over earlier ones', async () => {
    const basic = configured(({ apiKey }) => ({
      headers: { Authorization: `Basic ${Buffer.from(apiKey).toString('base64')}`, 'X-Key': apiKey },
    }))
    const { ask, sent } = await start([basic, configured(() => ({ headers: { 'x-key': undefined, other: 1 } }))])
    await ask()
    expect(sent[0]!.headers).toMatchObject({ authorization: 'Basic c2stdGVzdC1zZWNyZXQ=', other: '1' })
    expect(sent[0]!.headers).not.toHaveProperty('x-key')
  })

  it('hides credentials from the plugins behind it', async () => {
    const shown: string[] = []
    class Behind {
      name = 'behind'
      transformRequestIn(body: Body): object {
        return { body, config: { headers: {} } }
      }
    }
    const { definePlugin } = await import('@ccr/sdk')
    const looking = definePlugin({
      name: 'looking',
      apiVersion: 1,
      description: 'Prints what is sent.',
      activate: (ctx) =>
        ctx.on('transformRequest', (outbound) => void shown.push(JSON.stringify(outbound)), {
          stage: 'send',
          after: ['configured', 'behind'],
        }),
    })
    const own = configured(({ apiKey }) => ({
      headers: { 'X-Vendor': `v=${apiKey}`, Authorization: 'Bearer oauth-x' },
    }))
    const { ask, sent } = await start([own, Behind], { more: [looking] })
    await ask()
    expect(sent[0]!.headers).toMatchObject({ 'x-vendor': `v=${KEY}`, authorization: 'Bearer oauth-x' })
    expect(shown[0]).not.toContain(KEY)
    expect(shown[0]).not.toContain('oauth-x')
  })

  it('says that what the router decides is not taken', async () => {
    const { ask, warnings } = await start([configured(() => ({ TIMEOUT: 5 }))])
    await ask()
    await ask()
    expect(warnings.filter((line) => line.includes('TIMEOUT'))).toHaveLength(1)
  })
})

describe('a class that does what it must not', () => {
  const giving = (given: unknown) =>
    class {
      name = 'wrong'
      transformRequestIn = (): unknown => given
    }

  it.each([
    [undefined, 'gave undefined and no body'],
    [[1], 'gave a list and no body'],
    ['text', 'gave a string and no body'],
    [{ body: 'text', config: {} }, 'gave a body that is a string'],
    [{ body: {}, config: 5 }, 'gave a config that is a number'],
    [{ body: {}, config: { url: 'file:///etc' } }, 'gave a url that is no http or https URL'],
    [{ body: {}, config: { headers: 'a: b' } }, 'gave headers that are a string'],
    [{ body: {}, config: { headers: { 'a b': 'c' } } }, 'gave a header without a proper name'],
    [{ body: {}, config: { headers: { token: 'a\r\nb: c' } } }, 'the header token a value that is not one line'],
  ])('gives %j: the request fails, and says which', async (given, fact) => {
    const { ask, sent } = await start([giving(given)])
    const { status, text } = await ask()
    expect([status, sent.length]).toEqual([500, 0])
    expect(text).toContain("plugin 'wrong' failed in transformRequest")
    expect(text).toContain(fact)
  })

  it('throws: the request fails, and says what', async () => {
    class Throwing {
      name = 'throwing'
      transformRequestIn(): never {
        throw new TypeError('no such field')
      }
    }
    const { status, text } = await (await start([Throwing])).ask()
    expect(status).toBe(500)
    expect(text).toContain('no such field')
  })

  it('has a hook that is no function', async () => {
    class Odd {
      name = 'odd'
      transformRequestIn = 'x'
    }
    expect((await (await start([Odd])).ask()).text).toContain('transformRequestIn of odd is no function')
  })
})

it('a class that writes whole bodies into its log puts no words of them there', async () => {
  class Talking {
    name = 'talking'
    logger?: Record<'info' | 'warn' | 'error', (...said: unknown[]) => void>
    transformRequestIn(body: Body): Body {
      this.logger!.info({ body }, 'sending')
      this.logger!.warn(body, 'first line\nsecond')
      this.logger!.error(new Error('broken'))
      return body
    }
  }
  const { ask, warnings } = await start([Talking])
  expect(textOf(await ask({ messages: [{ role: 'user', content: 'private words' }] }))).toBe('hello')
  expect(warnings).toEqual(['first line', 'broken'])
})
