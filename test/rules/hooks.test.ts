import { definePlugin, Secret, Type, type CanonicalEvent, type Outbound, type Plugin } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestKernel, type TestUpstream } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import anthropic from '../../plugins/dialect-anthropic/src/index.ts'
import openai from '../../plugins/dialect-openai/src/index.ts'
import { completion, completionStream, message, messageStream } from './upstream.ts'

const KEY = 'provider-key-0123456789'
type Sent = Parameters<TestUpstream>[0]

function plugin(name: string, activate: Plugin['activate']): Plugin {
  const options = Type.Object({}, { additionalProperties: false })
  return definePlugin({ name, apiVersion: 1, description: 'for a test', options, activate: activate as never })
}

const route = plugin('route', (ctx) =>
  ctx.on('selectRoute', (plan) => ({
    ...plan,
    targets: [{ provider: 'test', model: 'model' }],
    decidedBy: 'route',
    source: 'config' as const,
  })),
)

const disposers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const dispose of disposers.splice(0)) await dispose()
})

/** A kernel with one provider, and what that was sent. */
async function start(
  dialect: 'anthropic' | 'openai',
  plugins: readonly Plugin[],
  provider: { readonly secret?: Secret | undefined } = { secret: new Secret(KEY) },
): Promise<{ readonly kernel: TestKernel; readonly sent: Sent[] }> {
  const sent: Sent[] = []
  const kernel = await createTestKernel({
    plugins: [anthropic, openai, route, ...plugins],
    providers: [{ dialect, baseUrl: 'http://127.0.0.1:9/v1', ...provider }],
    upstream: (request) => {
      sent.push(request)
      const streams = (JSON.parse(textOf(request)) as { stream?: boolean }).stream
      const [whole, stream] = dialect === 'anthropic' ? [message, messageStream] : [completion, completionStream]
      return streams ? sse(stream('hello')) : json(whole('hello'))
    },
  })
  disposers.push(() => kernel.dispose())
  return { kernel, sent }
}

const textOf = ({ body }: Sent): string => Buffer.from(body as string).toString()
const body = (more: object = {}): object => ({
  model: 'm',
  max_tokens: 9,
  stream: true,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})

/** Notes its turn in each hook, for both directions. */
function witness(name: string, turns: string[], dialect?: string): Plugin {
  return plugin(name, (ctx) => {
    for (const stage of ['canonical', 'wire', 'send'] as const)
      ctx.on('transformRequest', () => void turns.push(`request ${stage} ${name}`), { stage, dialect })
    ctx.on('transformStream', (stream) => {
      const noting = (stage: string) => {
        let seen = false
        return {
          chunk<Event>(event: Event, emit: (event: Event) => void) {
            if (!seen) turns.push(`answer ${stage} ${name}`)
            seen = true
            emit(event)
          },
        }
      }
      stream.pipe('wire', noting('wire'))
      stream.pipe('canonical', noting('canonical'))
    })
  })
}

