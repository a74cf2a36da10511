import Anthropic from '@anthropic-ai/sdk'
import { createTestKernel, sse } from '@ccr/sdk/testing'
import type { CanonicalEvent } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accumulate, decode, newId, pass } from '../test/recordings.ts'
import { cutAt } from '../test/wire-streams.ts'
import { routeTo } from '../test/world.ts'
import { createPassthrough } from './passthrough.ts'
import plugin from './index.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 300)
interface Written {
  readonly type: string
  readonly [field: string]: unknown
}

const frame = (event: Written): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const all = (...events: readonly Written[]): string => events.map(frame).join('')

const message = { id: 'm', type: 'message', role: 'assistant', model: 'm', stop_reason: null, stop_sequence: null }
const start = (more: object): Written => ({ type: 'message_start', message: { ...message, ...more } })
const usage = { input_tokens: 7, output_tokens: 3 }
const zero = { input_tokens: 0, output_tokens: 0 }
const open = start({ content: [], usage })
const text = [
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'é "message_stop" 👧' } },
  { type: 'content_block_stop', index: 0 },
]
const delta = { stop_reason: 'end_turn', stop_sequence: null }
const close = { type: 'message_delta', delta, usage: { output_tokens: 5 } }
const stop = { type: 'message_stop' }
const call = (block: object): Written => ({
  type: 'content_block_start',
  index: 0,
  content_block: { type: 'tool_use', id: 'toolu_1', name: 'Read', ...block },
})
const piece = (partial_json: string): Written => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'input_json_delta', partial_json },
})
const args = '{"file":"é"}'
const given = JSON.parse(args) as object
const usual = all(open, ...text, close, stop)
const lastFrame = frame(stop)
const secondCall = { ...call({ id: 'toolu_2', input: {} }), index: 1 }
const otherwise = (id: string): Written => ({
  index: 1,
  type: 'content_block_start',
  content_block: { name: 'Read', input: {}, type: 'tool_use', id },
})
const secondStop = { type: 'content_block_stop', index: 1 }

/** What is received, and what is handed on. */
const mended: readonly (readonly [string, string, string])[] = [
  ['without event lines', usual.replace(/^event: .*\n/gm, ''), usual],
  ['without event lines, behind a byte order mark', `\ufeff${usual.replace(/^event: .*\n/gm, '')}`, `\ufeff${usual}`],
  [
    'whose start has no usage',
    all(start({ content: [] }), ...text, close, stop),
    all(start({ content: [], usage: zero }), ...text, close, stop),
  ],
  [
    'whose start has null as usage',
    all(start({ content: [], usage: null }), close, stop),
    all(start({ content: [], usage: zero }), close, stop),
  ],
  [
    'whose start has null as content',
    all(start({ content: null, usage }), close, stop),
    all(start({ content: [], usage }), close, stop),
  ],
  ['whose start has no content', all(start({ usage }), close, stop), all(start({ usage, content: [] }), close, stop)],
  [
    'whose end has no usage',
    all(open, ...text, { type: 'message_delta', delta }, stop),
    all(open, ...text, { ...close, usage: { output_tokens: 3 } }, stop),
  ],
  ['whose end has null as usage', all(open, close, { ...close, usage: null }, stop), all(open, close, close, stop)],
  ['whose end has no type', all(open, close) + 'event: message_stop\ndata: {}\n\n', all(open, close, stop)],
  [
    'whose frames given anew have other lines',
    `: hi\nid: 1\n${frame(start({ content: [] }))}`,
    `: hi\nid: 1\n${frame(start({ content: [], usage: zero }))}`,
  ],
  [
    'whose call has its arguments at once',
    all(open, call({ input: given }), text[2]!, close, stop),
    all(open, call({ input: {} }), piece(args), text[2]!, close, stop),
  ],
  [
    'whose call has its arguments at once, and an empty delta',
    all(open, call({ input: given }), piece(''), text[2]!, close, stop),
    all(open, call({ input: {} }), piece(''), piece(args), text[2]!, close, stop),
  ],
  [
    'whose call has its arguments twice',
    all(open, call({ input: given }), piece('{"a"'), piece(':1}'), text[2]!, close, stop),
    all(open, call({ input: {} }), piece('{"a"'), piece(':1}'), text[2]!, close, stop),
  ],
  [
    'whose call with arguments overlaps',
    all(open, call({ input: given }), secondCall, text[2]!, secondStop, close, stop),
    all(open, call({ input: {} }), piece(args), text[2]!, secondCall, secondStop, close, stop),
  ],
  [
    'whose call has no id',
    all(open, call({ id: undefined, input: {} }), piece(args), text[2]!, close, stop),
    all(
      open,
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', name: 'Read', input: {}, id: 'toolu_new' },
      },
      piece(args),
      text[2]!,
      close,
      stop,
    ),
  ],
  [
    'whose call has an empty id',
    all(open, call({ id: '', input: {} }), piece(args), text[2]!, close, stop),
    all(open, call({ id: 'toolu_new', input: {} }), piece(args), text[2]!, close, stop),
  ],
  [
    'with a second call that has the id of the first',
    all(open, call({ input: {} }), text[2]!, { ...call({ input: {} }), index: 1 }, secondStop, close, stop),
    all(
      ...[open, call({ input: {} }), text[2]!],
      ...[{ ...call({ input: {}, id: 'toolu_new' }), index: 1 }, secondStop, close, stop],
    ),
  ],
  [
    'whose end has no delta',
    all(open, ...text, close, { type: 'message_delta', usage: { output_tokens: 6 } }, stop),
    all(open, ...text, close, { type: 'message_delta', usage: { output_tokens: 6 }, delta }, stop),
  ],
  [
    'whose last word has no reason',
    all(open, ...text, close, { ...close, delta: { stop_reason: null, later: 1 } }, stop),
    all(open, ...text, close, { ...close, delta: { stop_reason: 'end_turn', later: 1, stop_sequence: null } }, stop),
  ],
  [
    'whose start has the reason, and its last word none',
    all(start({ content: [], usage, stop_reason: 'end_turn' }), ...text, { ...close, delta: {} }, stop),
    all(start({ content: [], usage, stop_reason: 'end_turn' }), ...text, close, stop),
  ],
  [
    'with a second call that is written otherwise and has the id of the first',
    all(open, call({ input: {} }), text[2]!, otherwise('toolu_1'), secondStop, close, stop),
    all(open, call({ input: {} }), text[2]!, otherwise('toolu_new'), secondStop, close, stop),
  ],
]

