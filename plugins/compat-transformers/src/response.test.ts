import { isObject, type JsonObject } from '@ccr/sdk'
import { cut, fixtures, json, sse } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import { adding, Eager, Enveloping, rewriting, shout } from '../test/classes.ts'
import { chunks, completion, createWorld, KEY, said, textOf } from '../test/world.ts'
import type { LegacyWorld, Use, WorldOptions } from '../test/world.ts'

let worlds: LegacyWorld[] = []
afterEach(async () => {
  const last = worlds
  worlds = []
  for (const world of last) await world.dispose()
})
async function start(uses: readonly Use[], options?: WorldOptions): Promise<LegacyWorld> {
  const world = await createWorld(uses, options)
  worlds.push(world)
  return world
}

const stream = () => sse(chunks(said('one two three')))

describe('a class that rewrites answers', () => {
  it.each([true, false])('gets a stream as one, and a whole answer as JSON (streamed: %s)', async (streamed) => {
    const types: (string | null)[] = []
    class Looking {
      name = 'looking'
      transformResponseOut(response: Response): Response {
        types.push(`${response.status} ${response.headers.get('content-type')}`)
        return response
      }
    }
    const upstream = ({ body }: { body: JsonObject }) => (body['stream'] ? stream() : completion('one two three'))
    const { ask } = await start([Looking, shout], { upstream })
    const reply = await ask({}, { stream: streamed })
    expect([reply.status, textOf(reply)]).toEqual([200, 'ONE TWO THREE'])
    expect(types).toEqual([streamed ? '200 text/event-stream' : '200 application/json'])
  })

  it('gets the answers in the reverse order of the requests', async () => {
    const { ask } = await start([adding('1'), adding('2'), adding('3')], { upstream: () => sse(chunks(said('x'))) })
    expect(textOf(await ask())).toBe('x321')
  })

  it('may be sent a stream although none was asked for, and a whole answer in the place of a stream', async () => {
    const streaming = await start([shout], { upstream: stream })
    expect(textOf(await streaming.ask({}, { stream: false }))).toBe('ONE TWO THREE')
    const whole = await start([shout], { upstream: () => completion('one') })
    expect(textOf(await whole.ask())).toBe('ONE')
  })

  it('keeps calls, usage and the reason why it ended', async () => {
    const call = (index: number, id: string | undefined, args: string): object => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index, id, function: { name: id && 'f', arguments: args } }] } }],
    })
    const list = [call(0, 'a', ''), call(0, undefined, '{"n":'), call(0, undefined, '12345678901234567890}')]
    const end = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }], usage: { completion_tokens: 7 } }
    const { ask, usage } = await start([shout, Eager], { upstream: () => sse(chunks([...list, end])) })
    const { text } = await ask({ tools: [{ name: 'f', input_schema: { type: 'object' } }] })
    expect(text).toContain('"stop_reason":"tool_use"')
    expect(text).toContain('12345678901234567890}')
    expect(usage[0]!.tokens.output).toBe(7)
  })

  it('takes part where it only looks at what it gives back', async () => {
    const { ask } = await start([
      class {
        name = 'none'
        transformResponseOut = (response: Response) => response
      },
    ])
    expect(textOf(await ask())).toBe('hello')
  })

  it.each([
    ['lines without an empty one behind them', (line: string) => `${line}\n`],
    ['lines that end as on Windows', (line: string) => `${line}\r\n\r\n`],
    ['no space behind the name', (line: string) => `${line.replace('data: ', 'data:')}\n\n`],
    ['comments', (line: string) => `: keep-alive\n\n${line}\n\n`],
  ])('may write %s', async (_, write) => {
    class Writing {
      name = 'writing'
      async transformResponseOut(response: Response): Promise<Response> {
        const lines = (await response.text()).split('\n').filter((line) => line !== '')
        return new Response(lines.map(write).join(''), { headers: { 'content-type': 'text/event-stream' } })
      }
    }
    const { ask } = await start([Writing], { upstream: stream })
    expect(textOf(await ask())).toBe('one two three')
  })

  it('may give a stream of texts', async () => {
    class Texts {
      name = 'texts'
      transformResponseOut(response: Response): Response {
        const body = response.body!.pipeThrough(new TextDecoderStream() as never) as ReadableStream<never>
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
      }
    }
    expect(textOf(await (await start([Texts], { upstream: stream })).ask())).toBe('one two three')
  })
})

