import { describe, expect, it } from 'vitest'
import { checkSse, violationsOf } from './support/sse-check.ts'

type Event = Readonly<Record<string, unknown>> & { readonly type: string }

const start = (index: number, content_block: object): Event => ({ type: 'content_block_start', index, content_block })
const delta = (index: number, type: string, field: string, value: string): Event => ({
  type: 'content_block_delta',
  index,
  delta: { type, [field]: value },
})
const stop = (index: number): Event => ({ type: 'content_block_stop', index })

const MESSAGE: Event = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 1 },
  },
}
const END = (stop_reason: string | null, output_tokens = 9): Event => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null },
  usage: { output_tokens },
})
const STOP: Event = { type: 'message_stop' }
const PING: Event = { type: 'ping' }
const FAILED: Event = { type: 'error', error: { type: 'api_error', message: 'it broke' } }

/** Every kind of block once. */
const GOOD: readonly Event[] = [
  MESSAGE,
  PING,
  start(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, 'thinking_delta', 'thinking', 'hm'),
  delta(0, 'signature_delta', 'signature', 's'),
  stop(0),
  start(1, { type: 'text', text: '' }),
  delta(1, 'text_delta', 'text', 'one '),
  delta(1, 'text_delta', 'text', 'two'),
  stop(1),
  start(2, { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }),
  delta(2, 'input_json_delta', 'partial_json', '{"a":'),
  delta(2, 'input_json_delta', 'partial_json', '1}'),
  stop(2),
  END('tool_use'),
  STOP,
]

const TEXT_ONLY: readonly Event[] = [
  MESSAGE,
  ...[GOOD[6]!, GOOD[7]!, GOOD[9]!].map((one) => ({ ...one, index: 0 })),
  END('end_turn'),
  STOP,
]

const frame = (event: Event): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const render = (events: readonly Event[]): string => events.map(frame).join('')
const rulesOf = (events: readonly Event[]): string[] => [
  ...new Set(checkSse(render(events)).violations.map(({ rule }) => rule)),
]

describe('a good stream', () => {
  it('breaks no rule and is read', () => {
    expect(violationsOf(render(GOOD))).toEqual([])
    expect(checkSse(render(GOOD))).toMatchObject({
      outcome: 'success',
      text: 'one two',
      thinking: 'hm',
      tools: [{ id: 'toolu_1', name: 'read', input: { a: 1 } }],
      stopReason: 'tool_use',
      usage: { input_tokens: 3, output_tokens: 9 },
      model: 'm',
    })
  })

  it.each([
    ['text alone', TEXT_ONLY],
    ['no content', [MESSAGE, END('end_turn'), STOP]],
    ['an error before the start', [PING, FAILED]],
    ['an error inside a block', [...GOOD.slice(0, 8), FAILED]],
    ['a call without arguments', [MESSAGE, { ...GOOD[10]!, index: 0 }, stop(0), END('tool_use'), STOP]],
    ['a call cut by its token limit', [...GOOD.slice(0, 12), stop(2), END('max_tokens'), STOP]],
  ])('may be %s', (_, events) => {
    expect(violationsOf(render(events))).toEqual([])
  })

  it('may be spelled in any way that means the same', () => {
    const text = render(GOOD)
    expect(violationsOf(text.replaceAll('\n', '\r\n'))).toEqual([])
    expect(violationsOf(text.replaceAll(': ', ':'))).toEqual([])
    expect(violationsOf(`: comment\n\n${text}`)).toEqual([])
    expect(violationsOf(`\uFEFF${text}`)).toEqual([])
    expect(violationsOf(Buffer.from(text))).toEqual([])
  })
})

