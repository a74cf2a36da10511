import {
  type CanonicalEvent,
  type CanonicalMessage,
  type CanonicalRequest,
  type ContentBlock,
  type EndOptions,
  type HookHandlers,
  messageEvents,
  messageOfEvents,
  type PluginContext,
  type TurnEnd,
} from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import { createTestKernel, type TestAnswer, type TestKernel, type TestUpstream } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hello, lines, plainDialect, plugin, routeTo } from './support/plugins.ts'

const text = (said: string): ContentBlock => ({ type: 'text', text: said })
const call = (name: string, input: unknown = { a: 1 }): ContentBlock => ({
  type: 'tool_use',
  id: `toolu_${name}`,
  name,
  input,
})
const message = (stop: string, ...content: ContentBlock[]): CanonicalMessage => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'upstream-model',
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
})
const answer = (said: CanonicalMessage): TestAnswer => ({
  headers: { 'content-type': 'application/jsonl' },
  body: lines(messageEvents(said)),
})
const inner = { provider: 'inner', model: 'deep' }
const asking: CanonicalRequest = { model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'go on' }] }

type End = (
  turn: TurnEnd,
  ask: () => AsyncIterable<readonly CanonicalEvent[]>,
  ctx: PluginContext,
) => AsyncIterable<readonly CanonicalEvent[]> | undefined

/** A plugin with a private tool, that goes on with each turn as `end` says. */
const agent = (end: End, options: EndOptions = { tools: ['secret'] }, timeoutMs?: number) =>
  plugin('agent', (ctx) => {
    const build: HookHandlers['transformStream'] = (stream, attempt) => {
      if (attempt.target.provider === 'inner') return
      const ask = () => ctx.exchangeStream(asking, { parent: attempt.exchange, target: inner, signal: attempt.signal })
      stream.onEnd((turn) => end(turn, ask, ctx), options)
    }
    ctx.on('transformStream', build, { timeoutMs })
  })
const onCalls: End = (turn, ask) => (turn.calls.length > 0 ? ask() : undefined)

async function kernelWith(
  end: ReturnType<typeof agent>,
  upstream: TestUpstream,
  ...more: string[]
): Promise<TestKernel> {
  return createTestKernel({
    plugins: [plainDialect, end, next, routeTo('test', ...more)],
    providers: ['test', 'inner', 'other'].map((name) => ({ name, dialect: 'plain', baseUrl: `http://${name}/` })),
    upstream,
  })
}

/** Tries the next target after any failure. */
const next = plugin('next', (ctx) => ctx.on('onError', () => ({ action: 'next' })))

/** What a client got, both ways; both must say the same. */
async function told(kernel: TestKernel): Promise<CanonicalMessage> {
  const streamed = await kernel.request({ path: '/plain', body: { ...hello, stream: true } })
  const events = eventsOf(streamed.text)
  const validator = new Validator()
  for (const event of events) validator.check(event)
  expect(validator.ended).toBe(true)
  const whole = (await kernel.request({ path: '/plain', body: hello })).json() as CanonicalMessage
  expect(messageOfEvents(events)).toEqual(whole)
  return whole
}

const eventsOf = (body: string): CanonicalEvent[] =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CanonicalEvent)

/** The test's provider says the first, the inner one the others, in order and over again. */
const saying = (first: CanonicalMessage, ...others: CanonicalMessage[]): TestUpstream => {
  let count = 0
  return ({ url }) => answer(url === 'http://inner/' ? others[count++ % others.length]! : first)
}

