import type { CanonicalEvent, CanonicalMessage, Exchange, PluginContext } from '@ccr/sdk'
import { createTestKernel, json, type TestKernelOptions } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { answerEvents, hello, plainDialect, plugin, routeTo } from './support/plugins.ts'

type Events = () => AsyncGenerator<unknown>
type Answer = (ctx: PluginContext, parent: Exchange) => unknown

const begun = answerEvents('one two').slice(0, 3)

/** What a client gets of a router whose plugin `bot` answers so, and how often that failed. */
async function ask(answer: Answer, stream: boolean, options: Partial<TestKernelOptions> = {}, leave?: () => void) {
  const bot = plugin('bot', (ctx) =>
    ctx.on('onRequest', (_, parent) => ({ reply: answer(ctx, parent) as { message: CanonicalMessage } })),
  )
  const kernel = await createTestKernel({ ...options, plugins: [plainDialect, bot, ...(options.plugins ?? [])] })
  const leaving = new AbortController()
  const asked = kernel.request({ path: '/plain', body: { ...hello, stream }, signal: leaving.signal })
  if (leave) setImmediate(() => leaving.abort())
  const { status, text } = await asked
  const { use } = kernel.kernel.current!.instances.find(({ entry }) => entry.plugin.name === 'bot')!.health
  const failures = use.get('onRequest')!.errors
  await kernel.dispose()
  const said = text === '' ? undefined : (JSON.parse(text.trim().split('\n').at(-1)!) as { error?: unknown }).error
  return { status, said, failures, usage: kernel.usage }
}

async function* hanging(): AsyncGenerator<unknown> {
  await new Promise(() => undefined)
}

const BROKEN: Record<string, readonly [Events, why: string]> = {
  'throws at once': [
    async function* () {
      throw new Error('no bottle')
    },
    'no bottle',
  ],
  'throws later': [
    async function* () {
      yield begun
      throw new Error('no bottle')
    },
    'no bottle',
  ],
  'ends too early': [
    async function* () {
      yield begun
    },
    'the answer ended before its last event',
  ],
  'gives an event that is no event of an answer': [
    async function* () {
      yield [{ type: 'bogus' }]
    },
    "dialect 'canonical': the stream broke rule I6: 'bogus' before 'message_start'",
  ],
  'gives events one by one': [
    async function* () {
      yield* answerEvents('one two')
    },
    'it gave something else than a list of events',
  ],
  'gives nothing where events are due': [
    async function* () {
      yield null
    },
    'it gave something else than a list of events',
  ],
}

describe("an answer of a plugin's own", () => {
  describe.each(Object.entries(BROKEN))('that %s', (_, [events, why]) => {
    it.each([true, false])('names the plugin and its hook, and is a failure of both (stream: %s)', async (stream) => {
      const { status, said, failures } = await ask(() => ({ events: events() }), stream)
      const committed =
        stream &&
        (
          await events()
            .next()
            .catch(() => undefined)
        )?.value === begun
      expect(status).toBe(committed ? 200 : 500)
      expect(said).toEqual({ type: 'api_error', message: `plugin 'bot' failed in onRequest: ${why}` })
      expect(failures).toBe(1)
    })
  })

  it('that holds no blocks names it too', async () => {
    const { status, said } = await ask(() => ({ message: { content: [null] } }), false)
    expect(status).toBe(500)
    expect(said).toMatchObject({ message: expect.stringMatching(/^plugin 'bot' failed in onRequest: /) as string })
  })

  it('that never goes on is ended in time, and named', async () => {
    const settings = { timeouts: { firstEvent: 20 } }
    const { status, said, failures } = await ask(() => ({ events: hanging() }), true, { settings })
    expect(status).toBe(500)
    expect(said).toMatchObject({
      message: "plugin 'bot' failed in onRequest: the reply was given up: it sent no content within 0.02 s",
    })
    expect(failures).toBe(1)
  })

  it('that its client does not wait for is no failure', async () => {
    const { failures, usage } = await ask(
      () => ({ events: hanging() }),
      true,
      {},
      () => undefined,
    )
    expect(failures).toBe(0)
    expect(usage).toMatchObject([{ status: 'client_closed' }])
  })

  it('may be an error that it reports, which is none of its failures', async () => {
    const reporting = async function* (): AsyncGenerator<unknown> {
      const error: CanonicalEvent = { type: 'error', error: { type: 'overloaded_error', message: 'come back' } }
      yield [error]
    }
    const { status, said, failures } = await ask(() => ({ events: reporting() }), false)
    expect(status).toBe(529)
    expect(said).toEqual({
      type: 'overloaded_error',
      message: "provider 'reply' (model 'asked') reported an error: come back",
    })
    expect(failures).toBe(0)
  })

  const inner: Answer = (ctx, parent) => {
    const messages = [{ role: 'user' as const, content: 'inner' }]
    const target = { provider: 'inner', model: 'deep' }
    return { events: ctx.exchangeStream({ model: 'm', max_tokens: 5, messages }, { parent, target }) }
  }

  it('waits for an exchange inside it as long as that has time', async () => {
    const { status, said, failures } = await ask(inner, true, {
      plugins: [routeTo('inner')],
      providers: [{ name: 'inner', dialect: 'plain', baseUrl: 'http://test/' }],
      upstream: ({ signal }) => new Promise((_, end) => signal.addEventListener('abort', () => end(signal.reason))),
      settings: { timeouts: { firstEvent: 30 } },
    })
    expect(status).toBe(504)
    expect(said).toMatchObject({ message: expect.stringMatching(/^provider 'inner' .* was given up/) as string })
    expect(failures).toBe(0)
  })

  it('may be that of an exchange inside it, whose failure is none of its own', async () => {
    const { status, said, failures } = await ask(inner, false, {
      plugins: [routeTo('inner')],
      providers: [{ name: 'inner', dialect: 'plain', baseUrl: 'http://test/' }],
      upstream: () => json({ error: { message: 'slow down' } }, 429),
    })
    expect(status).toBe(429)
    expect(said).toMatchObject({ type: 'rate_limit_error' })
    expect(failures).toBe(0)
  })
})
