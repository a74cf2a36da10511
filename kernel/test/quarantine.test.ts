import { createTestKernel, type TestKernel, type TestKernelOptions } from '@ccr/sdk/testing'
import { CcrError, definePlugin, Type, type CanonicalRequest, type PluginContext } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { answerEvents, echo, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const request = { path: '/plain', body: hello }

/** What is done at each call: `ok`, or how it fails. */
type Behaviour = 'ok' | 'throws' | 'hangs' | 'wrong'

function acting(behaviour: () => Behaviour, calls: string[] = []) {
  return plugin('acting', (ctx: PluginContext) => {
    ctx.on(
      'selectRoute',
      () => {
        const now = behaviour()
        calls.push(now)
        if (now === 'throws') throw new Error('boom')
        if (now === 'hangs') return new Promise<undefined>(() => undefined)
        return now === 'wrong' ? ('nonsense' as never) : undefined
      },
      { stage: 'refine', timeoutMs: 5 },
    )
  })
}

const setUp = (options: Partial<TestKernelOptions>) =>
  createTestKernel({ ...options, plugins: [plainDialect, echo, ...(options.plugins ?? [])] })

async function times(kernel: TestKernel, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) expect((await kernel.request(request)).status).toBe(200)
}

const health = (kernel: TestKernel, plugin: string) =>
  kernel.kernel.current!.instances.find(({ entry }) => entry.plugin.name === plugin)!.health

const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(condition()).toBe(true)
}