describe('a turn that a plugin continues', () => {
  it('goes on in the same message, without the call, and counts what it cost', async () => {
    const kernel = await kernelWith(
      agent(onCalls),
      saying(message('tool_use', text('Look: '), call('secret')), message('end_turn', text('a cat'))),
    )
    expect(await told(kernel)).toMatchObject({
      model: 'asked',
      content: [text('Look: '), text('a cat')],
      stop_reason: 'end_turn',
      usage: { input_tokens: 10, output_tokens: 10 },
    })
    expect(kernel.usage.filter(({ attempts }) => attempts.length === 2)).toMatchObject([
      { tokens: { input: 10, output: 5 }, attempts: [{ provider: 'test' }, { ...inner, tokens: { output: 5 } }] },
      { tokens: { input: 10, output: 5 }, attempts: [{ provider: 'test' }, { ...inner, tokens: { output: 5 } }] },
    ])
    await kernel.dispose()
  })

  it('is told of everything that was said, and of how often it went on', async () => {
    const turns: TurnEnd[] = []
    const kernel = await kernelWith(
      agent((turn, ask) => {
        turns.push(turn)
        return turn.calls.length > 0 ? ask() : undefined
      }),
      saying(
        message('tool_use', { type: 'thinking', thinking: 'hm', signature: 's' }, text('A'), call('secret')),
        message('tool_use', call('secret', { b: 2 })),
        message('end_turn', text('B')),
      ),
    )
    expect(await told(kernel)).toMatchObject({ content: [{ type: 'thinking' }, text('A'), text('B')] })
    expect(turns.slice(0, 3)).toMatchObject([
      { content: [{ type: 'thinking', signature: 's' }, text('A'), call('secret')], calls: [call('secret')], round: 0 },
      { content: [call('secret', { b: 2 })], stopReason: 'tool_use', clientCalls: [], round: 1 },
      { content: [text('B')], calls: [], stopReason: 'end_turn', round: 2 },
    ])
    await kernel.dispose()
  })

  it('is waited for longer than its hook is', async () => {
    const later: End = async function* (_, ask) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      yield* ask()
    }
    const kernel = await kernelWith(
      agent((turn, ...rest) => (turn.calls.length > 0 ? later(turn, ...rest) : undefined), undefined, 5),
      saying(message('tool_use', call('secret')), message('end_turn', text('slow'))),
    )
    expect(await told(kernel)).toMatchObject({ content: [text('slow')] })
    await kernel.dispose()
  })

  it('has a deadline of its own where its plugin says so', async () => {
    const stuck: End = async function* () {
      yield await new Promise(() => undefined)
    }
    const kernel = await kernelWith(
      agent(stuck, { tools: ['secret'], timeoutMs: 20 }),
      saying(message('tool_use', call('secret'))),
    )
    const reply = await kernel.request({ path: '/plain', body: hello })
    expect([reply.status, reply.text]).toEqual([500, expect.stringContaining('transformStream within 20 ms')])
    await kernel.dispose()
  })

  it('may be one of text alone', async () => {
    const kernel = await kernelWith(
      agent((turn, ask) => (turn.round === 0 ? ask() : undefined), {}),
      saying(message('end_turn', text('one ')), message('max_tokens', text('two'))),
    )
    expect(await told(kernel)).toMatchObject({ content: [text('one '), text('two')], stop_reason: 'max_tokens' })
    await kernel.dispose()
  })

  it('is left as it is, byte for byte, where its plugin gives nothing', async () => {
    const said = saying(message('tool_use', text('x'), call('Read'), call('Bash')))
    const continued = await kernelWith(
      agent(() => undefined),
      said,
    )
    const plainly = await kernelWith(
      plugin('agent', () => undefined),
      said,
    )
    const request = { path: '/plain', body: { ...hello, stream: true } }
    expect((await continued.request(request)).text).toBe((await plainly.request(request)).text)
    await continued.dispose()
    await plainly.dispose()
  })

  it('ends with the calls of the client, which its plugin hears of', async () => {
    const turns: TurnEnd[] = []
    const kernel = await kernelWith(
      agent((turn) => void turns.push(turn)),
      saying(message('tool_use', call('secret'), call('Read'), call('secret', { c: 3 }))),
    )
    expect(await told(kernel)).toMatchObject({ content: [call('Read')], stop_reason: 'tool_use' })
    expect(turns[0]).toMatchObject({ calls: [call('secret'), call('secret', { c: 3 })], clientCalls: [call('Read')] })
    await kernel.dispose()
  })

  it('cannot go on while the client has a call to answer', async () => {
    const kernel = await kernelWith(
      agent((_, ask) => ask()),
      saying(message('tool_use', call('Read')), message('end_turn', text('no'))),
    )
    const events = eventsOf((await kernel.request({ path: '/plain', body: { ...hello, stream: true } })).text)
    expect(events.at(-1)).toMatchObject({ type: 'error' })
    expect(JSON.stringify(events)).toContain('calls the client has yet to answer')
    await kernel.dispose()
  })

  it('says what to give in the place of a message', async () => {
    const kernel = await kernelWith(
      agent(() => message('end_turn', text('no')) as never),
      saying(message('end_turn', text('one'))),
    )
    const events = eventsOf((await kernel.request({ path: '/plain', body: { ...hello, stream: true } })).text)
    expect(JSON.stringify(events.at(-1))).toMatch(/'agent' .*gave no stream of events; give ctx\.exchangeStream/)
    await kernel.dispose()
  })

  it('ends after its rounds, never with a call that the client does not know', async () => {
    const kernel = await kernelWith(
      agent(onCalls, { tools: ['secret'], rounds: 3 }),
      saying(message('tool_use', call('secret')), message('tool_use', text('.'), call('secret'))),
    )
    expect(await told(kernel)).toMatchObject({ content: [text('.'), text('.'), text('.')], stop_reason: 'end_turn' })
    await kernel.dispose()
  })

  it('has calls whose arguments are no JSON object as calls without arguments', async () => {
    const calls: unknown[] = []
    const broken = lines(messageEvents(message('tool_use', call('secret')))).map((line) =>
      line.replace('{\\"a\\":1}', '{\\"a\\":'),
    )
    const kernel = await kernelWith(
      agent((turn, ask) => {
        calls.push(...turn.calls)
        return onCalls(turn, ask, undefined as never)
      }),
      ({ url }) =>
        url === 'http://inner/'
          ? answer(message('end_turn', text('fine')))
          : { headers: { 'content-type': 'application/jsonl' }, body: broken },
    )
    expect(await told(kernel)).toMatchObject({ content: [text('fine')] })
    expect(calls[0]).toEqual(call('secret', {}))
    await kernel.dispose()
  })

  it('is, however its blocks are spread over rounds, the row of all that the client may see', async () => {
    const block = fc.oneof(
      fc.constantFrom('a', 'b', 'c').map(text),
      fc.constant<ContentBlock>({ type: 'thinking', thinking: 't', signature: 's' }),
      fc.constant(call('secret')),
    )
    const part = fc.array(block, { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const messages = parts.map((blocks, index) =>
          index < parts.length - 1
            ? message('tool_use', ...blocks, call('secret'))
            : message('end_turn', ...blocks.filter(({ type }) => type !== 'tool_use'), text('end')),
        )
        const kernel = await kernelWith(agent(onCalls), saying(messages[0]!, ...messages.slice(1)))
        const visible = messages.flatMap(({ content }) => content).filter(({ type }) => type !== 'tool_use')
        expect(await told(kernel)).toMatchObject({ content: visible, usage: { output_tokens: 5 * parts.length } })
        await kernel.dispose()
      }),
      { numRuns: 25 },
    )
  })
})