describe('a class that speaks another protocol with the upstream', () => {
  const part = (text: string, more: object = {}): object => ({
    response: { candidates: [{ content: { parts: [{ text, ...more }] } }] },
  })
  const parts = [part('hm', { thought: true }), part('Grüße '), part('🙂')]
  const last = { response: { candidates: [{ content: { parts: [] }, end: 'STOP' }] } }
  const upstream: WorldOptions['upstream'] = ({ url }) =>
    url.includes('alt=sse') ? sse(chunks([...parts, last], false)) : json(part('whole'))
  const use: Use = [Enveloping, { project: 'p1' }]

  it('works for streams and for whole answers', async () => {
    const { ask, sent } = await start([use], { upstream })
    const streamed = await ask()
    expect([textOf(streamed), textOf(streamed, 'thinking')]).toEqual(['Grüße 🙂', 'hm'])
    expect(textOf(await ask({}, { stream: false }))).toBe('whole')
    expect(sent.map(({ url }) => url)).toEqual([
      'https://api.example/v1:stream?alt=sse',
      'https://api.example/v1:whole',
    ])
    expect(sent[0]!.body).toEqual({
      request: { contents: [{ parts: [{ text: 'hi' }] }] },
      model: 'model',
      project: 'p1',
    })
    expect(sent[0]!.headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'user-agent': 'legacy/1' })
  })

  it('gives classes before it what it made of the answer', async () => {
    const { ask } = await start([shout, use], { upstream })
    expect(textOf(await ask())).toBe('GRÜSSE 🙂')
    expect(textOf(await ask({}, { stream: false }))).toBe('WHOLE')
  })

  it('gets the signature back that it gave its reasoning', async () => {
    const seen: unknown[] = []
    class Looking {
      name = 'looking'
      transformRequestIn(body: JsonObject): JsonObject {
        seen.push((body['messages'] as JsonObject[]).map(({ thinking }) => thinking))
        return body
      }
    }
    const { ask } = await start([Looking, use], { upstream })
    const { text } = await ask()
    const events = text
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as unknown] : []))
    const signatures = events.flatMap((event) => {
      const delta = isObject(event) ? event['delta'] : undefined
      return isObject(delta) && delta['type'] === 'signature_delta' ? [delta['signature']] : []
    })
    expect(signatures).toHaveLength(1)
    const content = [
      { type: 'thinking', thinking: 'hm', signature: signatures[0] },
      { type: 'text', text: 'Grüße' },
    ]
    await ask({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content },
        { role: 'user', content: 'go on' },
      ],
    })
    expect(seen[1]).toEqual([undefined, { content: 'hm', signature: 'sig-of-vendor' }, undefined])
  })

  it('may number calls as another choice than the text before them', async () => {
    const call = { tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] }
    const numbering = rewriting('numbering', () => undefined)
    const list = [
      { choices: [{ index: 0, delta: { content: 'text' } }] },
      { choices: [{ index: 1, delta: { content: '', ...call }, finish_reason: 'stop' }] },
    ]
    const { ask } = await start([numbering], { upstream: () => sse(chunks(list)) })
    const { text } = await ask({ tools: [{ name: 'f', input_schema: { type: 'object' } }] })
    expect(text).toContain('"name":"f"')
    expect(text).toContain('"stop_reason":"tool_use"')
  })

  it('an answer that nobody makes one of this protocol is a failure', async () => {
    const { ask } = await start([shout], { upstream: () => json({ candidates: [] }) })
    expect((await ask({}, { stream: false })).status).toBe(500)
    const passing = await start(
      [
        class {
          name = 'p'
          transformResponseOut = (response: Response) => response
        },
      ],
      { upstream },
    )
    expect((await passing.ask({}, { stream: false })).status).toBe(502)
  })
})

