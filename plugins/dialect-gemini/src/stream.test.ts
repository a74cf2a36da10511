import fc from 'fast-check'
import type { CanonicalEvent } from '@ccr/sdk'
import { cut } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { chunk, fakeAttempt, messageOf, readStream, sseOf, target } from '../test/harness.ts'
import { faultsOf } from '../test/validate.ts'

/** Runs of each property; a long run takes more. */
const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const timeout = 30_000 + numRuns * 60

/** One thing that a model says, before it is cut into parts and events. */
type Said =
  | { readonly kind: 'text' | 'thought'; readonly pieces: readonly string[]; readonly signature: string | undefined }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: object
      readonly id: string | undefined
      readonly signature: string | undefined
    }

const word = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom('naïve ', '👩‍👩‍👧', '思考', 'a\nb', 'data: {"x"', '\u2028', '}\r\n\r\n', '"\\'),
)
const signature = fc.option(fc.base64String({ minLength: 4, maxLength: 12 }), { nil: undefined, freq: 2 })
const said: fc.Arbitrary<Said> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('text' as const, 'thought' as const),
    pieces: fc.array(word, { minLength: 1, maxLength: 4 }),
    signature,
  }),
  fc.record({
    kind: fc.constant('call' as const),
    name: fc.constantFrom('read', 'write', 'mcp__x__y'),
    args: fc.dictionary(fc.constantFrom('a', 'b', 'nested', '日本'), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    id: fc.option(fc.stringMatching(/^[a-z0-9]{4,8}$/), { nil: undefined }),
    signature,
  }),
)

function partsOf(one: Said): readonly object[] {
  const mark = one.signature === undefined ? {} : { thoughtSignature: one.signature }
  if (one.kind === 'call')
    return [{ functionCall: { name: one.name, args: one.args, ...(one.id && { id: one.id }) }, ...mark }]
  const thought = one.kind === 'thought' ? { thought: true } : {}
  // A thought is signed at its end, a text at its beginning.
  const at = one.kind === 'thought' ? one.pieces.length - 1 : 0
  return one.pieces.map((text, index) => ({ text, ...thought, ...(index === at && mark) }))
}

interface Script {
  readonly said: readonly Said[]
  readonly events: readonly object[]
  readonly finish: string
}

/** Parts are spread over events, usage stands anywhere or nowhere. */
const script: fc.Arbitrary<Script> = fc
  .record({
    said: fc.array(said, { maxLength: 6 }),
    groups: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 24, maxLength: 24 }),
    usage: fc.array(fc.boolean(), { minLength: 26, maxLength: 26 }),
    finish: fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY', 'OTHER'),
    together: fc.boolean(),
  })
  .map(({ said: all, groups, usage, finish, together }) => {
    const parts = all.flatMap(partsOf)
    const events: object[] = []
    for (let from = 0, group = 0; from < parts.length; group++) {
      const to = from + (groups[group] ?? 1)
      const last = together && to >= parts.length
      events.push(chunk(parts.slice(from, to), last ? finish : undefined, usage[group] ? usageOf(group) : {}))
      from = to
    }
    if (!together || parts.length === 0) events.push(chunk([{ text: '' }], finish, usage[25] ? usageOf(25) : {}))
    return { said: all, events, finish }
  })

function usageOf(step: number): object {
  return { usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 10 + step, cachedContentTokenCount: 40 } }
}

/** Ways to write the same events. */
const writing = fc.record({
  end: fc.constantFrom('\n', '\r\n', '\r'),
  space: fc.constantFrom(' ', ''),
  mark: fc.constantFrom('', '\uFEFF'),
  comment: fc.constantFrom('', ': ping', 'id: 7', 'retry: 10', 'event: message'),
  split: fc.boolean(),
  closed: fc.boolean(),
})

function write(events: readonly object[], way: typeof writing extends fc.Arbitrary<infer Way> ? Way : never): Buffer {
  const { end, space, mark, comment, split, closed } = way
  const frames = events.map((event) => {
    const json = JSON.stringify(event)
    // A line end may stand behind any comma that is not inside of a text; the first key has one.
    const lines = split ? json.replace('"candidates":', '"x":0,\n"candidates":').split('\n') : [json]
    return [...(comment ? [comment] : []), ...lines.map((line) => `data:${space}${line}`), '', ''].join(end)
  })
  const text = mark + frames.join('')
  return Buffer.from(closed ? text : text.replace(/[\r\n]+$/, ''))
}

