import { type CanonicalEvent, CcrError, type ErrorCode, type HookName, type StreamTransform } from '@ccr/sdk'
import { createTestKernel, type TestAnswer, type TestUpstream } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

/** What a bad handler does. Each must end as its hook's failure policy says, naming plugin and hook. */
const BEHAVIOURS: Readonly<Record<string, { act: () => unknown; says: RegExp }>> = {
  'throws at once': {
    act: () => {
      throw new Error('boom')
    },
    says: /plugin 'bad' failed in/,
  },
  'throws late': {
    act: () =>
      Promise.resolve().then(() => {
        throw new Error('boom')
      }),
    says: /plugin 'bad' failed in/,
  },
  'gives a number instead of a promise or a result': {
    act: () => 42,
    says: /plugin 'bad' gave .* a result it cannot use/,
  },
  'gives a wrong shape': { act: () => ({ nonsense: true }), says: /plugin 'bad' gave .* a result it cannot use/ },
  'gives null': { act: () => null, says: /plugin 'bad' gave .* a result it cannot use/ },
  'never settles': { act: () => new Promise(() => undefined), says: /plugin 'bad' did not finish/ },
}

const ok: TestUpstream = (): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body: lines(answerEvents('fine')),
})
const down: TestUpstream = (): TestAnswer => ({ status: 500, body: '{"error":{"message":"down"}}' })

const HOOKS: readonly { hook: HookName; policy: 'fail' | 'skip'; upstream: TestUpstream; skipped: number }[] = [
  { hook: 'onRequest', policy: 'fail', upstream: ok, skipped: 0 },
  { hook: 'selectRoute', policy: 'skip', upstream: ok, skipped: 200 },
  { hook: 'transformRequest', policy: 'fail', upstream: ok, skipped: 0 },
  { hook: 'transformStream', policy: 'fail', upstream: ok, skipped: 0 },
  { hook: 'onError', policy: 'skip', upstream: down, skipped: 502 },
]

const breakWith = (code: ErrorCode) => (): never => {
  throw new CcrError(code, 'odd')
}