describe('a provider that speaks another dialect', () => {
  const answer = fixtures.answer()
  const message = { id: 'm', type: 'message', role: 'assistant', model: 'model', usage: { input_tokens: 1 } }
  const content = [{ type: 'text', text: 'whole words' }]
  const whole = json({ ...message, content, stop_reason: 'end_turn' })

  it('has its own bodies and events given to a class', async () => {
    const seen: string[] = []
    class Both {
      name = 'both'
      transformRequestIn(body: JsonObject): object {
        seen.push(Object.keys(body).join())
        return { body: { ...body, top_k: 7 }, config: { headers: { 'X-Extra': 'yes' } } }
      }
      async transformResponseOut(response: Response): Promise<Response> {
        const text = await response.text()
        seen.push(text.split('\n', 1)[0]!)
        return new Response(text.replaceAll('words', 'WORDS').replaceAll('Danube', 'DANUBE'), response)
      }
    }
    const upstream = ({ body }: { body: JsonObject }) => (body['stream'] ? sse(fixtures.toSse(answer)) : whole)
    const { ask, sent } = await start([Both], { upstream, dialect: anthropic, provider: { dialect: 'anthropic' } })
    expect(textOf(await ask())).toContain('DANUBE')
    expect(textOf(await ask({}, { stream: false }))).toBe('whole WORDS')
    expect(sent[0]).toMatchObject({ body: { top_k: 7 }, headers: { 'x-extra': 'yes', 'x-api-key': KEY } })
    expect(seen[0]).toContain('max_tokens')
    expect([seen[1], seen[3]]).toEqual(['event: message_start', 'event: message_start'])
  })
})

describe('bytes and time', () => {
  it('an answer cut anywhere is the same', async () => {
    const text = chunks([...said('Grüße 🙂 an alle '), ...said('x')].slice(0, -1))
    const expected = (await (await start([shout, Eager], { upstream: () => sse(text) })).ask()).text
    let offsets: readonly number[] = []
    const { ask } = await start([shout, Eager], { upstream: () => sse(cut(text, ...offsets)) })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length * 2), { maxLength: 30 }), async (edges) => {
        offsets = edges
        expect((await ask()).text).toBe(expected)
      }),
      { numRuns: 40 },
    )
  })

  it.each([[shout], [Eager]])('what has come is handed on before more is waited for', async (Class) => {
    let release: () => void = () => undefined
    const waiting = new Promise<void>((resolve) => (release = resolve))
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(chunks(said('first').slice(0, 1), false))
      await waiting
      yield Buffer.from(chunks(said('second')))
    }
    const { kernel: _, ...world } = await start([Class], { upstream: () => sse(body()) })
    let seen = ''
    const asking = world.ask({}, { onChunk: (chunk) => void ((seen += chunk), /first/i.test(seen) && release()) })
    expect(textOf(await asking).toLowerCase()).toBe('firstsecond')
  })

  it.each([[shout], [Eager]])('a client that takes nothing has the upstream wait', async (Class) => {
    let read = 0
    async function* body(): AsyncGenerator<Uint8Array> {
      while (read < 1000) {
        read++
        yield Buffer.from(chunks(said('again ').slice(0, 1), false))
      }
      yield Buffer.from(chunks(said('end')))
    }
    let release: () => void = () => undefined
    const stalled = new Promise<void>((resolve) => (release = resolve))
    const { ask } = await start([Class], { upstream: () => sse(body()) })
    const asking = ask({}, { onChunk: () => stalled })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(read).toBeLessThan(10)
    release()
    expect(textOf(await asking)).toMatch(/end$/i)
    expect(read).toBe(1000)
  })

  it('a client that leaves ends the class and the upstream', async () => {
    let ended = false
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.from(chunks(said('again ').slice(0, 1), false))
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      } finally {
        ended = true
      }
    }
    const reasons: unknown[] = []
    class Watching {
      name = 'watching'
      transformResponseOut(response: Response): Response {
        const reader = response.body!.getReader()
        const body = new ReadableStream({
          async pull(controller) {
            const { done, value } = await reader.read().catch((thrown: unknown) => {
              reasons.push(thrown)
              throw thrown
            })
            if (done) controller.close()
            else controller.enqueue(value)
          },
          cancel: (reason) => void reasons.push(reason ?? 'cancelled'),
        })
        return new Response(body, { headers: response.headers })
      }
    }
    const leaving = new AbortController()
    const { ask } = await start([Watching], { upstream: () => sse(body()) })
    await ask({}, { signal: leaving.signal, onChunk: (chunk) => void (chunk.includes('again') && leaving.abort()) })
    await expect.poll(() => [ended, reasons.length > 0]).toEqual([true, true])
  })

  it('a class whose stream never ends is given up with the attempt', async () => {
    class Endless {
      name = 'endless'
      transformResponseOut = () =>
        new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
    }
    const leaving = new AbortController()
    const { ask } = await start([Endless], { upstream: stream })
    setTimeout(() => leaving.abort(), 20)
    const { text } = await ask({}, { signal: leaving.signal })
    expect(text).not.toContain('message_stop')
  })
})