interface Told {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly (readonly [name: string, args: unknown])[]
}

function toldBy(all: readonly Said[]): Told {
  const joined = (kind: string): string =>
    all.flatMap((one) => (one.kind === kind && 'pieces' in one ? one.pieces : [])).join('')
  const calls = all.flatMap((one) => (one.kind === 'call' ? [[one.name, one.args] as const] : []))
  return {
    text: joined('text'),
    thinking: joined('thought'),
    calls: JSON.parse(JSON.stringify(calls)) as Told['calls'],
  }
}

function told(events: readonly CanonicalEvent[]): Told {
  const blocks = messageOf(events).content as readonly {
    type: string
    text: string
    thinking: string
    name: string
    input: unknown
  }[]
  const of = (type: string): typeof blocks => blocks.filter((block) => block.type === type)
  return {
    text: of('text')
      .map(({ text }) => text)
      .join(''),
    thinking: of('thinking')
      .map(({ thinking }) => thinking)
      .join(''),
    calls: of('tool_use').map(({ name, input }) => [name, input] as const),
  }
}

function stopOf({ said: all, finish }: Script): string {
  if (finish === 'MAX_TOKENS') return 'max_tokens'
  if (finish === 'SAFETY') return 'refusal'
  return all.some(({ kind }) => kind === 'call') ? 'tool_use' : 'end_turn'
}

describe('any stream', () => {
  it('rules 82, 83, 107: however it is written and cut, is a valid stream that says what was said', { timeout }, () => {
    fc.assert(
      fc.property(script, writing, fc.array(fc.nat(), { maxLength: 8 }), (made, way, cuts) => {
        const bytes = write(made.events, way)
        const { events, fault } = readStream(cut(bytes, ...cuts))
        if (fault !== undefined) throw fault
        expect(faultsOf(events)).toEqual([])
        expect(told(events)).toEqual(toldBy(made.said))
        expect(messageOf(events).stop_reason).toBe(stopOf(made))
      }),
      { numRuns },
    )
  })

  it('rule 109: is the same events wherever it is cut', { timeout }, () => {
    fc.assert(
      fc.property(script, writing, fc.array(fc.nat(), { maxLength: 12 }), (made, way, cuts) => {
        const bytes = write(made.events, way)
        const pieces = cut(bytes, ...cuts)
        expect(readStream(pieces)).toEqual(readStream([bytes]))
      }),
      { numRuns },
    )
  })

  it('rule 101: of which the end is missing, ends in an error and never succeeds', { timeout }, () => {
    fc.assert(
      fc.property(script, fc.nat(), (made, at) => {
        const kept = made.events.slice(0, at % made.events.length)
        const { events, fault } = readStream([Buffer.from(sseOf(kept))])
        expect(fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
        expect(faultsOf(events, false)).toEqual([])
      }),
      { numRuns },
    )
  })

  it('of any objects, is read or refused as the upstream’s fault', { timeout }, () => {
    const junk = fc.constantFrom<unknown>(null, true, 7, 'x', [], {}, [null], { parts: 5 })
    const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
      fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })
    const piece = mixed(
      ['jsonPath', 'stringValue', 'numberValue', 'boolValue', 'willContinue'],
      fc.constantFrom('$.a', '$.a[0]', 'x', true, 1),
    )
    const functionCall = mixed(
      ['name', 'id', 'args', 'willContinue', 'partialArgs'],
      fc.oneof(fc.constantFrom('f', true, {}), fc.array(piece, { maxLength: 2 })),
    )
    const part = fc.oneof(
      mixed(['text', 'thought', 'thoughtSignature'], fc.constantFrom('t', true)),
      fc.oneof(functionCall, junk).map((value) => ({ functionCall: value })),
      mixed(
        ['inlineData', 'executableCode', 'functionResponse'],
        fc.constantFrom({ mimeType: 'image/png', data: 'AA' }),
      ),
    )
    const candidate = mixed(
      ['content', 'finishReason', 'groundingMetadata', 'index'],
      fc.oneof(
        fc.array(part, { maxLength: 3 }).map((parts) => ({ parts })),
        fc.constantFrom('STOP', 0),
        mixed(
          ['groundingChunks', 'webSearchQueries', 'groundingSupports'],
          fc.array(
            mixed(['web', 'segment', 'groundingChunkIndices'], mixed(['uri', 'title', 'text'], fc.constant('u'))),
          ),
        ),
      ),
    )
    const event = mixed(
      ['candidates', 'usageMetadata', 'promptFeedback', 'error'],
      fc.oneof(
        fc.array(candidate, { maxLength: 2 }),
        fc.constant(undefined),
        mixed(['blockReason', 'promptTokenCount'], fc.constantFrom('x', -1, 1.5)),
      ),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 4 }), (events) => {
        const { events: out, fault } = readStream([Buffer.from(sseOf(events as object[]))])
        if (fault !== undefined) expect((fault as { code: string }).code).toMatch(/^CCR_STREAM_/)
        expect(faultsOf(out, fault === undefined)).toEqual([])
      }),
      { numRuns },
    )
  })
})

