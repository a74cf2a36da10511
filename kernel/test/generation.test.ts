import { createTestKernel, type TestKernel } from '@ccr/sdk/testing'
import { definePlugin, Type, type PluginContext } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { answerEvents, echo, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const request = { path: '/plain', body: hello }

/** A plugin that notes when it comes and goes. */
function noted(name: string, notes: string[], more: (ctx: PluginContext) => void = () => undefined) {
  return plugin(name, (ctx) => {
    notes.push(`+${name}`)
    ctx.effect(() => void notes.push(`-${name}`))
    more(ctx)
  })
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 1000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(condition()).toBe(true)
}

describe('a generation', () => {
  it('shares what did not change, activates what did, and disposes the rest after its last exchange', async () => {
    const notes: string[] = []
    let finish!: () => void
    const running = new Promise<void>((resolve) => (finish = resolve))
    const kept = noted('kept', notes)
    const slow = noted('slow', notes, (ctx) => ctx.on('onRequest', () => running))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, kept, slow] })
    const inFlight = kernel.request(request)
    await kernel.reload([plainDialect, echo, kept])
    expect(notes).toEqual(['+kept', '+slow'])
    expect((await kernel.request(request)).status).toBe(200)
    expect(kernel.kernel.draining.map(({ id, leases }) => ({ id, leases }))).toEqual([{ id: 1, leases: 1 }])
    finish()
    expect((await inFlight).status).toBe(200)
    await until(() => notes.includes('-slow'))
    expect(notes).toEqual(['+kept', '+slow', '-slow'])
    await kernel.dispose()
    expect(notes.at(-1)).toBe('-kept')
  })

  it('disposes its plugins in the reverse of the order in which they were activated', async () => {
    const notes: string[] = []
    const three = ['a', 'b', 'c'].map((name) => noted(name, notes))
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, ...three] })
    await kernel.dispose()
    expect(notes).toEqual(['+a', '+b', '+c', '-c', '-b', '-a'])
  })

  it('activates anew what has other options', async () => {
    const seen: number[] = []
    const sized = definePlugin({
      name: 'sized',
      apiVersion: 1,
      description: 'for a test',
      options: Type.Object({ size: Type.Integer({ default: 1, minimum: 1 }) }, { additionalProperties: false }),
      activate: (ctx) => void seen.push(ctx.options.size),
    })
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, sized] })
    await kernel.reload([plainDialect, echo, [sized, { size: 1 }]])
    await kernel.reload([plainDialect, echo, [sized, { size: 2 }]])
    expect(seen).toEqual([1, 2])
    await kernel.dispose()
  })

  it('is fixed once it is built: nothing can be registered later', async () => {
    let late!: PluginContext
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, plugin('late', (ctx) => void (late = ctx))] })
    const kinds: readonly (readonly [string, () => void])[] = [
      ['a handler of onRequest', () => late.on('onRequest', () => undefined)],
      [
        'the endpoint /late',
        () => late.endpoint({ method: 'GET', path: '/late', access: 'data', respond: () => ({ status: 204 }) }),
      ],
      ['work to start', () => late.whileLive(() => () => undefined)],
      ['the dialect spoken-later', () => late.dialect({ name: 'spoken-later' })],
    ]
    for (const [what, register] of kinds)
      expect(register).toThrow(`plugin 'late' registered ${what} after its activation`)
    await kernel.dispose()
  })

  const failing: Readonly<Record<string, [ReturnType<typeof plugin>, unknown, RegExp]>> = {
    'a throw in activate': [
      plugin('bad', () => {
        throw new Error('boom')
      }),
      {},
      /plugin 'bad'.*could not be activated: boom/,
    ],
    'an activate that never settles': [plugin('bad', () => new Promise(() => undefined)), {}, /took longer than 30 ms/],
    'bad options': [plugin('bad', () => undefined), { size: 1 }, /plugin 'bad'.*: \/size is not a known key/],
    'a second dialect of one name': [
      plugin('bad', (ctx) => ctx.dialect({ name: 'plain' })),
      {},
      /both register dialect 'plain'/,
    ],
    'another API version': [{ ...plugin('bad', () => undefined), apiVersion: 2 as never }, {}, /plugin API 2/],
    'a hook that does not exist': [
      plugin('bad', (ctx) => ctx.on('onNothing' as never, (() => undefined) as never)),
      {},
      /no hook 'onNothing'/,
    ],
    'a cycle': [
      plugin('bad', (ctx) => {
        ctx.on('onRequest', () => undefined, { before: ['half'], after: ['half'] })
      }),
      {},
      /cycle/,
    ],
    // Their order is only made for a target, when a request comes for it.
    'a cycle among transforms': [
      plugin('bad', (ctx) => {
        ctx.on('transformStream', () => undefined, { before: ['half'], after: ['half'] })
      }),
      {},
      /cycle/,
    ],
  }

  it.each(Object.entries(failing))(
    'is left as it was by a change with %s (128)',
    async (_name, [bad, options, message]) => {
      const notes: string[] = []
      const kernel = await createTestKernel({ plugins: [plainDialect, echo], settings: { timeouts: { activate: 30 } } })
      const half = noted('half', notes, (ctx) => {
        ctx.on('onRequest', () => undefined)
        ctx.on('transformStream', () => undefined)
      })
      await expect(kernel.reload([plainDialect, echo, half, [bad, options]])).rejects.toThrow(message)
      expect(notes).toEqual(['+half', '-half'])
      expect(kernel.kernel.current!.id).toBe(1)
      expect((await kernel.request(request)).status).toBe(200)
      await kernel.dispose()
    },
  )

  const misused: Readonly<Record<string, (ctx: PluginContext) => void>> = {
    'a hook that does not exist': (ctx) => ctx.on('onNothing' as never, (() => undefined) as never),
    'a service that is not declared': (ctx) => void ctx.get('tokens'),
    'a secret that is not declared': (ctx) => void ctx.secrets.get('TOKEN'),
  }

  it.each(Object.entries(misused))('names the line of a plugin that asks its context for %s', async (_, activate) => {
    const kernel = await createTestKernel({ plugins: [plainDialect, echo] })
    const bad = { plugin: plugin('bad', activate), paths: [import.meta.filename] }
    const line = /generation\.test\.ts:\d+:\d+$/
    const thrown = expect.objectContaining({ plugin: 'bad', at: expect.stringMatching(line) })
    await expect(kernel.reload([plainDialect, echo, bad])).rejects.toEqual(thrown)
    await kernel.dispose()
  })

  it('waits for older ones when too many of them still run, and then takes the newest', async () => {
    const finish: (() => void)[] = []
    const slow = plugin('slow', (ctx) =>
      ctx.on('onRequest', () => new Promise<void>((resolve) => finish.push(resolve))),
    )
    const kernel = await createTestKernel({
      plugins: [plainDialect, echo, slow],
      settings: { limits: { generations: 2 } },
    })
    const running: Promise<unknown>[] = []
    for (let turn = 0; turn < 3; turn++) {
      running.push(kernel.request(request))
      await until(() => finish.length === turn + 1)
      if (turn < 2) await kernel.reload([plainDialect, echo, slow])
    }
    let taken = false
    const waiting = kernel.reload([plainDialect, echo]).then(() => (taken = true))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(taken).toBe(false)
    expect(kernel.warnings).toEqual(['a change waits for exchanges of older generations'])
    finish[0]!()
    await waiting
    expect(kernel.kernel.current!.id).toBe(4)
    for (const go of finish) go()
    await Promise.all(running)
    await kernel.dispose()
  })

  it('makes everybody wait for whom there is no room, and nobody longer', async () => {
    let finish!: () => void
    const running = new Promise<void>((resolve) => (finish = resolve))
    const slow = plugin('slow', (ctx) => ctx.on('onRequest', () => running))
    const settings = { limits: { generations: 1 } }
    const kernel = await createTestKernel({ plugins: [plainDialect, echo, slow], settings })
    const inFlight = kernel.request(request)
    await kernel.reload([plainDialect, echo])
    const notes: string[] = []
    const waiting = [
      ...['first', 'second'].map((name) => kernel.kernel.room().then(() => void notes.push(name))),
      kernel.reload([plainDialect, echo, slow]).then(() => void notes.push('change')),
    ]
    await new Promise((resolve) => setImmediate(resolve))
    expect(notes).toEqual([])
    finish()
    await Promise.all([inFlight, ...waiting])
    expect(notes).toEqual(['first', 'second', 'change'])
    await kernel.dispose()
  })

  it('refuses a context that is used after its disposal', async () => {
    let leaked!: PluginContext
    const kernel: TestKernel = await createTestKernel({
      plugins: [plainDialect, echo, plugin('leaky', (ctx) => void (leaked = ctx))],
    })
    await kernel.reload([plainDialect, echo])
    await until(() => leaked.signal.aborted)
    const late: readonly (() => unknown)[] = [
      () => leaked.on('onUsage', () => undefined),
      () => leaked.effect(() => undefined),
      () => leaked.whileLive(() => () => undefined),
      () => leaked.state('key', 1, () => 1),
      () => leaked.exchangeStream(hello as never, {} as never),
      () => leaked.exchange(hello as never, {} as never),
    ]
    for (const act of late) await expect((async () => act())()).rejects.toThrow(/after it was disposed/)
    await kernel.dispose()
  })

  it('does without an optional plugin that fails, and takes nothing else away', async () => {
    const notes: string[] = []
    const bad = (where: string) =>
      plugin(`bad-${where}`, (ctx) => {
        ctx.effect(() => void notes.push(`-${where}`))
        throw new Error('boom')
      })
    const first = noted('first', notes)
    const kernel = await createTestKernel({
      plugins: [plainDialect, echo, first, { plugin: bad('here'), optional: true }, noted('last', notes)],
    })
    expect(notes).toEqual(['+first', '-here', '+last'])
    expect(kernel.kernel.current!.failures).toMatchObject([{ subject: 'bad-here', code: 'CCR_PLUGIN_ACTIVATE' }])
    await kernel.dispose()
    expect(notes.slice(3)).toEqual(['-last', '-first'])
  })

  it('finishes a stream with the plugins it began with', async () => {
    let go!: () => void
    const waiting = new Promise<void>((resolve) => (go = resolve))
    const body = async function* (): AsyncGenerator<Uint8Array> {
      const all = lines(answerEvents('one two three'))
      for (const line of all.slice(0, 3)) yield Buffer.from(line)
      await waiting
      for (const line of all.slice(3)) yield Buffer.from(line)
    }
    const mark = (sign: string) =>
      plugin('mark', (ctx) =>
        ctx.on('transformStream', (stream) =>
          stream.pipe('canonical', {
            chunk: (event, emit) =>
              emit(
                event.type === 'content_block_delta' && event.delta.type === 'text_delta'
                  ? { ...event, delta: { ...event.delta, text: `${event.delta.text.trim()}${sign}` } }
                  : event,
              ),
          }),
        ),
      )
    const plugins = (sign: string) => [plainDialect, mark(sign), routeTo('test')]
    const kernel = await createTestKernel({
      plugins: plugins('1'),
      providers: [{ dialect: 'plain' }],
      upstream: () => ({ headers: { 'content-type': 'application/jsonl' }, body: body() }),
    })
    let started = false
    const stream = kernel.request({
      path: '/plain',
      body: { ...hello, stream: true },
      onChunk: () => void (started = true),
    })
    await until(() => started)
    for (let change = 2; change <= 11; change++) await kernel.reload(plugins(String(change)))
    go()
    const text = (reply: string): string => [...reply.matchAll(/"text":"(\w+\d+)"/g)].map((match) => match[1]).join(' ')
    expect(text((await stream).text)).toBe('one1 two1 three1')
    expect(text((await kernel.request({ path: '/plain', body: { ...hello, stream: true } })).text)).toBe(
      'one11 two11 three11',
    )
    await kernel.dispose()
  })
})