function passed(reads: readonly Uint8Array[]): { text: string; events: readonly CanonicalEvent[] } {
  const { bytes, events } = pass(reads)
  return { text: bytes.toString(), events }
}

describe('a stream that is passed on', () => {
  it.each(mended)('%s is mended', (_name, received, expected) => {
    expect(passed([Buffer.from(received)]).text).toBe(expected)
  })

  it.each(mended)('%s is mended alike wherever its bytes are cut', (_name, received) => {
    for (const lineEnd of ['\n', '\r\n', '\r']) {
      const bytes = Buffer.from(received.replaceAll('\n', lineEnd))
      const expected = passed([bytes])
      for (let at = 0; at <= bytes.length; at++)
        expect(passed([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
      expect(passed([...bytes].map((_byte, at) => bytes.subarray(at, at + 1)))).toEqual(expected)
    }
  })

  it.each(mended)('%s is mended once', (_name, received, expected) => {
    const { events } = passed([Buffer.from(received)])
    expect(passed([Buffer.from(expected)])).toMatchObject({ text: expected })
    const shapes = (list: readonly CanonicalEvent[]): unknown => list.map(({ type }) => type)
    expect(shapes(passed([Buffer.from(expected)]).events)).toEqual(shapes(events))
  })

  it.each(mended)('%s tells where each frame ends in what it hands on', (_name, received) => {
    const { bytes, events, ends } = createPassthrough(new Set()).push(Buffer.from(received))
    const frames = ends.map((to, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, to)).toString())
    expect(frames.map((one) => /^\ufeff?event: (\w+)/m.exec(one)?.[1])).toEqual(events.map(({ type }) => type))
    expect(ends.at(-1)).toBe(bytes.length)
  })

  it.each(mended)('%s means the same when it is converted', (name, received, expected) => {
    if (name.includes('other lines')) return
    const events = decode([Buffer.from(received + (received.includes('message_stop') ? '' : lastFrame))])
    const again = decode([Buffer.from(expected + (expected.includes('message_stop') ? '' : lastFrame))])
    expect(events).toEqual(again)
    expect(accumulate(passed([Buffer.from(expected)]).events).usage).toEqual(accumulate(again).usage)
  })

  it('keeps the frames that lack nothing, and their line ends', () => {
    const received = usual.replaceAll('\n', '\r\n').replace('event: content_block_stop\r\n', '')
    expect(passed([Buffer.from(received)]).text).toBe(
      received.replace('data: {"type":"content_block_stop"', 'event: content_block_stop\n$&'),
    )
  })

  it('has the type of an unknown event on one line', () => {
    expect(passed([Buffer.from('data: {"type":"a\\nb"}\n\n')]).text).toMatch(/^event: a b\ndata: /)
  })
})

describe('the last event of a stream', () => {
  const ends: readonly (readonly [string, string, string, string])[] = ['\n', '\r\n', '\r'].flatMap((lineEnd) => {
    const whole = usual.replaceAll('\n', lineEnd)
    const bare = whole.slice(0, -2 * lineEnd.length)
    return [
      ['its blank line', lineEnd, bare + lineEnd, bare + lineEnd + (lineEnd === '\r' ? '\n\n' : '\n')] as const,
      ['its line ends', lineEnd, bare, `${bare}\n\n`] as const,
      ['half a line end', lineEnd, `${bare}${lineEnd.slice(0, 1)}`, ''] as const,
    ].filter(([name]) => lineEnd === '\r\n' || name !== 'half a line end')
  })

  it.each(ends)('may lack %s where lines end in %j', (_name, _lineEnd, received, expected) => {
    const bytes = Buffer.from(received)
    const whole = passed([bytes])
    if (expected !== '') expect(whole.text).toBe(expected)
    expect(whole.text.startsWith(received)).toBe(true)
    expect(whole.events.at(-1)).toEqual(stop)
    expect(decode([Buffer.from(whole.text)])).toEqual(decode([bytes]))
    for (let at = 0; at <= bytes.length; at++)
      expect(passed([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
  })

  it('is mended as any other', () => {
    expect(passed([Buffer.from(`${all(open, close)}data: ${JSON.stringify(stop)}`)]).text).toBe(all(open, close, stop))
    expect(passed([Buffer.from(`\ufeffdata: ${JSON.stringify(close)}`)]).text).toBe(`\ufeff${frame(close)}`)
  })

  it('is none when it is cut, wherever that is', () => {
    const before = all(open, ...text)
    for (const last of [frame(close), lastFrame, frame(text[1]!)]) {
      for (let at = 0; at < last.trimEnd().length; at++)
        expect(passed([Buffer.from(before + last.slice(0, at))]).text).toBe(before)
    }
  })

  it.each(['data: [DONE]', 'data:', ': comment', 'event: ping'])('is none when it is %j', (last) => {
    expect(passed([Buffer.from(usual + last)]).text).toBe(usual)
  })
})

it('a mended stream is the same for any cuts', { timeout: 30_000 + RUNS * 30 }, () => {
  const received = fc.constantFrom(...mended.map(([, text]) => text))
  const lineEnds = fc.constantFrom('\n', '\r\n', '\r')
  const property = fc.property(
    received,
    lineEnds,
    fc.nat(3),
    fc.array(fc.nat(), { maxLength: 8 }),
    (given, lineEnd, missing, places) => {
      const bytes = Buffer.from(given.replaceAll('\n', lineEnd))
      const cut = bytes.subarray(0, bytes.length - missing)
      expect(passed(cutAt(cut, places))).toEqual(passed([cut]))
    },
  )
  fc.assert(property, { numRuns: RUNS })
})

describe('the official client', () => {
  const read = mended.filter(([, received]) => received.includes('message_stop') && received.includes('message_delta'))
  const short = ['lacks its last blank line', usual.slice(0, -1), usual] as const

  it.each([...read, short])('reads a stream %s', async (_name, received, expected) => {
    const kernel = await createTestKernel({
      plugins: [plugin, routeTo(['test'])],
      providers: [{ name: 'test', dialect: 'anthropic' }],
      upstream: () => sse([received]),
    })
    try {
      const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
        const { status, headers, text } = await kernel.request({ body: JSON.parse(init!.body as string) as object })
        return new Response(text, { status, headers: headers as Record<string, string> })
      }
      const client = new Anthropic({ apiKey: 'x', maxRetries: 0, baseURL: 'http://ccr', fetch: fetch as never })
      const asked = { model: 'm', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hi' }] }
      const answer = await client.messages.stream(asked).finalMessage()
      const wanted = accumulate(decode([Buffer.from(expected)]))
      expect(answer).toMatchObject({ stop_reason: wanted.stop_reason, usage: wanted.usage })
      const ids = (content: unknown): string => JSON.stringify(content).replace(/"toolu_(?:new|\w{24,})"/g, '"id"')
      expect(JSON.parse(ids(answer.content))).toEqual(JSON.parse(ids(wanted.content)))
    } finally {
      await kernel.dispose()
    }
  })
})

it('ids that are made differ', () => {
  const received = Buffer.from(all(open, call({ id: '', input: {} }), text[2]!))
  const made = (): unknown =>
    /"id":"(toolu_\w+)"/.exec(Buffer.from(createPassthrough(new Set()).push(received).bytes).toString())?.[1]
  expect(made()).not.toBe(made())
  expect(newId('toolu_')).toBe('toolu_new')
})