describe('a handler that misbehaves', () => {
  for (const { hook, policy, upstream, skipped } of HOOKS) {
    for (const [behaviour, { act, says }] of Object.entries(BEHAVIOURS)) {
      it(`${hook} that ${behaviour} ends as '${policy}' says`, async () => {
        // Placed before a well-behaved tap, so that it is not the first one that fails: tapable hangs on those.
        const first = plugin('first', (ctx) => void ctx.on('onRequest', async () => undefined))
        const bad = plugin('bad', (ctx) => ctx.on(hook, act as never, { timeoutMs: 30 } as never))
        const kernel = await createTestKernel({
          plugins: [plainDialect, first, bad, routeTo('test')],
          providers: [{ dialect: 'plain' }],
          upstream,
        })
        const reply = await kernel.request({ path: '/plain', body: hello })
        // A stream is set up at once: a promise, settled or not, is already a wrong result there.
        const expected =
          hook === 'transformStream' && behaviour !== 'throws at once' ? /plugin 'bad' gave .* a result/ : says
        if (policy === 'fail') {
          expect(reply.status).toBe(500)
          expect(reply.json()).toMatchObject({
            type: 'error',
            error: { type: 'api_error', message: expect.stringMatching(expected) },
          })
          expect(reply.text).toContain(hook)
        } else {
          expect(reply.status).toBe(skipped)
          expect(kernel.warnings.join('\n')).toMatch(expected)
          expect(kernel.warnings.join('\n')).toContain(hook)
        }
        expect(kernel.usage).toHaveLength(1)
        await kernel.dispose()
      })
    }
  }

  for (const [behaviour, { act }] of Object.entries(BEHAVIOURS)) {
    it(`onUsage that ${behaviour} changes nothing for the client`, async () => {
      const bad = plugin('bad', (ctx) => {
        ctx.on('onUsage', act as never, { timeoutMs: 30 })
        ctx.on('onUsage', act as never, { timeoutMs: 30, durable: true })
      })
      const kernel = await createTestKernel({
        plugins: [plainDialect, bad, routeTo('test')],
        providers: [{ dialect: 'plain' }],
        upstream: ok,
      })
      const reply = await kernel.request({ path: '/plain', body: hello })
      expect(reply.status).toBe(200)
      expect(kernel.kernel.current!.leases).toBe(0)
      await kernel.dispose()
    })
  }

  const target = { provider: 'test', model: 'm' }
  for (const [fault, part] of Object.entries({
    'passed nothing over': { passedOver: [null] },
    'passed over without a reason': { passedOver: [{ rule: 'Router.think' }] },
    'passed over by a rule without a name': { passedOver: [{ rule: 1, reason: 'small' }] },
    'passed over half a target': { passedOver: [{ reason: 'gone', target: { provider: 'test' } }] },
    'was decided by a symbol': { decidedBy: Symbol('me') },
    'has an object as its rule': { rule: { name: 'mine' } },
    'has a number as its scenario': { scenario: 1 },
    'has a list as its family': { family: ['opus'] },
    'has half a primary target': { primary: { model: 'm' } },
    'has a request without a model': { request: { messages: [] } },
  })) {
    it(`a plan that ${fault} is not taken`, async () => {
      const bad = plugin('bad', (ctx) =>
        ctx.on('selectRoute', (plan) => ({ ...plan, targets: [target], ...part }) as never, { stage: 'refine' }),
      )
      const kernel = await createTestKernel({
        plugins: [plainDialect, bad, routeTo('test')],
        providers: [{ dialect: 'plain' }],
        upstream: ok,
      })
      const reply = await kernel.request({ path: '/plain', body: hello })
      expect(kernel.warnings.join('\n')).toMatch(/plugin 'bad' gave selectRoute a result it cannot use: its /)
      expect(reply.status).toBe(200)
      await kernel.dispose()
    })
  }

  it('a stream transform that throws, or never settles, ends the stream naming its plugin', async () => {
    for (const chunk of [
      () => {
        throw new Error('boom')
      },
      async () => {
        throw new Error('late')
      },
    ]) {
      const bad = plugin('bad', (ctx) => ctx.on('transformStream', (stream) => stream.pipe('canonical', { chunk })))
      const kernel = await createTestKernel({
        plugins: [plainDialect, bad, routeTo('test')],
        providers: [{ dialect: 'plain' }],
        upstream: ok,
      })
      const reply = await kernel.request({ path: '/plain', body: { ...hello, stream: true } })
      expect(reply.status).toBe(500)
      expect(reply.text).toContain("plugin 'bad' failed in transformStream")
      await kernel.dispose()
    }
  })

  it.each<[string, TestUpstream]>([
    ['a stream', ok],
    ['a whole answer', () => ({ body: JSON.stringify(answerEvents('fine')) })],
  ])(
    'a stream transform may wait at any event of %s and hold back to its end; observers see their types',
    async (_, upstream) => {
      const seen: string[] = []
      const patient = plugin('patient', (ctx) =>
        ctx.on('transformStream', (stream) => {
          const held: CanonicalEvent[] = []
          stream.pipe('canonical', {
            chunk: async (event, emit) => {
              await Promise.resolve()
              if (event.type.startsWith('message_') && event.type !== 'message_start') held.push(event)
              else emit(event)
            },
            flush: async (emit) => {
              await Promise.resolve()
              held.forEach(emit)
            },
          })
          stream.observe(['message_start', 'message_stop'], ({ type }) => seen.push(type))
        }),
      )
      const kernel = await createTestKernel({
        plugins: [plainDialect, patient, routeTo('test')],
        providers: [{ dialect: 'plain' }],
        upstream,
      })
      const reply = await kernel.request({ path: '/plain', body: hello })
      expect(reply.json()).toMatchObject({ content: [{ type: 'text', text: 'fine' }], stop_reason: 'end_turn' })
      expect(seen).toEqual(['message_start', 'message_stop'])
      await kernel.dispose()
    },
  )

  it.each<[string, StreamTransform<CanonicalEvent>['chunk'], number, string]>([
    ['breaks with a code of its own', breakWith('CCR_REQUEST_INVALID'), 500, "'bad' failed in transformStream: odd"],
    ['finds the stream broken', breakWith('CCR_STREAM_INVALID'), 502, "provider 'test' (model 'model'): odd"],
    ['gives no event', (_, emit) => emit({} as never), 500, "'bad' gave transformStream a result it cannot use"],
  ])('a stream transform that %s is told so', async (_name, chunk, status, says) => {
    const bad = plugin('bad', (ctx) => ctx.on('transformStream', (stream) => stream.pipe('canonical', { chunk })))
    const kernel = await createTestKernel({
      plugins: [plainDialect, bad, routeTo('test')],
      providers: [{ dialect: 'plain' }],
      upstream: ok,
    })
    const reply = await kernel.request({ path: '/plain', body: hello })
    expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(says)])
    await kernel.dispose()
  })

  it('a stream transform that is declared to detach lets the events pass it by', async () => {
    const bad = plugin('bad', (ctx) =>
      ctx.on('transformStream', (stream) =>
        stream.pipe(
          'canonical',
          {
            chunk: () => {
              throw new Error('boom')
            },
          },
          { onFailure: 'detach' },
        ),
      ),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, bad, routeTo('test')],
      providers: [{ dialect: 'plain' }],
      upstream: ok,
    })
    const reply = await kernel.request({ path: '/plain', body: hello })
    expect(reply.status).toBe(200)
    expect(reply.json()).toMatchObject({ content: [{ type: 'text', text: 'fine' }] })
    await kernel.dispose()
  })

  it('a mutated frozen request fails the handler that mutated it', async () => {
    const bad = plugin('bad', (ctx) =>
      ctx.on('onRequest', (request) => void ((request as { model: string }).model = 'mine')),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, bad, routeTo('test')],
      providers: [{ dialect: 'plain' }],
      upstream: ok,
    })
    const reply = await kernel.request({ path: '/plain', body: hello })
    expect(reply.status).toBe(500)
    expect(reply.text).toContain("plugin 'bad' failed in onRequest")
    await kernel.dispose()
  })
})
