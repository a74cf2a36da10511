import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from '../canonical.ts'
import { createAccumulator } from '../message.ts'
import { Validator } from './validator.ts'

const delta = (
  index: number,
  part: Extract<CanonicalEvent, { type: 'content_block_delta' }>['delta'],
): CanonicalEvent => ({ type: 'content_block_delta', index, delta: part })
const stop = (index: number): CanonicalEvent => ({ type: 'content_block_stop', index })

/** A transcript with every kind of block; the numbers are what the table below speaks of. */
const GOOD: readonly CanonicalEvent[] = [
  /* 0 */ {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 0 },
    },
  },
  /* 1 */ { type: 'ping' },
  /* 2 */ { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  /* 3 */ delta(0, { type: 'thinking_delta', thinking: 'hm' }),
  /* 4 */ delta(0, { type: 'signature_delta', signature: 's' }),
  /* 5 */ stop(0),
  /* 6 */ { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
  /* 7 */ delta(1, { type: 'text_delta', text: 'Hel' }),
  /* 8 */ delta(1, { type: 'text_delta', text: 'lo' }),
  /* 9 */ stop(1),
  /* 10 */ {
    type: 'content_block_start',
    index: 2,
    content_block: { type: 'tool_use', id: 't1', name: 'f', input: {} },
  },
  /* 11 */ delta(2, { type: 'input_json_delta', partial_json: '{"a":' }),
  /* 12 */ delta(2, { type: 'input_json_delta', partial_json: '1}' }),
  /* 13 */ stop(2),
  /* 14 */ {
    type: 'content_block_start',
    index: 3,
    content_block: { type: 'tool_use', id: 't2', name: 'g', input: {} },
  },
  /* 15 */ delta(3, { type: 'input_json_delta', partial_json: '{"b":2}' }),
  /* 16 */ stop(3),
  /* 17 */ {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 9 },
  },
  /* 18 */ { type: 'message_stop' },
]

/**
 * The mutants whose order is legal. `conservation`: only a comparison with what the upstream meant can tell (a delta
 * was lost, doubled or moved). `harmless`: the client reads the same message.
 */
const LEGAL: Readonly<Record<string, 'harmless' | 'conservation'>> = {
  'drop 1': 'harmless',
  'double 1': 'harmless',
  'swap 0': 'harmless', // a ping may come before message_start
  'swap 1': 'harmless',
  'drop 3': 'conservation',
  'double 3': 'conservation',
  'drop 4': 'conservation',
  'double 4': 'harmless', // the same signature again
  'swap 3': 'harmless', // text and signature are kept apart
  'drop 7': 'conservation',
  'double 7': 'conservation',
  'drop 8': 'conservation',
  'double 8': 'conservation',
  'swap 7': 'conservation',
  'drop 11': 'conservation',
  'double 11': 'conservation',
  'drop 12': 'conservation',
  'double 12': 'conservation',
  'swap 11': 'conservation',
  'drop 15': 'conservation',
  'double 15': 'conservation',
  'double 17': 'harmless', // usage is cumulative, the reason the same
}

type Mutation = 'drop' | 'double' | 'swap'

function mutate(mutation: Mutation, at: number): readonly CanonicalEvent[] {
  if (mutation === 'drop') return GOOD.toSpliced(at, 1)
  if (mutation === 'double') return GOOD.toSpliced(at, 0, GOOD[at]!)
  return GOOD.toSpliced(at, 2, GOOD[at + 1]!, GOOD[at]!)
}

/** Caught: a rule was broken, or the stream lacks its end, which the exchange turns into an error event. */
function isCaught(events: readonly CanonicalEvent[]): boolean {
  const validator = new Validator()
  try {
    for (const event of events) validator.check(event)
  } catch {
    return true
  }
  return !validator.ended
}

function read(events: readonly CanonicalEvent[]) {
  const accumulator = createAccumulator()
  for (const event of events) accumulator.push(event)
  return accumulator.message()
}

