import anthropic from '@ccr/plugin-dialect-anthropic'
import { definePlugin, Type, type CanonicalEvent, type CanonicalRequest } from '@ccr/sdk'
import { createTestKernel, json, sse } from '@ccr/sdk/testing'
import type { TestKernel, TestKernelOptions, TestUpstream } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { chunk, RUNS } from '../test/harness.ts'
import { routeTo } from '../test/world.ts'
import plugin from './index.ts'

const request = (rest: object = {}): object => ({
  model: 'asked',
  max_tokens: 9,
  stream: true,
  messages: [{ role: 'user', content: 'q' }],
  ...rest,
})
const data = (...events: readonly object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const DONE = 'data: [DONE]\n\n'

let test: TestKernel | undefined
afterEach(async () => {
  await test?.dispose()
  test = undefined
})

/** A kernel whose client speaks the canonical dialect and whose provider speaks this one, unless `more` says else. */
async function start(upstream: TestUpstream, more: Partial<TestKernelOptions> = {}): Promise<TestKernel> {
  const { plugins = [], ...options } = more
  const base = { providers: [{}], upstream, ...options }
  test = await createTestKernel({ ...base, plugins: [anthropic, plugin, routeTo('test'), ...plugins] })
  return test
}

interface Frame {
  readonly name: string
  readonly event: CanonicalEvent
}

/** Every frame has its type twice and ends in a blank line: clients dispatch on the first. */
function framesOf(text: string): readonly Frame[] {
  expect(text === '' || text.endsWith('\n\n')).toBe(true)
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((frame) => {
      const [, name, body] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? []
      if (name === undefined) throw new Error(`not a frame: ${frame}`)
      const event = JSON.parse(body!) as CanonicalEvent
      expect(event.type).toBe(name)
      return { name, event }
    })
}

const namesOf = (text: string): readonly string[] => framesOf(text).map(({ name }) => name)

describe('requests', () => {
  const redacted = { type: 'redacted_thinking', data: 'opaque' }
  const history = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: [redacted, { type: 'text', text: 'a' }] },
    { role: 'user', content: 'q' },
  ]

  it.each([
    ['openai', false],
    ['anthropic', true],
  ])('rule 54: redacted thinking to a target of dialect %s: %s', async (dialect, sent) => {
    const bodies: string[] = []
    const upstream: TestUpstream = ({ body }) => {
      bodies.push(String(body))
      return json({ error: { message: 'enough' } }, 400)
    }
    await (await start(upstream, { providers: [{ dialect }] })).request({ body: request({ messages: history }) })
    expect(bodies).toHaveLength(1)
    expect(bodies[0]!.includes(JSON.stringify(redacted))).toBe(sent)
  })

  it('rule 59: the user reaches a target of the other protocol, from a client of this one too', async () => {
    const bodies: CanonicalRequest[] = []
    const upstream: TestUpstream = ({ body }) => {
      bodies.push(JSON.parse(String(body)) as CanonicalRequest)
      return json({ type: 'error', error: { message: 'enough' } }, 400)
    }
    const kernel = await start(upstream, { providers: [{ dialect: 'anthropic' }] })
    const messages = [{ role: 'user', content: 'q' }]
    await kernel.request({ path: '/v1/chat/completions', body: { model: 'm', user: 'u', max_tokens: 9, messages } })
    await kernel.request({ body: request({ metadata: { user_id: 'u' } }) })
    expect(bodies.map(({ metadata }) => metadata?.user_id)).toEqual(['u', 'u'])
    expect(bodies[0]).not.toHaveProperty('extra')
  })
})