describe('a plugin', () => {
  it.each<Behaviour>(['throws', 'hangs', 'wrong'])('that %s five times is not called again', async (behaviour) => {
    const calls: string[] = []
    const kernel = await setUp({ plugins: [acting(() => behaviour, calls)] })
    await times(kernel, 8)
    expect(calls).toHaveLength(5)
    expect(health(kernel, 'acting').quarantine).toMatchObject({ hook: 'selectRoute' })
    expect(kernel.warnings.filter((warning) => warning.includes('quarantined'))).toHaveLength(1)
    const { calls: called, errors, timeouts } = health(kernel, 'acting').use.get('selectRoute')!
    expect({ called, errors, timeouts }).toEqual({
      called: 5,
      errors: behaviour === 'hangs' ? 0 : 5,
      timeouts: behaviour === 'hangs' ? 5 : 0,
    })
    await kernel.dispose()
  })

  it('that says what is wrong with a target has not failed; the target has', async () => {
    const saying = plugin('acting', (ctx: PluginContext) => {
      ctx.on('transformRequest', () => {
        throw new CcrError('CCR_UPSTREAM_ACCESS', 'nobody has logged in; log in')
      })
    })
    const kernel = await setUp({ plugins: [saying] })
    for (let turn = 0; turn < 8; turn++) {
      const { status, text, headers } = await kernel.request(request)
      expect([status, headers['x-should-retry']]).toEqual([502, 'false'])
      expect(text).toMatch(/provider '[^']+' \(model '[^']+'\): nobody has logged in; log in/)
    }
    expect(kernel.warnings).toEqual([])
    expect(health(kernel, 'acting').quarantine).toBeUndefined()
    expect(kernel.usage.at(-1)!.attempts).toMatchObject([{ outcome: 'failure', code: 'CCR_UPSTREAM_ACCESS' }])
    await kernel.dispose()
  })

  it('that says so where there is no attempt has failed', async () => {
    const saying = plugin('acting', (ctx: PluginContext) => {
      ctx.on('onRequest', () => {
        throw new CcrError('CCR_UPSTREAM_ACCESS', 'nobody has logged in; log in')
      })
    })
    const kernel = await setUp({ plugins: [saying] })
    for (let turn = 0; turn < 5; turn++) expect((await kernel.request(request)).status).toBe(500)
    expect(health(kernel, 'acting').quarantine).toMatchObject({ hook: 'onRequest' })
    await kernel.dispose()
  })

  it.each([
    ['onRequest', 'fail'],
    ['selectRoute', 'skip'],
    ['transformRequest', 'fail'],
  ] as const)('that fails in %s with a malformed request has not failed', async (hook, policy) => {
    const reader = plugin('acting', (ctx: PluginContext) => {
      const read = ({ messages }: CanonicalRequest): void => {
        for (const { content } of messages) if (typeof content !== 'string') content.map((block) => block.type)
      }
      if (hook === 'onRequest') ctx.on(hook, read)
      else if (hook === 'selectRoute') ctx.on(hook, (_, { request }) => read(request))
      else ctx.on(hook, async (_, { exchange }) => read(exchange.request))
    })
    const kernel = await setUp({ plugins: [reader] })
    for (let turn = 0; turn < 8; turn++) {
      const body = { ...hello, messages: [{ role: 'user', content: [null] }] }
      const { status, text } = await kernel.request({ path: '/plain', body })
      expect(status).toBe(policy === 'fail' ? 400 : 200)
      if (policy === 'fail') expect(text).toContain('/messages/0/content/0')
    }
    expect(kernel.warnings).toEqual([])
    expect(health(kernel, 'acting').quarantine).toBeUndefined()
    await times(kernel, 1)
    await kernel.dispose()
  })

  it('whose failures lie further apart is still called', async () => {
    const calls: string[] = []
    const kernel = await setUp({
      plugins: [acting(() => 'throws', calls)],
      settings: { timeouts: { quarantine: 1 } },
    })
    for (let turn = 0; turn < 12; turn++) {
      await times(kernel, 1)
      const at = performance.now()
      while (performance.now() - at < 2) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(calls).toHaveLength(12)
    await kernel.dispose()
  })

  it('that passes targets over, or finds a request invalid, has not failed', async () => {
    const picky = plugin('acting', (ctx) =>
      ctx.on('transformRequest', () => {
        throw Object.assign(new Error('not this one'), { name: 'SkipTarget' })
      }),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, picky, routeTo('test', 'test')],
      providers: [{ dialect: 'plain' }],
    })
    for (let turn = 0; turn < 8; turn++) await kernel.request(request)
    // Only the last resort, where passing over is an error, ends in a failure of the exchange, not of the plugin.
    expect(health(kernel, 'acting').quarantine).toBeUndefined()
    await kernel.dispose()
  })

  it.each(['onRequest', 'transformStream'] as const)(
    'of which an exchange depends fails at once (%s)',
    async (hook) => {
      const calls: string[] = []
      const guard = plugin('guard', (ctx) =>
        ctx.on(hook, () => {
          calls.push('call')
          throw new Error('boom')
        }),
      )
      const kernel = await setUp({ plugins: [guard] })
      const replies = []
      for (let turn = 0; turn < 7; turn++) replies.push(await kernel.request(request))
      expect(replies.map(({ status }) => status)).toEqual(Array(7).fill(500))
      expect(replies[6]!.text).toContain("plugin 'guard' is quarantined")
      expect(calls).toHaveLength(5)
      await kernel.dispose()
    },
  )

  it('is called again after a change of its code or options', async () => {
    const kernel = await setUp({ plugins: [acting(() => 'throws')] })
    await times(kernel, 6)
    expect(health(kernel, 'acting').quarantine).toBeDefined()
    const calls: string[] = []
    await kernel.reload([plainDialect, echo, acting(() => 'ok', calls)])
    await times(kernel, 2)
    expect(calls).toEqual(['ok', 'ok'])
    expect(health(kernel, 'acting').quarantine).toBeUndefined()
    await kernel.dispose()
  })

  it('that only watches streams and throws is told of once a stream, and costs nobody an answer', async () => {
    const watching = plugin('watching', (ctx) =>
      ctx.on('transformStream', (stream) =>
        stream.observe(['content_block_delta'], () => {
          throw new Error('boom')
        }),
      ),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, watching, routeTo('test')],
      providers: [{ dialect: 'plain' }],
      upstream: () => ({
        headers: { 'content-type': 'application/jsonl' },
        body: Buffer.from(lines(answerEvents('one two three four')).join('')),
      }),
    })
    await times(kernel, 7)
    expect(kernel.warnings).toHaveLength(7)
    await kernel.dispose()
  })

  it('that breaks streams is taken out too', async () => {
    const breaking = plugin('breaking', (ctx) =>
      ctx.on(
        'transformStream',
        (stream) =>
          stream.pipe('canonical', {
            chunk() {
              throw new Error('boom')
            },
          }),
        { onFailure: 'skip' },
      ),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, breaking, routeTo('test')],
      providers: [{ dialect: 'plain' }],
      upstream: () => ({
        headers: { 'content-type': 'application/jsonl' },
        body: Buffer.from(lines(answerEvents('hi')).join('')),
      }),
    })
    const statuses = []
    for (let turn = 0; turn < 7; turn++) statuses.push((await kernel.request(request)).status)
    expect(statuses).toEqual([500, 500, 500, 500, 500, 200, 200])
    await kernel.dispose()
  })
})

