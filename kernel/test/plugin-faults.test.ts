import { readFileSync } from 'node:fs'
import type { CanonicalEvent, Plugin } from '@ccr/sdk'
import { createTestKernel, type TestEntry, type TestKernelOptions } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const stream = { path: '/plain', body: { ...hello, stream: true } }
const answer = (events: readonly unknown[]) => ({
  headers: { 'content-type': 'application/jsonl' },
  body: lines(events),
})

async function setUp(plugins: readonly TestEntry[], upstream?: TestKernelOptions['upstream']) {
  let asked = 0
  const kernel = await createTestKernel({
    plugins: [plainDialect, ...plugins, routeTo('test')],
    providers: [{ dialect: 'plain' }],
    upstream: (request) => {
      asked++
      return upstream?.(request) ?? answer(answerEvents('one two three'))
    },
  })
  return { kernel, asked: () => asked }
}

const bad = (hook: string, act: (...args: never[]) => unknown) =>
  plugin('bad', (ctx) => ctx.on(hook as 'onRequest', act as never, { timeoutMs: 30 } as never))

describe('row 122: a plugin that throws at once, or rejects', () => {
  const throws: Readonly<Record<string, () => unknown>> = {
    'throws at once': () => {
      throw new Error('boom')
    },
    rejects: () => Promise.reject(new Error('boom')),
  }
  it.each(Object.entries(throws))('and may be skipped, %s: is skipped and counted', async (_, act) => {
    const { kernel, asked } = await setUp([bad('selectRoute', act)])
    expect((await kernel.request(stream)).status).toBe(200)
    expect(asked()).toBe(1)
    const instance = kernel.kernel.current!.instances.find(({ entry }) => entry.id === 'bad')!
    expect(instance.health.use.get('selectRoute')).toMatchObject({ calls: 1, errors: 1 })
    await kernel.dispose()
  })

  it.each(Object.entries(throws))('and is needed, %s: is a 500 that names it', async (_, act) => {
    const { kernel, asked } = await setUp([bad('onRequest', act)])
    const reply = await kernel.request(stream)
    expect(reply.status).toBe(500)
    expect(reply.json()).toMatchObject({ error: { type: 'api_error', message: expect.stringContaining("'bad'") } })
    expect(asked()).toBe(0)
    await kernel.dispose()
  })
})

it.each(['onRequest', 'transformRequest'])(
  "a file's folders in what a plugin says of %s reach no client",
  async (hook) => {
    const { kernel } = await setUp([bad(hook, () => readFileSync('/srv/somebody/private/list.json'))])
    const { text } = await kernel.request(stream)
    expect(text).toContain("plugin 'bad' failed in " + hook)
    expect(text).toContain("open 'list.json'")
    expect(text).not.toContain('private')
    await kernel.dispose()
  },
)

describe('row 123: a hook that never resolves', () => {
  it('is given up at its deadline, and what it gives later changes nothing', async () => {
    let late: (plan: unknown) => void = () => undefined
    const { kernel } = await setUp([bad('selectRoute', () => new Promise((resolve) => (late = resolve)))])
    expect((await kernel.request(stream)).status).toBe(200)
    expect(kernel.warnings.join()).toContain("plugin 'bad' did not finish selectRoute within 30 ms")
    late({ targets: [] })
    expect((await kernel.request(stream)).status).toBe(200)
    await kernel.dispose()
  })

  it('and is needed: is a 500 that names it', async () => {
    const { kernel } = await setUp([bad('onRequest', () => new Promise(() => undefined))])
    const reply = await kernel.request(stream)
    expect([reply.status, reply.text]).toEqual([500, expect.stringContaining("plugin 'bad' did not finish onRequest")])
    await kernel.dispose()
  })
})

describe('row 124: a hook that gives nonsense, or changes what it was given', () => {
  it.each([
    ['a number', () => 7],
    ['a plan without targets', () => ({ decidedBy: 'bad' })],
    ['a changed request', ({ request }: { request: { model: string } }) => void (request.model = 'stolen')],
    ['a plan that it changed', (plan: { targets: unknown[] }) => void plan.targets.push({})],
  ] as const)('%s: the fault is its own, and the upstream is called once', async (_, act) => {
    const hook = _.startsWith('a changed') ? 'onRequest' : 'selectRoute'
    const { kernel, asked } = await setUp([bad(hook, act as never)])
    const reply = await kernel.request(stream)
    if (hook === 'onRequest') expect([reply.status, reply.text]).toEqual([500, expect.stringContaining("'bad'")])
    else {
      expect(reply.status).toBe(200)
      expect(asked()).toBe(1)
      expect(kernel.warnings.join()).toContain("plugin 'bad'")
    }
    await kernel.dispose()
  })
})