describe('the validator', () => {
  it('accepts the good transcript', () => expect(isCaught(GOOD)).toBe(false))

  for (const mutation of ['drop', 'double', 'swap'] as const) {
    for (let at = 0; at < GOOD.length - (mutation === 'swap' ? 1 : 0); at++) {
      const name = `${mutation} ${at}`
      const verdict = LEGAL[name] ?? 'caught'
      it(`${name} (${GOOD[at]!.type}): ${verdict}`, () => {
        const mutant = mutate(mutation, at)
        expect(isCaught(mutant)).toBe(verdict === 'caught')
        if (verdict === 'harmless') expect(read(mutant)).toEqual(read(GOOD))
        if (verdict === 'conservation') expect(read(mutant)).not.toEqual(read(GOOD))
      })
    }
  }

  it.each([
    ['I4', [...GOOD, { type: 'ping' } as CanonicalEvent]],
    ['I6', GOOD.slice(2)],
    ['I7', [GOOD[0]!, GOOD[0]!]],
    ['I8', [GOOD[0]!, GOOD[2]!, GOOD[6]!]],
    ['I9', [GOOD[0]!, GOOD[6]!]],
    ['I10', [GOOD[0]!, GOOD[2]!, GOOD[7]!]],
    ['I11', [GOOD[0]!, GOOD[2]!, delta(0, { type: 'text_delta', text: 'x' })]],
    ['I12', [GOOD[0]!, stop(0)]],
    ['I14', [GOOD[0]!, GOOD[2]!, GOOD[17]!]],
    ['I17', [GOOD[0]!, GOOD[18]!]],
  ])('names rule %s', (rule, events) => {
    const validator = new Validator()
    expect(() => events.forEach((event) => validator.check(event))).toThrow(new RegExp(`rule ${rule}:`))
  })

  const block = (index: number, content_block: object | null): CanonicalEvent =>
    ({ type: 'content_block_start', index, content_block }) as CanonicalEvent
  const open = [GOOD[0]!, GOOD[2]!]
  it.each<[string, readonly CanonicalEvent[]]>([
    ["I4: 'ping' after the end", [...GOOD, { type: 'ping' }]],
    ["I4: 'message_start' after the end", [{ type: 'error', error: { type: 'api_error', message: 'm' } }, GOOD[0]!]],
    ["I6: 'content_block_stop' before 'message_start'", [stop(0)]],
    ["I7: 'message_start' without a message", [{ type: 'message_start', message: null } as never]],
    ["I7: 'message_start' without a message", [{ type: 'message_start', message: 'm' } as never]],
    ["I7: a second 'message_start'", [...open, GOOD[0]!]],
    ['I8: block 1 starts while block 0 is open', [...open, GOOD[6]!]],
    ['I9: block 2 starts where 1 was due', [...open, stop(0), block(2, { type: 'text' })]],
    ['I10: a delta for block 1, which is not open', [...open, delta(1, { type: 'thinking_delta', thinking: 'a' })]],
    ['I10: a delta for block 0, which is not open', [...open, stop(0), GOOD[3]!]],
    ['I11: block 0 has no type', [GOOD[0]!, block(0, {})]],
    ['I11: block 0 has no type', [GOOD[0]!, block(0, null)]],
    ['I11: a delta of block 0 has no type', [...open, delta(0, {} as never)]],
    ['I11: a delta of block 0 has no type', [...open, delta(0, null as never)]],
    ["I11: 'text_delta' in a 'thinking' block", [...open, delta(0, { type: 'text_delta', text: 'x' })]],
    ['I12: block 1 stops but is not open', [...open, stop(1)]],
    ['I12: block 0 stops but is not open', [...open, stop(0), stop(0)]],
    ["I14: 'message_delta' while block 0 is open", [...open, GOOD[17]!]],
    ["I14: block 0 starts after 'message_delta'", [GOOD[0]!, GOOD[17]!, GOOD[2]!]],
    ["I17: 'message_stop' without 'message_delta'", [GOOD[0]!, GOOD[18]!]],
  ])('says %s', (fact, events) => {
    const validator = new Validator()
    for (const event of events.slice(0, -1)) validator.check(event)
    const fault = { code: 'CCR_STREAM_ORDER', message: `the stream broke rule ${fact}` }
    expect(() => validator.check(events.at(-1)!)).toThrow(expect.objectContaining(fault))
  })

  const deltas: Readonly<Record<string, readonly string[]>> = {
    text_delta: ['text'],
    citations_delta: ['text'],
    input_json_delta: ['tool_use', 'server_tool_use', 'mcp_tool_use'],
    thinking_delta: ['thinking'],
    signature_delta: ['thinking'],
  }
  const blocks = [...new Set(Object.values(deltas).flat()), 'redacted_thinking']
  it.each(Object.entries(deltas))('I11: lets %s into no known block but %j', (type, fitting) => {
    const fits = (within: string): boolean => {
      const validator = new Validator()
      for (const event of [GOOD[0]!, block(0, { type: within })]) validator.check(event)
      try {
        validator.check(delta(0, { type } as never))
        return true
      } catch {
        return false
      }
    }
    expect(blocks.filter(fits)).toEqual(fitting)
  })

  it('takes an error for the end, wherever it comes', () => {
    const error: CanonicalEvent = { type: 'error', error: { type: 'api_error', message: 'm' } }
    for (const before of [[], open, GOOD.slice(0, 18)]) {
      const validator = new Validator()
      for (const event of before) validator.check(event)
      expect(validator.ended).toBe(false)
      validator.check(error)
      expect(validator.ended).toBe(true)
    }
  })

  it('lets event, block and delta types pass that it does not know', () => {
    const future = [
      GOOD[0]!,
      { type: 'content_block_start', index: 0, content_block: { type: 'hologram' } },
      delta(0, { type: 'text_delta', text: 'x' }),
      delta(0, { type: 'light_delta' } as never),
      stop(0),
      { type: 'applause' } as never,
      GOOD[17]!,
      GOOD[18]!,
    ] satisfies readonly CanonicalEvent[]
    expect(isCaught(future)).toBe(false)
  })
})