describe('each rule', () => {
  const cut = (from: number, count: number, ...put: Event[]): readonly Event[] => [
    ...GOOD.slice(0, from),
    ...put,
    ...GOOD.slice(from + count),
  ]
  const raw: readonly (readonly [string, string])[] = [
    ['I1', render(GOOD).slice(0, -1)],
    ['I2', `${render(GOOD.slice(0, 1))}event: ping\ndata: {"type":\n\n${render(GOOD.slice(2))}`],
    ['I2', `event: ping\n\n${render(GOOD)}`],
    ['I3', render(GOOD).replace('event: ping', 'event: message_stop')],
    ['I3', render(GOOD).replace('event: ping\n', '')],
  ]
  it.each(raw)('%s is seen in the bytes', (rule, body) => {
    expect(checkSse(body).violations.map((one) => one.rule)).toContain(rule)
  })

  const broken: readonly (readonly [string, string, readonly Event[]])[] = [
    ['I4', 'an event after message_stop', [...GOOD, PING]],
    ['I4', 'an event after an error', [...GOOD.slice(0, 8), FAILED, GOOD[8]!]],
    ['I5', 'an error of another shape', [MESSAGE, { type: 'error', message: { message: 'x' } }]],
    ['I5', 'an error of an unknown type', [MESSAGE, { type: 'error', error: { type: 'oops', message: 'x' } }]],
    ['I6', 'a block before message_start', [GOOD[2]!, ...GOOD.slice(0, 2), ...GOOD.slice(3)]],
    ['I7', 'a second message_start', cut(2, 0, MESSAGE)],
    [
      'I7',
      'a message_start without usage',
      cut(0, 1, { ...MESSAGE, message: { ...(MESSAGE['message'] as object), usage: {} } }),
    ],
    [
      'I7',
      'a message_start without id',
      cut(0, 1, { ...MESSAGE, message: { ...(MESSAGE['message'] as object), id: '' } }),
    ],
    ['I8', 'overlapping blocks', cut(5, 1)],
    ['I9', 'an index left out', [MESSAGE, start(1, { type: 'text', text: '' }), stop(1), END('end_turn'), STOP]],
    ['I10', 'a delta after its block', cut(10, 0, GOOD[8]!)],
    ['I10', 'a delta for another block', cut(8, 1, { ...GOOD[8]!, index: 0 })],
    ['I11', 'text in a call', cut(11, 1, delta(2, 'text_delta', 'text', 'x'))],
    ['I11', 'thinking in text', cut(7, 1, delta(1, 'thinking_delta', 'thinking', 'x'))],
    ['I12', 'a stop without a start', cut(10, 0, stop(1))],
    ['I13', 'broken arguments', cut(12, 1)],
    ['I13', 'arguments that are no object', cut(11, 2, delta(2, 'input_json_delta', 'partial_json', '[1]'))],
    ['I14', 'an open block at message_delta', cut(13, 1)],
    ['I15', 'two stop reasons', cut(15, 0, END('end_turn'))],
    ['I16', 'usage that falls', cut(14, 1, END('tool_use', 0))],
    ['I16', 'usage that is no count', cut(14, 1, END('tool_use', 1.5))],
    ['I17', 'message_stop without message_delta', cut(14, 1)],
    ['I18', 'two message_stop', [...GOOD, STOP]],
    ['I19', 'an unknown event', cut(1, 1, { type: 'surprise' })],
    ['I20', 'no stop reason', cut(14, 1, END(null))],
    ['I21', 'no end', GOOD.slice(0, -1)],
    ['I21', 'nothing at all', []],
    ['I22', 'both ends', [...GOOD, FAILED]],
    ['I22', 'two errors', [MESSAGE, FAILED, FAILED]],
    ['I23', 'tool_use without a call', [...TEXT_ONLY.slice(0, -2), END('tool_use'), STOP]],
    ['I24', 'a call that ends with end_turn', cut(14, 1, END('end_turn'))],
  ]
  it.each(broken)('%s is seen in %s', (rule, _, events) => {
    expect(rulesOf(events)).toContain(rule)
  })

  it('leaves the semantic rules out when asked', () => {
    expect(violationsOf(render(cut(14, 1, END('end_turn', 0))), { semantic: false })).toEqual([])
    expect(violationsOf(render(cut(13, 1)), { semantic: false })).not.toEqual([])
  })
})

describe('every mutant of a good stream', () => {
  // What no rule about order can see: text that is lost or doubled needs the truth of the upstream. Pings mean nothing.
  const harmless = new Set([1, 3, 4, 7, 8])
  const mutants: readonly (readonly [string, (at: number) => readonly Event[], ReadonlySet<number>])[] = [
    ['dropped', (at) => GOOD.filter((_, index) => index !== at), harmless],
    ['doubled', (at) => GOOD.flatMap((event, index) => (index === at ? [event, event] : [event])), harmless],
    [
      'swapped with its neighbour',
      (at) => GOOD.map((event, index) => (index === at ? GOOD[at + 1]! : index === at + 1 ? GOOD[at]! : event)),
      new Set([0, 1, 3, 7]),
    ],
  ]
  it.each(mutants)('is caught when an event is %s, or is known to be harmless', (kind, mutate, unseen) => {
    const last = kind.startsWith('swapped') ? GOOD.length - 1 : GOOD.length
    for (let at = 0; at < last; at++) {
      const caught = rulesOf(mutate(at)).length > 0
      expect({ kind, at, type: GOOD[at]!.type, caught }).toEqual({
        kind,
        at,
        type: GOOD[at]!.type,
        caught: !unseen.has(at),
      })
    }
  })
})
