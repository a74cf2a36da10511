import { existsSync, readFileSync } from 'node:fs'
import { cut } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIXTURES } from '../../../test/recorded.ts'
import { faultsOf, readStream, RUNS } from '../test/harness.ts'

const RECORDED = ['tiny-chat-stream', 'tiny-think-chat-stream', 'tiny-tool-chat-stream']

const data = (...chunks: readonly object[]): string =>
  `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`
const one = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
})
const fragment = (index: number, fn: object, id?: string): object => one({ tool_calls: [{ index, id, function: fn }] })

const parallel = data(
  one({ role: 'assistant', content: '' }),
  one({ reasoning_content: '思考 👩‍👩‍👧' }),
  one({ content: 'naïve 👩‍💻 text' }),
  fragment(0, { name: 'read', arguments: '' }, 'call_a'),
  fragment(1, { name: 'read', arguments: '{"p":"é' }, 'call_b'),
  fragment(0, { arguments: '{"p":"\\u00e9"' }),
  fragment(1, { arguments: '"}' }),
  fragment(0, { arguments: '}' }),
  one({}, 'tool_calls'),
  { choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } },
)

const HAND_MADE: Readonly<Record<string, string>> = {
  'parallel calls and emoji': parallel,
  CRLF: parallel.replaceAll('\n', '\r\n'),
  'lone CR': parallel.replaceAll('\n', '\r'),
  'comments, byte order mark, no space': `\uFEFF: hi\n\n${parallel.replaceAll('data: ', ': ping\ndata:')}`,
  'data of several lines': parallel
    .replaceAll(',"choices"', ',\ndata: "choices"')
    .replaceAll('"delta":', '\ndata: "delta":'),
  'no final line end': parallel.trimEnd(),
  'an error at the end': parallel.replace('data: [DONE]', 'data: {"error":{"message":"m","code":529}}'),
  'a broken event': parallel.replace('data: [DONE]', 'data: {oops'),
}

function streams(): readonly (readonly [string, Buffer])[] {
  const recorded = RECORDED.map((name) => [name, `${FIXTURES}/llama-server/${name}.response.sse`] as const).filter(
    ([, path]) => existsSync(path),
  )
  if (recorded.length === 0) console.warn(`recordings of llama-server are skipped: ${FIXTURES} is absent`)
  return [
    ...Object.entries(HAND_MADE).map(([name, text]) => [name, Buffer.from(text)] as const),
    ...recorded.map(([name, path]) => [name, readFileSync(path)] as const),
  ]
}

function outcome(pieces: readonly Uint8Array[]): string {
  const { events, fault } = readStream(pieces)
  return JSON.stringify({ events, code: (fault as { code?: string } | undefined)?.code })
}

describe.each(streams())('rule 108, rule 109: %s', { timeout: 60_000 }, (_name, bytes) => {
  const whole = outcome([bytes])

  it('every cut in two gives the same events', () => {
    for (let at = 0; at <= bytes.length; at++) if (outcome(cut(bytes, at)) !== whole) expect.fail(`cut at byte ${at}`)
  })

  it('single bytes give the same events', () => {
    expect(outcome(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toBe(whole)
  })

  it('any cuts give the same events', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (offsets) => {
        expect(outcome(cut(bytes, ...offsets))).toBe(whole)
      }),
      { numRuns: Math.ceil(RUNS / 5) },
    )
  })

  it('rule 101: every prefix of events without the end is an answer that ended, and never succeeds', () => {
    const text = bytes.toString('utf8').replaceAll('\r\n', '\n').replaceAll('\r', '\n')
    const finish = text.search(/"finish_reason":"/)
    for (let end = text.indexOf('\n\n'); end >= 0 && end < finish; end = text.indexOf('\n\n', end + 1)) {
      const { events, fault } = readStream([Buffer.from(text.slice(0, end + 2))])
      expect(fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
      expect(faultsOf(events, false)).toEqual([])
    }
  })
})

it('all ways to write the same stream mean the same', () => {
  const same = [
    'parallel calls and emoji',
    'CRLF',
    'lone CR',
    'comments, byte order mark, no space',
    'data of several lines',
    'no final line end',
  ]
  expect(new Set(same.map((name) => outcome([Buffer.from(HAND_MADE[name]!)]))).size).toBe(1)
})