describe('row 131: a plugin that breaks the stream', () => {
  type Emit = (event: CanonicalEvent) => void
  const delta = (text: string): CanonicalEvent => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text },
  })
  const breaks: Readonly<Record<string, (event: CanonicalEvent, emit: Emit) => void>> = {
    'drops content_block_stop': (event, emit) => void (event.type !== 'content_block_stop' && emit(event)),
    'emits after the end': (event, emit) => {
      emit(event)
      if (event.type === 'message_stop') emit(delta('more'))
    },
    'opens a block twice': (event, emit) => {
      emit(event)
      if (event.type === 'content_block_start') emit(event)
    },
    'begins with a delta': (event, emit) => {
      if (event.type === 'message_start') emit(delta('early'))
      emit(event)
    },
  }
  it.each(Object.entries(breaks))('%s: no forbidden order leaves the router', async (_, chunk) => {
    const breaking = plugin('breaking', (ctx) =>
      ctx.on('transformStream', (pipeline) => pipeline.pipe('canonical', { chunk })),
    )
    const { kernel } = await setUp([breaking])
    const reply = await kernel.request(stream)
    if (reply.status === 200) {
      const events = reply.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as CanonicalEvent)
      const last = events.at(-1)!
      expect(['error', 'message_stop']).toContain(last.type)
      expect(events.filter(({ type }) => type === 'message_stop' || type === 'error')).toHaveLength(1)
    } else expect(reply.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } })
    // What comes after the end is cut off without a word: the answer is complete.
    if (!_.includes('after the end')) expect(reply.text).toContain("plugin 'breaking': the stream broke rule")
    await kernel.dispose()
  })

  const onText = (pieces: number, piece: (event: CanonicalEvent) => CanonicalEvent): Plugin =>
    plugin('flooding', (ctx) =>
      ctx.on('transformStream', (pipeline) =>
        pipeline.pipe('canonical', {
          chunk: (event, emit) => {
            const again = event.type === 'content_block_delta' ? pieces : 0
            for (let count = 0; count < again; count++) emit(piece(event))
            if (again === 0) emit(event)
          },
        }),
      ),
    )
  const through = plugin('flooding', (ctx) =>
    ctx.on('transformStream', (pipeline) =>
      pipeline.through('canonical', async function* (batches) {
        for await (const batch of batches) {
          const isText = batch.some(({ type }) => type === 'content_block_delta')
          yield isText ? Array.from({ length: 100 }, () => delta('x'.repeat(1_000_000))) : batch
        }
      }),
    ),
  )

  it.each([
    ['in pieces', onText(100, () => delta('x'.repeat(1_000_000)))],
    ['at once', onText(1, () => delta('x'.repeat(100_000_000)))],
    ['as one batch', through],
  ])('emits 100 MB %s: it ends, and is named', async (_, flooding) => {
    const { kernel } = await setUp([flooding])
    const told = /plugin 'flooding' gave transformStream a result it cannot use: 16777216 bytes more than it was given/
    const whole = await kernel.request({ ...stream, body: hello })
    expect(whole).toMatchObject({ status: 500 })
    expect(whole.json()).toMatchObject({ error: { type: 'api_error', message: expect.stringMatching(told) as string } })
    const streamed = await kernel.request(stream)
    expect(streamed.text.slice(-1000)).toMatch(told)
    expect(streamed.text).not.toContain('message_stop')
    expect(streamed.text.length).toBeLessThan(17_000_000)
    await kernel.dispose()
  })

  it('passes on, or holds back to the end, as much as it was given', async () => {
    const held = plugin('held', (ctx) =>
      ctx.on('transformStream', (pipeline) => {
        const all: CanonicalEvent[] = []
        pipeline.pipe('wire', { chunk: (event: unknown, emit) => emit(event) })
        pipeline.through('canonical', (batches) => batches)
        pipeline.pipe('canonical', {
          chunk: (event, emit) =>
            void (event.type === 'message_stop' ? [...all, event].forEach(emit) : all.push(event)),
        })
      }),
    )
    const text = 'x'.repeat(20_000_000)
    const { kernel } = await setUp([held], () => answer(answerEvents(text)))
    expect((await kernel.request({ ...stream, body: hello })).json()).toMatchObject({ content: [{ text }] })
    await kernel.dispose()
  })

  it('passes on a delta without its text, which is not its doing', async () => {
    const events = answerEvents('one').map((event) =>
      event.type === 'content_block_delta' ? { ...event, delta: { ...event.delta, text: null } } : event,
    )
    const { kernel } = await setUp([onText(1, (event) => event)], () => answer(events))
    expect((await kernel.request(stream)).text).not.toContain('flooding')
    await kernel.dispose()
  })

  it.each([[null], ['text'], [{}], [[]]])('emits %j, which is no event: it is named', async (given) => {
    const { kernel } = await setUp([onText(1, () => given as never)])
    const told = "plugin 'flooding' gave transformStream a result it cannot use: something that is no event"
    expect((await kernel.request({ ...stream, body: hello })).json()).toMatchObject({ error: { message: told } })
    expect((await kernel.request(stream)).text).toContain(told)
    const instance = kernel.kernel.current!.instances.find(({ entry }) => entry.id === 'flooding')!
    expect(instance.health.use.get('transformStream')?.errors).toBe(2)
    await kernel.dispose()
  })

  it('splits a character: what is sent is valid text all the same', async () => {
    const splitting = plugin('splitting', (ctx) =>
      ctx.on('transformStream', (pipeline) =>
        pipeline.pipe('canonical', {
          chunk: (event, emit) => {
            const text = event.type === 'content_block_delta' && event.delta.type === 'text_delta' && event.delta.text
            if (text) for (const unit of text.split('')) emit(delta(unit))
            else emit(event)
          },
        }),
      ),
    )
    const { kernel } = await setUp([splitting], () => answer(answerEvents('a😀b')))
    const reply = await kernel.request(stream)
    expect(Buffer.from(reply.text).toString()).toBe(reply.text)
    expect(reply.status).toBe(200)
    await kernel.dispose()
  })
})

