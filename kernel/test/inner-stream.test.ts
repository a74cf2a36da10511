import type { CanonicalEvent, Exchange, InnerOptions, PluginContext } from '@ccr/sdk'
import { createTestKernel, type TestAnswer, type TestUpstream, type TestBody } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const jsonl = (body: TestBody): TestAnswer => ({ headers: { 'content-type': 'application/jsonl' }, body })
const target = { provider: 'inner', model: 'deep' }
const done: Awaited<ReturnType<PluginContext['exchange']>> = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'done' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: {},
}

type Use = (ask: (more?: Partial<InnerOptions>) => AsyncIterable<readonly CanonicalEvent[]>) => Promise<void>

/** Runs `use` inside an exchange, which is answered when that is done. */
async function inside(use: Use, upstream: TestUpstream, signal?: AbortSignal) {
  const agent = plugin('agent', (ctx) =>
    ctx.on('onRequest', async (_, parent: Exchange) => {
      const messages = [{ role: 'user' as const, content: 'inner' }]
      await use((more) => ctx.exchangeStream({ model: 'm', max_tokens: 5, messages }, { parent, target, ...more }))
      return { reply: { message: done } }
    }),
  )
  const kernel = await createTestKernel({
    plugins: [plainDialect, agent, routeTo('test')],
    providers: [{ name: 'inner', dialect: 'plain' }],
    upstream,
  })
  const reply = await kernel.request({ path: '/plain', body: hello, ...(signal ? { signal } : {}) })
  for (let turn = 0; turn < 1000 && kernel.kernel.current!.leases > 0; turn++)
    await new Promise((resolve) => setImmediate(resolve))
  expect(kernel.kernel.current!.leases).toBe(0)
  await kernel.dispose()
  return { reply, usage: kernel.usage, warnings: kernel.warnings }
}

const read = async (stream: AsyncIterable<readonly CanonicalEvent[]>): Promise<CanonicalEvent[]> => {
  const all: CanonicalEvent[] = []
  for await (const batch of stream) all.push(...batch)
  return all
}
const typesOf = (events: readonly CanonicalEvent[]): readonly string[] => events.map(({ type }) => type)

describe('a streamed inner exchange', () => {
  it('gives the events in order as they come, and its attempt stands in the usage of its parent', async () => {
    let events: CanonicalEvent[] = []
    const { usage } = await inside(
      async (ask) => void (events = await read(ask())),
      () => jsonl(lines(answerEvents('one two three'))),
    )
    expect(typesOf(events)).toEqual(typesOf(answerEvents('one two three')))
    expect(usage.at(-1)).toMatchObject({ attempts: [{ ...target, outcome: 'ok', tokens: { output: 2 } }] })
  })

  it('gives the events of an answer without content in order', async () => {
    const [start, ...rest] = lines(answerEvents('').filter(({ type }) => !type.startsWith('content_block')))
    let events: CanonicalEvent[] = []
    await inside(
      async (ask) => void (events = await read(ask())),
      () => jsonl([start!, rest.join('')]),
    )
    expect(typesOf(events)).toEqual(['message_start', 'message_delta', 'message_stop'])
  })

  it('is read no faster than it is taken', async () => {
    const all = lines(answerEvents('a b c d e f g h i j k l m n o p'))
    const counts = { sent: 0, held: 0 }
    async function* body(): AsyncGenerator<Uint8Array> {
      for (const line of all) {
        counts.sent++
        yield Buffer.from(line)
      }
    }
    await inside(
      async (ask) => {
        let taken = 0
        for await (const batch of ask()) {
          if (++taken !== 2) continue
          for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
          counts.held = counts.sent
          expect(batch.length).toBeGreaterThan(0)
        }
      },
      () => jsonl(body()),
    )
    expect(counts.held).toBeLessThanOrEqual(7)
    expect(counts.sent).toBe(all.length)
  })

  it.each<[string, TestAnswer, number]>([
    ['is refused', { status: 429, headers: {}, body: '' }, 429],
    ['breaks off', jsonl(lines(answerEvents('a b')).slice(0, 4)), 502],
  ])('that %s throws what a client would have been told', async (_, answer, status) => {
    let told: unknown
    await inside(
      async (ask) => void (told = await read(ask()).catch((error: unknown) => error)),
      () => answer,
    )
    expect(told).toMatchObject({ code: 'CCR_EXCHANGE_FAILED', cause: { status } })
  })

  it.each(['its reader stops', 'its signal is aborted', 'the client leaves'])(
    'closes its upstream when %s',
    async (how) => {
      const [own, client] = [new AbortController(), new AbortController()]
      let told: unknown
      let closed!: () => void
      const atClose = new Promise<void>((resolve) => (closed = resolve))
      const { warnings } = await inside(
        async (ask) => {
          try {
            for await (const batch of ask({ signal: own.signal })) {
              if (!typesOf(batch).includes('content_block_delta')) continue
              if (how === 'its reader stops') break
              if (how === 'its signal is aborted') own.abort()
              else client.abort()
            }
          } catch (error) {
            told = error
          }
          await atClose
        },
        ({ signal }) => {
          async function* body(): AsyncGenerator<Uint8Array> {
            const ends = new Promise<never>((_, reject) =>
              signal.addEventListener('abort', () => {
                closed()
                reject(new Error('closed'))
              }),
            )
            // It may end while nobody waits for it.
            ends.catch(() => undefined)
            yield Buffer.from(lines(answerEvents('a b')).slice(0, 3).join(''))
            await ends
          }
          return jsonl(body())
        },
        client.signal,
      )
      if (how === 'its reader stops') expect(told).toBeUndefined()
      else expect(told).toMatchObject({ code: 'CCR_CLIENT_CLOSED' })
      expect(warnings).toEqual([])
    },
  )

  it('does nothing before it is read', async () => {
    let asked = 0
    await inside(
      (ask) => {
        ask()
        return Promise.resolve()
      },
      () => {
        asked++
        return jsonl('')
      },
    )
    expect(asked).toBe(0)
  })
})