describe('what is appended and fails', () => {
  const refused: TestAnswer = { status: 429, headers: { 'retry-after': '3' }, body: '' }
  const stream = { path: '/plain', body: { ...hello, stream: true } }

  it('lets another target answer while nothing was sent', async () => {
    const kernel = await kernelWith(
      agent(onCalls),
      ({ url }) =>
        url === 'http://inner/'
          ? refused
          : answer(url === 'http://test/' ? message('tool_use', call('secret')) : message('end_turn', text('other'))),
      'other',
    )
    expect(await told(kernel)).toMatchObject({ content: [text('other')] })
    await kernel.dispose()
  })

  it('is what the client is told where there is no other', async () => {
    const kernel = await kernelWith(agent(onCalls), ({ url }) =>
      url === 'http://inner/' ? refused : answer(message('tool_use', call('secret'))),
    )
    const reply = await kernel.request(stream)
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '3'])
    expect(kernel.usage.find(({ attempts }) => attempts.length === 2)!.attempts).toMatchObject([
      { provider: 'test', outcome: 'neutral' },
      { provider: 'inner', outcome: 'cooldown' },
    ])
    await kernel.dispose()
  })

  it.each([
    ['before it begins', refused],
    [
      'in its middle',
      {
        ...answer(message('end_turn', text('cut'))),
        body: lines(messageEvents(message('end_turn', text('cut')))).slice(0, 3),
      },
    ],
  ])('is one error after what was sent, and no stop reason, %s', async (_, failing) => {
    const kernel = await kernelWith(
      agent(onCalls),
      ({ url }) => (url === 'http://inner/' ? failing : answer(message('tool_use', text('said'), call('secret')))),
      'other',
    )
    const events = eventsOf((await kernel.request(stream)).text)
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
    expect(events.at(-1)!.type).toBe('error')
    expect(events.some(({ type }) => type === 'message_delta')).toBe(false)
    await kernel.dispose()
  })

  it.each(['before its head', 'in its middle'])('is closed upstream when the client leaves %s', async (phase) => {
    const leaving = new AbortController()
    let closed!: () => void
    const atClose = new Promise<void>((resolve) => (closed = resolve))
    const kernel = await kernelWith(agent(onCalls), ({ url, signal }) => {
      if (url !== 'http://inner/') return answer(message('tool_use', text('said'), call('secret')))
      const ends = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => {
          closed()
          reject(new Error('closed'))
        }),
      )
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(
          lines(messageEvents(message('end_turn', text('x'))))
            .slice(0, 3)
            .join(''),
        )
        leaving.abort()
        await ends
      }
      if (phase === 'in its middle') return { headers: { 'content-type': 'application/jsonl' }, body: body() }
      leaving.abort()
      return ends
    })
    await kernel.request({ ...stream, signal: leaving.signal })
    await atClose
    const records = kernel.usage.map(({ status }) => status)
    expect(records).toContain('client_closed')
    for (let turn = 0; turn < 1000 && kernel.kernel.current!.leases > 0; turn++)
      await new Promise((resolve) => setImmediate(resolve))
    expect(kernel.kernel.current!.leases).toBe(0)
    await kernel.dispose()
  })
})