describe('what goes wrong', () => {
  const giving = (given: unknown) =>
    class {
      name = 'wrong'
      transformResponseOut = () => given
    }

  it.each([
    [undefined, 'gave undefined and no Response'],
    [{ choices: [] }, 'gave an object and no Response'],
    [new Response('x', { status: 500 }), 'with the status 500'],
    [new Response('[1]', { headers: { 'content-type': 'application/json' } }), 'gave JSON that is no object'],
    [
      new Response(new ReadableStream({ start: (c) => c.enqueue(5) }) as never, {
        headers: { 'content-type': 'text/event-stream' },
      }),
      'not of bytes',
    ],
  ])('a class that gives %o fails the attempt, and is named', async (given, fact) => {
    const { status, text } = await (await start([giving(given)], { upstream: stream })).ask()
    expect(status).toBe(500)
    expect(text).toContain("plugin 'wrong'")
    expect(text).toContain(fact)
  })

  it('a class that throws after content went out ends the stream with an error', async () => {
    let count = 0
    const failing = rewriting('failing', () => {
      if (++count > 2) throw new Error('broken in the midst')
    })
    const { text } = await (
      await start([failing], { upstream: () => sse(cut(chunks(said('a b c d')), 120, 240)) })
    ).ask()
    expect(text).toContain('event: error')
    expect(text).not.toContain('message_stop')
  })

  it.each([[shout], [Eager]])(
    'an upstream that breaks off is no answer that ended, whatever the class says',
    async (Class) => {
      const body = chunks(said('a b c').slice(0, 2), false)
      const { ask } = await start([Class], { upstream: () => ({ ...sse(body), failure: new Error('reset') }) })
      const { text } = await ask()
      expect(text).toContain('event: error')
      expect(text).not.toContain('message_stop')
    },
  )

  it('an error of the upstream in a stream is told', async () => {
    const { ask } = await start([shout, Eager], { upstream: () => sse(chunks([{ error: { message: 'overloaded' } }])) })
    const { status, text } = await ask()
    expect(status).toBeGreaterThanOrEqual(500)
    expect(text).toContain('overloaded')
  })

  it('no class is asked about an answer that is a failure', async () => {
    let asked = 0
    class Counting {
      name = 'counting'
      transformResponseOut = (response: Response) => (asked++, response)
    }
    const { ask } = await start([Counting], { upstream: () => json({ error: { message: 'no' } }, 429) })
    expect([(await ask()).status, asked]).toEqual([429, 0])
  })

  const strange = [
    null,
    5,
    'text',
    [],
    [null],
    {},
    { choices: null },
    { choices: [null] },
    { choices: [{ delta: null }] },
  ]
  it.each(strange)('%j from an upstream is no fault of ours', async (value) => {
    const passing = class {
      name = 'passing'
      transformResponseOut = (response: Response) => response
    }
    for (const answer of [sse(`data: ${JSON.stringify(value)}\n\n${chunks(said('a'))}`), json(value)]) {
      const { ask } = await start([passing], { upstream: () => answer })
      for (const stream of [true, false]) expect((await ask({}, { stream })).text).not.toContain('TypeError')
    }
  })
})
