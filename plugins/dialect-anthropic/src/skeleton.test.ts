import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSkeleton } from './skeleton.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

interface Seen {
  readonly type?: unknown
  readonly index?: unknown
  readonly delta?: { readonly type?: unknown }
  readonly content_block?: { readonly type?: unknown }
}

/** What a skeleton tells, of a skeleton or of the whole event. */
function told({ type, index, delta, content_block }: Seen): unknown[] {
  return [type, index, delta?.type, content_block?.type]
}

function read(data: string): Seen {
  return readSkeleton(undefined, Buffer.from(data).toString('latin1'), new Set()) as Seen
}

const key = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(`"${name}"`, `"${name}"`, `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`)
const text = fc.constantFrom('hi', 'the \\"type\\": \\"x\\"', '\\u003cb\\u003e', 'é', 'index', 'type')
const part = fc.constantFrom('text_delta', 'thinking_delta', 'signature_delta')
const again = fc.tuple(key('type'), part).map(([name, value]) => `${name}:"${value}"`)
const inside = fc
  .tuple(
    part,
    fc.array(
      fc.oneof(
        text.map((value) => `"text":"${value}"`),
        again,
      ),
    ),
  )
  .map(([type, fields]) => `{${[`"type":"${type}"`, ...fields].join(',')}}`)
const field = fc.oneof(
  fc.tuple(key('index'), fc.nat(9)).map(([name, value]) => `${name}:${value}`),
  fc.tuple(key('delta'), inside).map(([name, value]) => `${name}:${value}`),
  text.map((value) => `"note":"${value}"`),
)
const deltas = fc
  .tuple(fc.nat(9), inside, fc.array(field))
  .map(
    ([index, delta, fields]) =>
      `{${['"type":"content_block_delta"', `"index":${index}`, `"delta":${delta}`, ...fields].join(',')}}`,
  )

describe('the skeleton of an event', { timeout: 30_000 + RUNS * 30 }, () => {
  it.each([
    '{"type":"content_block_stop","index":0,"index":1}',
    '{"type":"content_block_stop","index":0,"type":"message_stop"}',
    '{"type":"ping","type":"message_stop"}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"},"index":1}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","type":"thinking_delta","text":"a"}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"},"\\u0069ndex":1}',
    '{"type":"content_block_start","index":0,"content_block":{"type":"text"},"content_block":{"type":"tool_use"}}',
  ])('counts the last of a repeated key, as a client does: %s', (data) => {
    expect(told(read(data))).toEqual(told(JSON.parse(data) as Seen))
  })

  it.each([
    [undefined, '{"index":0,"type":"content_block_stop"}', 'content_block_stop'],
    [undefined, '{"type":"content_block_delta","index":0}', 'content_block_delta'],
    [undefined, '{"type":"content_block_stop"}', 'content_block_stop'],
    [undefined, '{"type":"ping"} \n\t', 'ping'],
    [undefined, '{"error":{"message":"m"}}', 'error'],
    ['ping', '{}', 'ping'],
    ['x'.repeat(101), '{}', 'x'.repeat(101)],
  ])('of the type %j with the data %s is of the type %s', (name, data, type) => {
    const event = readSkeleton(name, data, new Set())
    expect(event).toEqual({ ...(JSON.parse(data) as object), type })
  })

  it.each([
    ['ping', '{"type":"message_stop"}', " of type 'ping'"],
    [undefined, '{}', ''],
    [undefined, '{"type":"ping"', ''],
    [undefined, '{"type":"ping"}x', ''],
    ['x'.repeat(100), '{', ` of type '${'x'.repeat(100)}'`],
    ['x'.repeat(101), '{', ''],
  ])('is refused of the type %j with the data %s', (name, data, place) => {
    const message = `the upstream sent an event${place} whose data, ${data.length} characters, does not fit`
    expect(() => readSkeleton(name, data, new Set())).toThrow(
      expect.objectContaining({ code: 'CCR_STREAM_INVALID', message }),
    )
  })

  it('is that of the event parsed, whatever keys are repeated and however they are written', () => {
    fc.assert(
      fc.property(deltas, (data) => {
        expect(told(read(data))).toEqual(told(JSON.parse(data) as Seen))
      }),
      { numRuns: RUNS },
    )
  })
})