it('row 132: a slow stream hook slows the upstream down instead of filling memory', async () => {
  const release: (() => void)[] = []
  let passing = 0
  const slow = plugin('slow', (ctx) =>
    ctx.on('transformStream', (pipeline) =>
      pipeline.pipe('canonical', {
        chunk: async (event, emit) => {
          if (event.type === 'content_block_delta' && ++passing === 2)
            await new Promise<void>((resolve) => release.push(resolve))
          emit(event)
        },
      }),
    ),
  )
  let read = 0
  const events = answerEvents('word '.repeat(400))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const line of lines(events)) {
      read++
      yield Buffer.from(line)
    }
  }
  const { kernel } = await setUp([slow], () => ({ ...answer([]), body: pieces() }))
  const reply = kernel.request(stream)
  for (let turn = 0; turn < 500 && release.length === 0; turn++) await new Promise(setImmediate)
  const whenItStopped = read
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  expect(read).toBe(whenItStopped)
  expect(read).toBeLessThan(20)
  release[0]!()
  expect((await reply).text).toContain('message_stop')
  expect(read).toBe(events.length)
  await kernel.dispose()
})

it('a plugin that is quarantined does no work of its own any more, also after the next change', async () => {
  const notes: string[] = []
  const polling = plugin('polling', (ctx) => {
    ctx.whileLive(() => {
      notes.push('started')
      return () => void notes.push('stopped')
    })
    ctx.on('selectRoute', () => {
      throw new Error('boom')
    })
  })
  const { kernel } = await setUp([polling])
  for (let count = 0; count < 5; count++) await kernel.request(stream)
  expect(notes).toEqual(['started', 'stopped'])
  await kernel.reload([plainDialect, polling, plugin('more', () => undefined), routeTo('test')])
  expect(notes).toEqual(['started', 'stopped'])
  await kernel.dispose()
  expect(notes).toEqual(['started', 'stopped'])
})