describe.each(['anthropic', 'openai'] as const)('hooks on the way to a provider that speaks %s', (dialect) => {
  const turns: string[] = []
  const names = ['one', 'two', 'three']
  const all = names.map((name) => witness(name, turns))

  it('rule 2: see a request in the order of the config, stage by stage', async () => {
    turns.length = 0
    const { kernel } = await start(dialect, all)
    expect((await kernel.request({ body: body() })).status).toBe(200)
    expect(turns.filter((turn) => turn.startsWith('request'))).toEqual(
      ['canonical', 'wire', 'send'].flatMap((stage) => names.map((name) => `request ${stage} ${name}`)),
    )
  })

  it.each([true, false])('rule 3: see the answer in the exact mirror of that (stream: %s)', async (stream) => {
    turns.length = 0
    const { kernel } = await start(dialect, all)
    expect((await kernel.request({ body: body({ stream }) })).status).toBe(200)
    expect(turns.filter((turn) => turn.startsWith('answer'))).toEqual(
      ['wire', 'canonical'].flatMap((stage) => [...names].reverse().map((name) => `answer ${stage} ${name}`)),
    )
  })

  it('rule 5: see the answer although one of them took the model out of the body', async () => {
    turns.length = 0
    const nameless = plugin('nameless', (ctx) =>
      ctx.on(
        'transformRequest',
        (outbound) => {
          const { model: _model, ...rest } = outbound.body as { model?: string }
          return { ...outbound, body: rest }
        },
        { stage: 'wire' },
      ),
    )
    const { kernel, sent } = await start(dialect, [...all, nameless])
    const reply = await kernel.request({ body: body() })
    expect(reply.status).toBe(200)
    expect(JSON.parse(textOf(sent[0]!))).not.toHaveProperty('model')
    expect(turns.filter((turn) => turn.startsWith('answer'))).toHaveLength(6)
    expect(reply.text).toContain('hello')
  })

  it('rule 4: give a whole outbound request, of which the body alone is sent', async () => {
    const whole = plugin('whole', (ctx) =>
      ctx.on(
        'transformRequest',
        (outbound) => ({
          ...outbound,
          body: { ...(outbound.body as object), patched: true },
          headers: { ...outbound.headers, 'x-config': 'yes' },
        }),
        { stage: 'wire' },
      ),
    )
    const { kernel, sent } = await start(dialect, [whole])
    await kernel.request({ body: body() })
    const tx = JSON.parse(textOf(sent[0]!)) as object
    expect(tx).toMatchObject({ model: 'model', patched: true })
    expect(tx).not.toHaveProperty('body')
    expect(tx).not.toHaveProperty('config')
    expect(sent[0]!.headers['x-config']).toBe('yes')
  })

  it('rule 4: are told when they give a body and a config instead, which is not sent', async () => {
    const half = plugin('half', (ctx) =>
      ctx.on('transformRequest', ({ body }) => ({ body, config: {} }) as unknown as Outbound, { stage: 'wire' }),
    )
    const { kernel, sent } = await start(dialect, [half])
    const reply = await kernel.request({ body: body() })
    expect(reply).toMatchObject({ status: 500 })
    expect(reply.text).toContain("'half'")
    expect(sent).toEqual([])
  })

  const sending = (change: (outbound: Outbound) => Partial<Outbound>): Plugin =>
    plugin('sending', (ctx) =>
      ctx.on('transformRequest', (outbound) => ({ ...outbound, ...change(outbound) }), { stage: 'send' }),
    )
  const key = dialect === 'anthropic' ? 'x-api-key' : 'authorization'
  const value = dialect === 'anthropic' ? KEY : `Bearer ${KEY}`

  it('rule 17: may set another URL', async () => {
    const { kernel, sent } = await start(dialect, [sending(() => ({ url: 'http://127.0.0.1:9/elsewhere?a=b' }))])
    await kernel.request({ body: body() })
    expect(sent[0]!.url).toBe('http://127.0.0.1:9/elsewhere?a=b')
    expect(sent[0]!.headers[key]).toBe(value)
  })

  it('rule 17: may put other credentials in the place of the key', async () => {
    const auth = { scheme: 'bearer', secret: new Secret('minted') } as const
    const { kernel, sent } = await start(dialect, [sending(() => ({ auth }))])
    await kernel.request({ body: body() })
    expect(sent[0]!.headers['authorization']).toBe('Bearer minted')
    expect(sent[0]!.headers).not.toHaveProperty('x-api-key')
  })

  it('are never shown the key, not even afterwards, and put nothing beside it', async () => {
    const kept: Outbound[] = []
    const writing = plugin('writing', (ctx) =>
      ctx.on(
        'transformRequest',
        (outbound) => {
          kept.push(outbound)
          // The types forbid it, and a plugin may be plain JavaScript.
          const headers = outbound.headers as Record<string, string>
          headers['Authorization'] = 'Bearer other'
          headers['X-Api-Key'] = 'other'
          Object.freeze(headers)
        },
        { stage: 'send' },
      ),
    )
    const { kernel, sent } = await start(dialect, [writing])
    expect((await kernel.request({ body: body() })).status).toBe(200)
    const credentials = Object.entries(sent[0]!.headers).filter(([name]) => name.toLowerCase() === key)
    expect(credentials).toEqual([[key, value]])
    expect(JSON.stringify(kept)).not.toContain(KEY)
  })

  it('rule 17: may take the key and a header away', async () => {
    const without = sending(({ headers: { 'content-type': _gone, ...headers } }) => ({ auth: undefined, headers }))
    const { kernel, sent } = await start(dialect, [without])
    await kernel.request({ body: body() })
    for (const name of ['authorization', 'x-api-key', 'content-type']) expect(sent[0]!.headers).not.toHaveProperty(name)
  })

  it.each(['send', 'wire', 'canonical'] as const)('rule 18: set headers without regard to case (%s)', async (stage) => {
    const upper = key.toUpperCase()
    const mixed = plugin('mixed', (ctx) =>
      ctx.on(
        'transformRequest',
        (outbound) => ({
          ...outbound,
          headers: { ...outbound.headers, 'Content-Type': 'application/vnd.test+json', [upper]: 'no' },
        }),
        { stage },
      ),
    )
    const { kernel, sent } = await start(dialect, [mixed])
    expect((await kernel.request({ body: body() })).status).toBe(200)
    const names = Object.keys(sent[0]!.headers)
    expect(names).toEqual(names.map((name) => name.toLowerCase()))
    expect(sent[0]!.headers['content-type']).toBe('application/vnd.test+json')
    // The key of the provider comes last and wins.
    expect(sent[0]!.headers[key]).toBe(value)
  })

  it('rule 16: meet no credentials of a provider without a key', async () => {
    const { kernel, sent } = await start(dialect, [], { secret: undefined })
    await kernel.request({ body: body() })
    for (const name of ['authorization', 'x-api-key']) expect(sent[0]!.headers).not.toHaveProperty(name)
  })
})

