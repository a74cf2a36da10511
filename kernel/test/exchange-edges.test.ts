import { type CanonicalEvent, MessageWriter, readJson, SkipTarget } from '@ccr/sdk'
import { requestFault } from '@ccr/sdk/kernel'
import { createTestKernel, type TestAnswer, type TestKernelOptions } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plain, plainDialect, plugin, routeTo } from './support/plugins.ts'

const stream = { path: '/plain', body: { ...hello, stream: true } }
const whole = { path: '/plain', body: hello }
const jsonl = (events: readonly CanonicalEvent[]) => ({
  headers: { 'content-type': 'application/jsonl' },
  body: lines(events),
})

const setUp = (options: Partial<TestKernelOptions>) =>
  createTestKernel({
    providers: [{ name: 'test', dialect: 'plain', baseUrl: 'http://test/' }],
    upstream: () => jsonl(answerEvents('one two')),
    ...options,
    plugins: [plainDialect, ...(options.plugins ?? [routeTo('test')])],
  })

describe('a client is always answered', () => {
  it.each(['\ud800', '\udfff tail'])('when the model that answers cannot stand in a URL: %j', async (model) => {
    const route = plugin('route', (ctx) =>
      ctx.on('selectRoute', (plan) => ({ ...plan, targets: [{ provider: 'test', model }], decidedBy: 'route' })),
    )
    const kernel = await setUp({ plugins: [route] })
    expect((await kernel.request(stream)).status, 'streaming').toBe(200)
    expect((await kernel.request(whole)).status, 'whole').toBe(200)
    await kernel.dispose()
  })

  it('by name of the dialect when its client side cannot read a request, whatever it throws', async () => {
    const broken = plugin('broken', (ctx) =>
      ctx.endpoint({
        method: 'POST',
        path: '/broken',
        dialect: 'broken-client',
        client: {
          decode() {
            throw new TypeError('no field')
          },
          encoder: () => undefined as never,
          message: (message) => message,
          failure: ({ message }) => ({ message }),
        },
      }),
    )
    const kernel = await setUp({ plugins: [broken, routeTo('test')] })
    const reply = await kernel.request({ ...whole, path: '/broken' })
    expect(reply).toMatchObject({ status: 500, text: expect.stringContaining("'broken-client' failed") as string })
    expect(kernel.warnings).toEqual(['a client dialect failed to decode a request'])
    await kernel.dispose()
  })

  it.each([false, true])(
    'by one target where a provider passes itself over as it runs, text sent: %s',
    async (sent) => {
      const skipping = plugin('skipping', (ctx) => {
        ctx.contribute('providers', {
          name: 'inside',
          models: [],
          async *local() {
            if (sent) yield answerEvents('one').slice(0, 3)
            await Promise.resolve()
            throw new SkipTarget('resting')
          },
        })
        ctx.on('onError', () => ({ action: 'next' }))
      })
      const kernel = await setUp({ plugins: [skipping, routeTo('inside', 'test')] })
      const { text } = await kernel.request(stream)
      expect(text.match(/"message_start"/g)).toHaveLength(1)
      expect(text).toContain(sent ? 'resting' : 'message_stop')
      expect(text.includes('message_stop')).toBe(!sent)
      expect(kernel.usage[0]!.attempts.map(({ provider }) => provider)).toEqual(sent ? ['inside'] : ['inside', 'test'])
      await kernel.dispose()
    },
  )

  it('when a provider inside the process ends its answer with an error event', async () => {
    let cleanedUp = false
    const failing = plugin('failing', (ctx) =>
      ctx.contribute('providers', {
        name: 'failing',
        models: ['model'],
        async *local() {
          const error = { type: 'api_error', message: 'boom' } as const
          try {
            yield [...answerEvents('lost').slice(0, 1), { type: 'error', error }]
          } finally {
            cleanedUp = true
          }
        },
      }),
    )
    const kernel = await setUp({ plugins: [failing, routeTo('failing')] })
    const reply = await kernel.request(whole)
    expect(cleanedUp).toBe(true)
    expect(reply.status).toBe(502)
    expect(reply.text).toContain('boom')
    expect(kernel.usage[0]!.attempts.map(({ outcome }) => outcome)).toEqual(['failure'])
    await kernel.dispose()
  })

  it('when a provider inside the process gives its events one by one', async () => {
    const wrong = plugin('wrong', (ctx) =>
      ctx.contribute('providers', {
        name: 'wrong',
        models: ['model'],
        local: async function* () {
          yield* answerEvents('lost')
        } as never,
      }),
    )
    const kernel = await setUp({ plugins: [wrong, routeTo('wrong')] })
    const reply = await kernel.request(whole)
    expect(reply.status).toBe(500)
    expect(reply.text).toContain("'wrong' (model 'model') failed: it gave something else than a list of events")
    await kernel.dispose()
  })

  const said = JSON.stringify({ error: { message: 'slow down' } })
  async function* stalling(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(said)
    await new Promise(() => undefined)
  }
  const broken: [string, TestAnswer][] = [
    ['stalls', { body: stalling() }],
    ['breaks', { body: [said], failure: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) }],
    ['is cut at the limit', { body: [`slow down ${'x'.repeat(200)}`] }],
  ]
  it.each(broken)('with the status and the words of an error whose body %s', async (_, answer) => {
    const kernel = await setUp({
      upstream: () => ({ status: 429, headers: { 'retry-after': '7' }, ...answer }),
      settings: { limits: { errorBytes: 100 } },
    })
    const reply = await kernel.request(stream)
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '7'])
    expect(reply.text).toContain('slow down')
    await kernel.dispose()
  })

  it('when a plugin puts another request in the place of its own', async () => {
    const bodies: string[] = []
    const replace = plugin('replace', (ctx) =>
      ctx.on('onRequest', (request) => ({ request: { ...request, max_tokens: 7 } })),
    )
    const upstream: TestKernelOptions['upstream'] = ({ body }) => {
      bodies.push(String(body))
      return jsonl(answerEvents('one'))
    }
    const kernel = await setUp({ plugins: [replace, routeTo('test')], upstream })
    expect((await kernel.request(whole)).status).toBe(200)
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([{ ...hello, model: 'model', max_tokens: 7 }])
    await kernel.dispose()
  })

  it.each(['whole', 'in a stream'])('or cut off, when its dialect cannot even say what failed (%s)', async (how) => {
    const broken = (): never => {
      throw new Error('boom')
    }
    const client = {
      ...plain.client!,
      failure: broken,
      encoder: () => ({ ...plain.client!.encoder!(undefined as never), failure: broken }),
    }
    const dialect = plugin('broken', (ctx) =>
      ctx.endpoint({ method: 'POST', path: '/broken', dialect: 'plain', client }),
    )
    const upstream = () => jsonl(answerEvents('one two').slice(0, 3))
    const kernel = await setUp({ plugins: [dialect, routeTo('test')], upstream })
    const reply = await kernel.request({ path: '/broken', body: { ...hello, stream: how !== 'whole' } })
    expect(reply.cut).toBe(true)
    expect(kernel.kernel.current!.leases).toBe(0)
    expect(kernel.usage.map(({ status, attempts }) => [status, attempts.length])).toEqual([['error', 1]])
    await kernel.dispose()
  })

  it('with what was read before its dialect could not read on', async () => {
    const [begin, ...rest] = lines(answerEvents('one two'))
    const body = [begin + rest.slice(0, 2).join('') + 'no JSON\n', ...rest.slice(2)]
    const kernel = await setUp({ upstream: () => ({ ...jsonl([]), body }) })
    const reply = await kernel.request(stream)
    expect(reply.text).toContain('one')
    expect(reply.text).not.toContain('two')
    expect(JSON.parse(reply.text.trim().split('\n').at(-1)!)).toMatchObject({
      type: 'error',
      error: { type: 'api_error', message: expect.stringContaining("provider 'test'") },
    })
    await kernel.dispose()
  })

  it('with the whole answer, whatever a relay sends right behind it', async () => {
    const said = answerEvents('one two')
    const all = jsonl([...said, ...answerEvents('again')])
    const kernel = await setUp({ upstream: () => ({ ...all, body: all.body.join('') }) })
    const events = (await kernel.request(stream)).text.trim().split('\n')
    expect(events.map((line) => (JSON.parse(line) as CanonicalEvent).type)).toEqual(said.map(({ type }) => type))
    await kernel.dispose()
  })

  it('when its last event cannot be written as JSON', async () => {
    const odd = plugin('odd', (ctx) =>
      ctx.contribute('providers', {
        name: 'odd',
        models: ['model'],
        async *local() {
          yield answerEvents('x').map((event) => (event.type === 'message_stop' ? { ...event, odd: 1n } : event))
        },
      }),
    )
    const kernel = await setUp({ plugins: [odd, routeTo('odd')] })
    const reply = await kernel.request(stream)
    expect(reply.text + reply.status).toMatch(/"type":"error"/)
    await kernel.dispose()
  })

  it.each([99, 199, 304, 1000])('so a plugin may not reply with the status %i', (status) => {
    expect(requestFault({ reply: { failure: { status, type: 'api_error', message: 'x' } } })).toBeDefined()
  })
})