const HAND_MADE = sseOf([
  chunk([{ text: '思考 👩‍👩‍👧', thought: true }]),
  chunk([{ text: 'naïve 👩‍💻' }], undefined, usageOf(1)),
  chunk([
    { functionCall: { name: 'read', args: { p: 'é' } }, thoughtSignature: 'S' },
    { functionCall: { name: 'read', args: {} } },
  ]),
  chunk([], 'STOP', usageOf(2)),
])

const WAYS: Readonly<Record<string, string>> = {
  CRLF: HAND_MADE,
  LF: HAND_MADE.replaceAll('\r\n', '\n'),
  'lone CR': HAND_MADE.replaceAll('\r\n', '\r'),
  'comments, byte order mark, no space': `\uFEFF: hi\n\n${HAND_MADE.replaceAll('data: ', ': ping\ndata:')}`,
  'data of several lines': HAND_MADE.replaceAll('"index":', '\r\ndata: "index":'),
  'no final line end': HAND_MADE.trimEnd(),
  'a marker of other vendors at the end': `${HAND_MADE}data: [DONE]\n\n`,
}

describe('a stream with everything in it', () => {
  const whole = readStream([Buffer.from(HAND_MADE)])

  it.each(Object.entries(WAYS))('rules 106, 107, 108: with %s, cut at every byte', (_way, written) => {
    const bytes = Buffer.from(written)
    expect(whole.fault).toBeUndefined()
    for (let at = 0; at <= bytes.length; at++)
      if (JSON.stringify(readStream(cut(bytes, at))) !== JSON.stringify(whole)) expect.fail(`cut at byte ${at}`)
    expect(readStream(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1)))).toEqual(whole)
  })

  it('rule 101: and every prefix of bytes without the end is an error', () => {
    const bytes = Buffer.from(HAND_MADE)
    const finish = bytes.lastIndexOf('"finishReason"')
    for (let end = 0; end < finish; end++) {
      const { events, fault } = readStream([bytes.subarray(0, end)])
      if ((fault as { code?: string } | undefined)?.code !== 'CCR_STREAM_ENDED') expect.fail(`prefix of ${end} bytes`)
      expect(faultsOf(events, false)).toEqual([])
    }
  })

  it('an event that is no object is the upstream’s fault, an error event its report', () => {
    expect(readStream([Buffer.from(`${sseOf([chunk([{ text: 'a' }])])}data: [1]\n\n`)]).fault).toMatchObject({
      code: 'CCR_STREAM_INVALID',
    })
    expect(readStream([Buffer.from('event: error\ndata: {"message":"m"}\n\n')]).fault).toMatchObject({
      code: 'CCR_STREAM_ERROR',
      message: 'm',
    })
  })
})

describe('an answer, whose end nothing marks', () => {
  it.each([
    ['a finish reason by itself', [chunk([{ text: 'a' }], 'STOP'), chunk([{ text: '' }], 'STOP')]],
    ['a refusal of the prompt', [{ usageMetadata: {} }, { promptFeedback: { blockReason: 'SAFETY' } }]],
  ])('is complete from %s on', (_what, events) => {
    const decoder = target.decoder(fakeAttempt())
    const seen = events.map((event) => {
      void decoder.chunk(event, () => undefined)
      return decoder.complete
    })
    expect(seen).toEqual([false, true])
  })

  it('is not complete where finish reasons come with what is said, or something is said behind one', () => {
    const decoder = target.decoder(fakeAttempt())
    const pieces = [chunk([{ text: 'a' }], 'STOP'), chunk([{ text: '' }], 'STOP'), chunk([{ text: 'b' }])]
    const seen = pieces.map((event) => {
      void decoder.chunk(event, () => undefined)
      return decoder.complete
    })
    expect(seen).toEqual([false, true, false])
  })
})
