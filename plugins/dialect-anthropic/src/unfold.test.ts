import type { CanonicalEvent } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { accumulate, decode, pass } from '../test/recordings.ts'
import { Unfolder } from './unfold.ts'

const call = { type: 'tool_use', id: 'toolu_1', name: 'roll', input: { player: 'two' }, caller: { type: 'code' } }
const start = (more: object): { type: string; message: object } => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
    ...more,
  },
})
const stop = { type: 'message_stop' }
const bytes = (...events: readonly { readonly type: string }[]): Buffer[] => [
  Buffer.from(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')),
]
const types = (events: readonly CanonicalEvent[]): string[] => events.map((event) => event.type)
const whole = [
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
]

describe('an answer inside its message_start', () => {
  const stream = bytes(start({ content: [call], stop_reason: 'tool_use' }), stop)

  it('is decoded into the events it stands for', () => {
    const events = decode(stream)
    expect(types(events)).toEqual(whole)
    expect(accumulate(events)).toMatchObject({
      content: [call],
      stop_reason: 'tool_use',
      usage: { input_tokens: 3, output_tokens: 2 },
    })
  })

  it('passes with its bytes, and is checked as the events it stands for', () => {
    const passed = pass(stream)
    expect(passed.bytes.equals(stream[0]!)).toBe(true)
    expect(types(passed.events)).toEqual(whole)
    expect(accumulate(passed.events)).toMatchObject({ content: [call], stop_reason: 'tool_use' })
  })

  it('without content still has its stop reason', () => {
    const stream = bytes(start({ stop_reason: 'end_turn' }), stop)
    expect(types(decode(stream))).toEqual(['message_start', 'message_delta', 'message_stop'])
    expect(types(pass(stream).events)).toEqual(['message_start', 'message_delta', 'message_stop'])
  })

  it('whose message_delta follows has it once', () => {
    const delta = { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 9 } }
    const stream = bytes(start({ content: [call], stop_reason: 'tool_use' }), delta, stop)
    expect(types(decode(stream))).toEqual(whole)
    expect(accumulate(decode(stream))).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 9 } })
  })

  it('has the stop reason of its start where its last word has none', () => {
    const delta = { type: 'message_delta', delta: { stop_reason: null }, usage: { output_tokens: 9 } }
    const stream = bytes(start({ content: [call], stop_reason: 'tool_use' }), delta, stop)
    for (const read of [decode(stream), pass(stream).events])
      expect(accumulate(read)).toMatchObject({ stop_reason: 'tool_use', usage: { output_tokens: 9 } })
  })

  it.each([[], [{ type: 'message_delta', delta: {} }], [{ type: 'message_delta', delta: { stop_reason: null } }]])(
    'row 65: without a stop reason is none, %#',
    (...deltas) => {
      const stream = bytes(start({ content: [call] }), ...deltas, stop)
      const ended = expect.objectContaining({ code: 'CCR_STREAM_ENDED' }) as Error
      for (const read of [decode, pass]) expect(() => read(stream)).toThrow(ended)
    },
  )

  it.each([['text'], [{}], [[null]], [[{ text: 'no type' }]]])('is refused when its content is %j', (content) => {
    const stream = bytes(start({ content }), stop)
    for (const read of [decode, pass])
      expect(() => read(stream)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })
})

it('an ordinary event stands for itself', () => {
  const unfolder = new Unfolder()
  const events = [start({}), { type: 'ping' }, { type: 'message_delta', delta: { stop_reason: 'end_turn' } }, stop]
  for (const event of events) expect(unfolder.unfold(event as CanonicalEvent)).toBeUndefined()
})