it('bounds an answer that is collected for a client that does not stream', async () => {
  const kernel = await setUp({
    settings: { limits: { answerBytes: 1000 } },
    upstream: () => jsonl(answerEvents('word '.repeat(2000))),
  })
  expect((await kernel.request(whole)).status).toBe(502)
  await kernel.dispose()
})

it('bounds such an answer of deltas without text, too', async () => {
  const [start, block, ...rest] = answerEvents('word')
  const empty = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '' } } as const
  const kernel = await setUp({
    settings: { limits: { answerBytes: 10_000 } },
    upstream: () => jsonl([start!, block!, ...Array.from({ length: 1000 }, () => empty), ...rest]),
  })
  expect((await kernel.request(whole)).status).toBe(502)
  await kernel.dispose()
})

it.each([true, false])('an onUsage tap harms no answer, whoever says that it may, durable: %j', async (durable) => {
  const count = plugin('count', (ctx) =>
    ctx.on(
      'onUsage',
      () => {
        throw new Error('boom')
      },
      { durable, onFailure: 'fail' },
    ),
  )
  for (const entry of [count, { plugin: count, onFailure: 'fail' as const }]) {
    const kernel = await setUp({ plugins: [entry, routeTo('test')] })
    const reply = await kernel.request(whole)
    expect([reply.status, reply.cut]).toEqual([200, false])
    await kernel.dispose()
  }
})