describe('answers', () => {
  it('rule 77: an error with status 200 is an error, not a message', async () => {
    const kernel = await start(() => json({ error: { message: 'slow down', code: 429 } }))
    const reply = await kernel.request({ body: request({ stream: false }) })
    expect(reply.status).toBe(429)
    expect(reply.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } })
  })

  it('rule 81, rule 82: any script comes out as named frames, message_start first and once, one end last', async () => {
    const delta = fc.constantFrom<object>(
      {},
      { content: 'a' },
      { content: '' },
      { reasoning_content: 'r' },
      { tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{}' } }] },
      { tool_calls: [{ index: 1, id: 'y', function: { name: 'g', arguments: '{"a"' } }] },
      { annotations: [{ url_citation: { url: 'https://e.org' } }] },
    )
    const finish = fc.constantFrom<string | null>(null, null, null, 'stop', 'length', 'tool_calls', 'error')
    const event = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(delta, finish).map(([one, reason]) => chunk(one, reason)) },
      { weight: 1, arbitrary: fc.constantFrom<object>({ choices: [] }, { usage: null }, { error: { message: 'm' } }) },
    )
    let body = ''
    const kernel = await start(() => sse(body))
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 8 }), fc.boolean(), async (events, done) => {
        body = data(...events) + (done ? DONE : '')
        const reply = await kernel.request({ body: request() })
        if (reply.status !== 200) return void expect(reply.json()).toMatchObject({ type: 'error' })
        const names = namesOf(reply.text)
        expect(names[0]).toBe('message_start')
        expect(names.filter((name) => name === 'message_start')).toHaveLength(1)
        expect(['message_stop', 'error']).toContain(names.at(-1))
        expect(names.filter((name) => name === 'message_stop' || name === 'error')).toHaveLength(1)
      }),
      { numRuns: Math.ceil(RUNS * 0.3) },
    )
  })

  const half = data(chunk({ content: 'half' }))
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

  it.each<readonly [string, ReturnType<TestUpstream>, string]>([
    ['rule 101: the end without a finish reason', sse(half), 'api_error'],
    [
      'rule 101: the end in the middle of arguments',
      sse(data(chunk({ tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{"a":' } }] }))),
      'api_error',
    ],
    ['rule 102: a broken connection', { ...sse([half]), failure: reset }, 'api_error'],
    [
      'rule 103: a reported error, after which nothing counts',
      sse(half + data({ error: { message: 'm', code: 529 } }, chunk({ content: 'more' }, 'stop')) + DONE),
      'overloaded_error',
    ],
  ])('%s ends the stream in one error and never in success', async (_rule, answer, type) => {
    const reply = await (await start(() => answer)).request({ body: request() })
    const frames = framesOf(reply.text)
    expect(reply.cut).toBe(false)
    const message = expect.stringMatching(/./) as string
    expect(frames.at(-1)?.event).toMatchObject({ type: 'error', error: { type, message } })
    const names = frames.map(({ name }) => name)
    expect(names.filter((name) => name === 'error')).toHaveLength(1)
    expect(names).not.toContain('message_delta')
    expect(names).not.toContain('message_stop')
    expect(reply.text).not.toContain('more')
  })

  it.each<readonly [string, string, number]>([
    ['rule 104: an error as the first chunk', data({ error: { message: 'slow down', code: 429 } }), 429],
    ['rule 105: [DONE] alone', DONE, 502],
    ['rule 105: nothing at all', '', 502],
  ])('%s is an HTTP error, as nothing was sent yet', async (_rule, body, status) => {
    const reply = await (await start(() => sse(body))).request({ body: request() })
    expect(reply.status).toBe(status)
    expect(reply.json()).toMatchObject({ type: 'error', error: { message: expect.stringMatching(/./) as string } })
  })

  it('rule 104, rule 111: while the upstream is silent the client gets pings, then the error as a frame', async () => {
    let seen = (): void => undefined
    const pinged = new Promise<void>((resolve) => void (seen = resolve))
    async function* late(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(': waiting\n\n')
      await pinged
      yield Buffer.from(data({ error: { message: 'gave up' } }))
    }
    const kernel = await start(() => sse(late()), { settings: { timeouts: { keepAlive: 10, ping: 10 } } })
    const onChunk = (text: string): void => {
      if (text.includes('event: ping')) seen()
    }
    const reply = await kernel.request({ body: request(), onChunk })
    const names = namesOf(reply.text)
    expect(reply.status).toBe(200)
    expect(new Set(names.slice(0, -1))).toEqual(new Set(['ping']))
    expect(names.at(-1)).toBe('error')
  })

  it('rule 115: a client that takes nothing holds up the upstream', async () => {
    const total = 200
    let read = 0
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (; read < total; read++) yield await Promise.resolve(Buffer.from(data(chunk({ content: `${read} ` }))))
      yield Buffer.from(data(chunk({}, 'stop')) + DONE)
    }
    let stalledAt: number | undefined
    let meanwhile = 0
    const kernel = await start(() => sse(pieces()))
    const onChunk = (): Promise<void> | undefined => {
      if (stalledAt !== undefined) return undefined
      stalledAt = read
      // Many turns of the loop, in which an unbounded reader would have read everything.
      return manyTurns(total * 10).then(() => void (meanwhile = read - stalledAt!))
    }
    const reply = await kernel.request({ body: request(), onChunk })
    expect(stalledAt).toBeLessThan(5)
    expect(meanwhile).toBeLessThan(3)
    expect(read).toBe(total)
    expect(namesOf(reply.text).at(-1)).toBe('message_stop')
  })

  it('rule 116: a finish reason in a chunk without a delta survives transforms on the way', async () => {
    const through = definePlugin({
      name: 'through',
      apiVersion: 1,
      description: 'Hands every event on.',
      options: Type.Object({}, { additionalProperties: false }),
      activate(ctx) {
        ctx.on('transformStream', (stream) => {
          stream.pipe('wire', { chunk: (event: unknown, emit) => emit(event) })
          stream.pipe('canonical', { chunk: (event, emit) => emit(event) })
        })
      },
    })
    const answer = sse(data(chunk({ content: 'a' }), chunk({}, 'length')) + DONE)
    const reply = await (await start(() => answer, { plugins: [through] })).request({ body: request() })
    const end = framesOf(reply.text).find(({ name }) => name === 'message_delta')
    expect(end?.event).toMatchObject({ delta: { stop_reason: 'max_tokens' } })
  })
})

async function manyTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => void setImmediate(resolve))
}
