import { MAX_HELD, type CanonicalEvent } from '@ccr/sdk'
import { Validator } from '@ccr/sdk/kernel'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { repairCalls } from './repair-calls.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

const usage = { output_tokens: 1 }
const begin = {
  type: 'message_start',
  message: { id: 'm', type: 'message', role: 'assistant', model: 'x', content: [], stop_reason: null, usage },
} as unknown as CanonicalEvent

function call(index: number, pieces: readonly unknown[]): CanonicalEvent[] {
  const content_block = { type: 'tool_use', id: `t${index}`, name: 'f', input: {} }
  const deltas = pieces.map((partial_json) => {
    return { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } }
  })
  const all = [{ type: 'content_block_start', index, content_block }, ...deltas, { type: 'content_block_stop', index }]
  return all as CanonicalEvent[]
}

const end = (stop_reason: string): CanonicalEvent[] => [
  { type: 'message_delta', delta: { stop_reason }, usage },
  { type: 'message_stop' },
]

function run(events: readonly CanonicalEvent[]) {
  const out: CanonicalEvent[] = []
  const repaired: string[] = []
  const stage = repairCalls((name) => void repaired.push(name))
  const emit = (event: CanonicalEvent): void => void out.push(event)
  for (const event of events) void stage.chunk(event, emit)
  void stage.flush?.(emit)
  return { out, repaired }
}

/** The arguments that come of each call. */
function argumentsOf(events: readonly CanonicalEvent[]): string[] {
  const all: string[] = []
  for (const event of events) {
    if (event.type === 'content_block_start') all.push('')
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta')
      all[all.length - 1] += event.delta.partial_json
  }
  return all
}

/** An object as a model may write it, and as it is meant. */
const written = fc
  .record({
    input: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.oneof(fc.integer(), fc.boolean(), fc.string()), {
      minKeys: 1,
    }),
    way: fc.constantFrom('as JSON', 'keys without quotes', 'comma', 'bracket', 'block', 'text'),
  })
  .map(({ input, way }) => {
    const json = JSON.stringify(input)
    const keyless = `{${Object.entries(input)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      .join(', ')}}`
    const texts: Readonly<Record<string, string>> = {
      'as JSON': json,
      'keys without quotes': keyless,
      comma: json.replace(/\}$/, ',}'),
      bracket: `${json}}`,
      block: `\`\`\`json\n${json}\n\`\`\``,
      text: JSON.stringify(json),
    }
    return { json, text: texts[way]! }
  })

describe('repairCalls', () => {
  it(
    'repairs any calls of a whole answer, however cut, and none of one that was cut',
    { timeout: 30_000 + RUNS * 30 },
    () => {
      fc.assert(
        fc.property(
          fc.array(written, { minLength: 1, maxLength: 4 }),
          fc.integer({ min: 1, max: 9 }),
          (calls, size) => {
            const pieces = (text: string): string[] => text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
            const events = (reason: string) => [
              begin,
              ...calls.flatMap(({ text }, index) => call(index, pieces(text))),
              ...end(reason),
            ]
            const whole = run(events('tool_use')).out
            const validator = new Validator()
            for (const event of whole) validator.check(event)
            const inputs = argumentsOf(whole).map((one) => JSON.parse(one) as unknown)
            expect(inputs).toEqual(calls.map(({ json }) => JSON.parse(json) as unknown))
            expect(argumentsOf(run(events('max_tokens')).out)).toEqual(calls.map(({ text }) => text))
          },
        ),
        { numRuns: RUNS },
      )
    },
  )

  it('hears of what it repaired, and of nothing else', () => {
    const events = [begin, ...call(0, ['{}']), ...call(1, ['{a:1}']), ...call(2, ['no']), ...end('tool_use')]
    expect(run(events).repaired).toEqual(['f'])
  })

  it('lets pings pass what waits, and all of it when the answer ends in an error', () => {
    const ping: CanonicalEvent = { type: 'ping' }
    const error: CanonicalEvent = { type: 'error', error: { type: 'api_error', message: 'm' } }
    const broken = [begin, ...call(0, ['{a:1}'])]
    expect(run([...broken, ping]).out[2]).toBe(ping)
    expect(run([...broken, error]).out).toEqual([...broken, error])
  })

  it('keeps what there is of a call within which the answer ended', () => {
    const events = [begin, ...call(0, ['{a', ':1']).slice(0, 3)]
    expect(argumentsOf(run(events).out)).toEqual(['{a:1'])
  })

  it('bounds what it holds, and reads no broken event', () => {
    const piece = 'x'.repeat(MAX_HELD / 2)
    expect(() => run([begin, ...call(0, [piece, piece, 'x'])])).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }),
    )
    const odd = [
      { type: 'content_block_start', index: 0 },
      { type: 'content_block_delta', index: 0 },
      { type: 'message_delta' },
    ]
    expect(() => run([...call(0, [null, 5]), ...(odd as unknown as CanonicalEvent[])])).not.toThrow()
  })
})