it('a guard that fails lets no request pass, whatever its entry says', async () => {
  const locked = plugin('locked', (ctx) =>
    ctx.on('onRequest', () => {
      throw new Error('boom')
    }),
  )
  const kernel = await setUp({ plugins: [{ plugin: locked, onFailure: 'skip' }, routeTo('test')] })
  expect((await kernel.request(whole)).status).toBe(500)
  await kernel.dispose()
})

it('flushes a transform at the end of a stream, as it does at the end of a whole answer', async () => {
  let flushed = 0
  const flushing = plugin('flushing', (ctx) =>
    ctx.on('transformStream', (pipeline) =>
      pipeline.pipe('canonical', { chunk: (event, emit) => emit(event), flush: () => void flushed++ }),
    ),
  )
  const kernel = await setUp({ plugins: [flushing, routeTo('test')] })
  await kernel.request(stream)
  expect(flushed).toBe(1)
  await kernel.dispose()
})

it('calls a body that a plugin made unsendable the fault of a plugin, not of the network', async () => {
  const odd = plugin('odd', (ctx) =>
    ctx.on('transformRequest', (out) => ({ ...out, body: { ...(out.body as object), n: 1n } as never }), {
      stage: 'wire',
    }),
  )
  const kernel = await setUp({ plugins: [odd, routeTo('test')] })
  expect((await kernel.request(whole)).text).not.toContain('the connection to')
  await kernel.dispose()
})

it('lets a delta of an unknown kind pass, whatever its name', async () => {
  const odd = { type: 'content_block_delta', index: 0, delta: { type: 'constructor' } } as never
  const events = answerEvents('x').flatMap((event): CanonicalEvent[] =>
    event.type === 'content_block_stop' ? [odd, event] : [event],
  )
  const kernel = await setUp({ upstream: () => jsonl(events) })
  expect((await kernel.request(stream)).text).toContain('message_stop')
  await kernel.dispose()
})

it('counts the bytes that are held back of an answer that is converted', async () => {
  const [start] = answerEvents('x')
  const odd = { type: 'odd', data: 'x'.repeat(2000) } as never
  const kernel = await setUp({
    settings: { limits: { heldBytes: 1000 } },
    upstream: () => ({ ...jsonl([start!, odd]), failure: new Error('reset') }),
  })
  // More than may be held commits, so that the failure can only be an event.
  expect((await kernel.request(stream)).status).toBe(200)
  await kernel.dispose()
})

it('bounds everything of a tool call that an upstream can make the writer keep', () => {
  const writer = new MessageWriter(() => undefined, { model: 'm', newId: (prefix) => prefix })
  const id = 'x'.repeat(1024 * 1024)
  const fill = (): void => {
    for (let call = 0; call < 16; call++) writer.tool(`${call}`, { id: `${call}${id}`, name: 'tool' })
  }
  expect(fill).toThrowError(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
})

it('refuses a small body that is too deep, though a string in it holds closing brackets', () => {
  const nested = `${'['.repeat(1000)}${']'.repeat(1000)}`
  const body = `{"model":"m","a":"${']'.repeat(1000)}","messages":[],"b":${nested}}`
  expect(() => readJson(Buffer.from(body))).toThrowError(expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }))
})