describe('one plugin', () => {
  it('rule 31: serves concurrent requests without mixing them', async () => {
    const marking = plugin('marking', (ctx) => {
      ctx.on('transformRequest', async (outbound) => {
        const { system } = outbound.body as { system?: string }
        await new Promise((resolve) => setImmediate(resolve))
        return { ...outbound, body: { ...(outbound.body as object), metadata: { user_id: system } } }
      })
      ctx.on('transformStream', (stream, attempt) => {
        const { system } = attempt.exchange.request
        stream.pipe('canonical', {
          chunk(event: CanonicalEvent, emit) {
            if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return emit(event)
            emit({ ...event, delta: { ...event.delta, text: `${event.delta.text} ${String(system)}` } })
          },
        })
      })
    })
    const { kernel, sent } = await start('anthropic', [marking])
    const systems = Array.from({ length: 40 }, (_, index) => `client-${index}`)
    const replies = await Promise.all(systems.map((system) => kernel.request({ body: body({ system }) })))
    expect(replies.map(({ text }) => /hello (client-\d+)/.exec(text)?.[1])).toEqual(systems)
    for (const one of sent) {
      const { system, metadata } = JSON.parse(textOf(one)) as { system: string; metadata: { user_id: string } }
      expect(metadata.user_id).toBe(system)
    }
  })

  it('rule 32: cannot change what the client sent', async () => {
    const vandal = plugin('vandal', (ctx) =>
      ctx.on('transformRequest', (outbound) => {
        ;(outbound.body as { messages: unknown[] }).messages.push('more')
        return undefined
      }),
    )
    const { kernel, sent } = await start('openai', [vandal])
    const reply = await kernel.request({ body: body() })
    expect(reply).toMatchObject({ status: 500 })
    expect(reply.text).toContain("'vandal'")
    expect(sent).toEqual([])
  })

  it('rule 32: leaves the request of the client as it was for the next attempt', async () => {
    const seen: string[] = []
    const retrying = plugin('retrying', (ctx) => {
      ctx.on('transformRequest', (outbound, attempt) => {
        seen.push(JSON.stringify(outbound.body))
        if (attempt.number > 1) return undefined
        return { ...outbound, baseUrl: 'not a url', body: { ...(outbound.body as object), system: 'changed' } }
      })
      ctx.on(
        'transformRequest',
        (_, attempt) => {
          if (attempt.number === 1) throw new Error('once')
        },
        { stage: 'send' },
      )
      ctx.on('onError', (_failure, attempt) => (attempt.number === 1 ? { action: 'retry', afterMs: 0 } : undefined))
    })
    const { kernel, sent } = await start('anthropic', [retrying])
    expect((await kernel.request({ body: body() })).status).toBe(200)
    expect(seen[1]).toBe(seen[0])
    expect(JSON.parse(textOf(sent[0]!))).not.toHaveProperty('system')
  })
})

describe('a client and an upstream of two minds', () => {
  const types = (text: string): string[] => [...text.matchAll(/^event: (\w+)/gm)].map(([, type]) => type!)

  it.each([
    ['anthropic', json(message('hello'))],
    ['openai', json(completion('hello'))],
  ] as const)('rule 28: a stream is made of one JSON answer (%s)', async (dialect, answer) => {
    const kernel = await createTestKernel({
      plugins: [anthropic, openai, route],
      providers: [{ dialect }],
      upstream: () => answer,
    })
    disposers.push(() => kernel.dispose())
    const { status, headers, text } = await kernel.request({ body: body() })
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/event-stream/)
    expect(types(text)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    expect(text).toContain('hello')
  })

  it.each([
    ['anthropic', sse(messageStream('hello'))],
    ['openai', sse(completionStream('hello'))],
  ] as const)('rule 28: a JSON answer is made of one stream (%s)', async (dialect, answer) => {
    const kernel = await createTestKernel({
      plugins: [anthropic, openai, route],
      providers: [{ dialect }],
      upstream: () => answer,
    })
    disposers.push(() => kernel.dispose())
    const reply = await kernel.request({ body: body({ stream: false }) })
    expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    expect(reply.json()).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
    })
  })
})