describe('a change', () => {
  const sized = (calls: number[]) =>
    definePlugin({
      name: 'acting',
      apiVersion: 1,
      description: 'for a test',
      options: Type.Object({ size: Type.Integer({ default: 1 }) }, { additionalProperties: false }),
      activate(ctx) {
        ctx.on(
          'selectRoute',
          () => {
            calls.push(ctx.options.size)
            if (ctx.options.size > 1) throw new Error('too big')
          },
          { stage: 'refine' },
        )
      },
    })

  it('after which the first three calls of a plugin fail is taken back, code and options', async () => {
    const old: string[] = []
    const bad: string[] = []
    const kernel = await setUp({ plugins: [acting(() => 'ok', old)] })
    await times(kernel, 1)
    await kernel.reload([plainDialect, echo, acting(() => 'throws', bad)])
    await times(kernel, 3)
    await until(() => kernel.kernel.current!.id === 3)
    await times(kernel, 2)
    expect({ old, bad }).toEqual({ old: ['ok', 'ok', 'ok'], bad: ['throws', 'throws', 'throws'] })
    expect(kernel.reverted).toMatchObject([{ entry: 'acting', profile: 'default', hook: 'selectRoute' }])
    await kernel.dispose()
  })

  it('of options is taken back too, and stays so until it changes again', async () => {
    const calls: number[] = []
    const it = sized(calls)
    const kernel = await setUp({ plugins: [[it, { size: 1 }]] })
    await kernel.reload([plainDialect, echo, [it, { size: 2 }]])
    await times(kernel, 3)
    await until(() => kernel.kernel.current!.id === 3)
    await times(kernel, 1)
    await kernel.reload([plainDialect, echo, plugin('other', () => undefined), [it, { size: 2 }]])
    await times(kernel, 1)
    expect(calls).toEqual([2, 2, 2, 1, 1])
    await kernel.reload([plainDialect, echo, [it, { size: 0 }]])
    await times(kernel, 1)
    expect(calls.at(-1)).toBe(0)
    expect(kernel.reverted).toEqual([])
    await kernel.dispose()
  })

  it('that is older is not taken back', async () => {
    const bad: string[] = []
    const kernel = await setUp({ plugins: [acting(() => 'ok')], settings: { timeouts: { probation: 1 } } })
    await kernel.reload([plainDialect, echo, acting(() => 'throws', bad)])
    const at = performance.now()
    while (performance.now() - at < 2) await new Promise((resolve) => setImmediate(resolve))
    await times(kernel, 5)
    expect(bad).toHaveLength(3)
    expect(kernel.kernel.current!.id).toBe(2)
    expect(kernel.reverted).toEqual([])
    await kernel.dispose()
  })

  it('that is taken back leaves another one in place that was being built meanwhile', async () => {
    let finish!: () => void
    const building = new Promise<void>((resolve) => (finish = resolve))
    const bad = acting(() => 'throws')
    const slow = plugin('slow', () => building)
    const kernel = await setUp({ plugins: [acting(() => 'ok')] })
    await kernel.reload([plainDialect, echo, bad])
    const change = kernel.reload([plainDialect, echo, bad, slow])
    await times(kernel, 3)
    finish()
    await change
    await until(() => kernel.kernel.current!.id === 4)
    expect(kernel.kernel.current!.instances.map(({ entry }) => entry.id)).toContain('slow')
    expect(health(kernel, 'acting').quarantine).toBeUndefined()
    await kernel.dispose()
  })

  it('that cannot be taken back is not in the way of others', async () => {
    const options = Type.Object({ size: Type.Integer() }, { additionalProperties: false })
    const base = { name: 'acting', apiVersion: 1, description: 'for a test', options } as const
    let possible = true
    const first = definePlugin({
      ...base,
      activate: () => {
        if (!possible) throw new Error('no more')
      },
    })
    const second = definePlugin({
      ...base,
      activate: (ctx) =>
        ctx.on('selectRoute', () => {
          throw new Error('boom')
        }),
    })
    const kernel = await setUp({ plugins: [[first, { size: 1 }]] })
    possible = false
    await kernel.reload([plainDialect, [second, { size: 2 }], echo])
    await times(kernel, 3)
    await until(() => kernel.warnings.includes('a change could not be taken back'))
    await kernel.reload([plainDialect, [second, { size: 2 }], echo, plugin('other', () => undefined)])
    expect(health(kernel, 'acting').quarantine).toBeDefined()
    expect(kernel.reverted).toEqual([])
    await kernel.dispose()
  })

  it('that was taken back to code which fails as well ends in quarantine, and says no more than that', async () => {
    let behaviour: Behaviour = 'ok'
    const kernel = await setUp({ plugins: [acting(() => behaviour)] })
    await times(kernel, 1)
    behaviour = 'throws'
    await kernel.reload([plainDialect, echo, acting(() => behaviour)])
    await times(kernel, 3)
    await until(() => kernel.kernel.current!.id === 3)
    await times(kernel, 3)
    expect(health(kernel, 'acting').quarantine).toBeDefined()
    expect(kernel.warnings.filter((warning) => warning.includes('gets its previous'))).toHaveLength(1)
    await kernel.dispose()
  })

  it('is taken back once, however many calls fail at the same moment', async () => {
    let fail!: () => void
    const failing = new Promise<void>((resolve) => (fail = resolve))
    const late = plugin('acting', (ctx) => {
      const handler = async (): Promise<undefined> => {
        await failing
        throw new Error('boom')
      }
      ctx.on('selectRoute', handler, { stage: 'refine' })
    })
    const kernel = await setUp({ plugins: [acting(() => 'ok')] })
    await kernel.reload([plainDialect, echo, late])
    const replies = Array.from({ length: 20 }, () => kernel.request(request))
    await new Promise((resolve) => setImmediate(resolve))
    fail()
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(20).fill(200))
    await until(() => kernel.kernel.current!.id === 3)
    expect(kernel.warnings.filter((warning) => warning.includes('quarantined'))).toHaveLength(1)
    expect(kernel.reverted).toHaveLength(1)
    await kernel.dispose()
  })
})
