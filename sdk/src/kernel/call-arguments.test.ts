import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from '../canonical.ts'
import { MAX_HELD } from '../message-writer.ts'
import { CallArguments } from './call-arguments.ts'

const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

const usage = { output_tokens: 1 }
const message = { id: 'm', type: 'message', role: 'assistant', model: 'x', content: [], stop_reason: null, usage }
const begin = { type: 'message_start', message } as unknown as CanonicalEvent
const ping: CanonicalEvent = { type: 'ping' }

/** A call with these pieces of arguments. */
function call(pieces: readonly unknown[], { index = 0, input = {}, type = 'tool_use' } = {}): CanonicalEvent[] {
  return [
    { type: 'content_block_start', index, content_block: { type, id: 't', name: 'f', input } },
    ...pieces.map((partial_json) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index },
  ] as CanonicalEvent[]
}

function text(index: number): CanonicalEvent[] {
  return [
    { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
    { type: 'content_block_stop', index },
  ]
}

function end(stop_reason: string | null): CanonicalEvent[] {
  return [{ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }, { type: 'message_stop' }]
}

function see(events: readonly CanonicalEvent[], size = events.length) {
  const calls = new CallArguments()
  const passed: CanonicalEvent[] = []
  for (let at = 0; at < events.length; at += size) passed.push(...calls.see(events.slice(at, at + size)))
  return { passed, code: calls.fault?.code }
}

/** How many events come of a call with these pieces, or the code of its failure. */
function outcome(pieces: readonly unknown[], reason: string, more: object = {}): number | string {
  const { passed, code } = see([begin, ...call(pieces, more), ...end(reason)])
  return code ?? passed.length
}

describe('a call whose arguments were cut', () => {
  it.each([
    ['tool_use', 'CCR_STREAM_INVALID'],
    ['end_turn', 'CCR_STREAM_INVALID'],
    ['stop_sequence', 'CCR_STREAM_INVALID'],
    ['max_tokens', 6],
    ['model_context_window_exceeded', 6],
    ['refusal', 6],
    ['pause_turn', 6],
  ])('in an answer that stopped for %s: %s', (reason, expected) => {
    expect(outcome(['{"a":'], reason)).toBe(expected)
  })

  it('is never given out as whole, wherever it was cut', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 })
    fc.assert(
      fc.property(object, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 7 }), (input, until, cut, size) => {
        const whole = JSON.stringify(input)
        const pieces = (text: string): string[] => [text.slice(0, cut % text.length), text.slice(cut % text.length)]
        expect(outcome(pieces(whole), 'tool_use')).toBe(7)
        const half = whole.slice(0, 1 + (until % (whole.length - 1)))
        const events = [begin, ...call(pieces(half)), ...end('tool_use')]
        const { passed, code } = see(events, size)
        expect(code).toBe('CCR_STREAM_INVALID')
        expect(passed).toEqual(events.slice(0, 4))
      }),
      { numRuns },
    )
  })

  it('has no end before it is known why the answer stopped, nor has what follows', () => {
    const events = [begin, ...call(['{']), ping, ...text(1), ...call(['{}'], { index: 2 })]
    expect(see(events, 1).passed).toEqual([...events.slice(0, 3), ping])
    expect(see([...events, ...end('tool_use')], 1)).toEqual({
      passed: [...events.slice(0, 3), ping],
      code: 'CCR_STREAM_INVALID',
    })
    const unpinged = events.filter((event) => event !== ping)
    expect(see([...unpinged, ...end('max_tokens')], 1).passed).toEqual([...unpinged, ...end('max_tokens')])
  })

  it('waits for the event that names a reason', () => {
    const delta = { type: 'message_delta', delta: { stop_reason: null } } as CanonicalEvent
    const events = [begin, ...call(['{']), delta]
    expect(see([...events, ...end('max_tokens')]).passed).toHaveLength(7)
    expect(see([...events, ...end('end_turn')])).toMatchObject({ code: 'CCR_STREAM_INVALID' })
    expect(see([...events, ...end(null)])).toMatchObject({ code: undefined, passed: { length: 7 } })
  })

  it('does not hold up an error', () => {
    const error: CanonicalEvent = { type: 'error', error: { type: 'api_error', message: 'm' } }
    expect(see([begin, ...call(['{']), error]).passed.at(-1)).toBe(error)
  })

  it('is none where its input stands in its start, or it has no input', () => {
    expect(outcome([], 'tool_use', { input: { a: 1 } })).toBe(5)
    expect(outcome([null], 'tool_use', { input: { a: 1 } })).toBe(6)
    expect(outcome([''], 'tool_use')).toBe(6)
    expect(outcome([null], 'tool_use')).toBe(6)
    expect(outcome([' ', '\n'], 'tool_use')).toBe(7)
  })

  it('is none where the client does not run it', () => {
    expect(outcome(['{"a":'], 'tool_use', { type: 'server_tool_use' })).toBe(6)
  })

  it('is given up where its arguments are too long to be judged', () => {
    const piece = 'x'.repeat(MAX_HELD / 2)
    expect(outcome(['{"a":"', piece, piece], 'max_tokens')).toBe('CCR_STREAM_LIMIT')
    expect(outcome([piece, piece], 'max_tokens')).toBe(7)
  })

  it('is judged by itself, however much the calls before it held', () => {
    const piece = `{"a":"${'x'.repeat(MAX_HELD / 2)}"}`
    const long = [0, 1, 2].flatMap((index) => call([piece], { index }))
    expect(see([begin, ...long, ...end('tool_use')]).code).toBeUndefined()
    expect(see([begin, ...long, ...call(['{'], { index: 3 }), ...end('tool_use')]).code).toBe('CCR_STREAM_INVALID')
  })
})

it('hands on the very list of events where nothing is called', () => {
  const events = [begin, ...text(0), ...end('end_turn')]
  expect(new CallArguments().see(events)).toBe(events)
})
