import { isCcrError, MAX_HELD, type CanonicalEvent } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newId } from '../test/recordings.ts'
import { CallArguments } from './call-arguments.ts'
import { createDecoder, type WireEvent } from './decoder.ts'

const numRuns = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)

/** What comes of a call with these pieces of arguments: its events, or the code of its failure. */
function decode(
  pieces: readonly string[],
  stop_reason: string,
  input: object = {},
  type = 'tool_use',
): number | string {
  const usage = { output_tokens: 1 }
  const message = { id: 'm', type: 'message', role: 'assistant', model: 'x', content: [], stop_reason: null, usage }
  const sent = [
    { type: 'message_start', message },
    { type: 'content_block_start', index: 0, content_block: { type, id: 't', name: 'f', input } },
    ...pieces.map((partial_json) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ] as unknown as readonly WireEvent[]
  const decoder = createDecoder(newId)
  const events: CanonicalEvent[] = []
  try {
    for (const event of sent) decoder.chunk(event, (one) => events.push(one))
    return events.length
  } catch (thrown) {
    return isCcrError(thrown) ? thrown.code : String(thrown)
  }
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
  ])('in an answer that stopped for %s: %s', (reason, outcome) => {
    expect(decode(['{"a":'], reason)).toBe(outcome)
  })

  it('is never given out as whole, wherever it was cut', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 })
    fc.assert(
      fc.property(object, fc.nat(), fc.nat(), (input, end, cut) => {
        const whole = JSON.stringify(input)
        const pieces = (text: string): string[] => [text.slice(0, cut % text.length), text.slice(cut % text.length)]
        expect(decode(pieces(whole), 'tool_use')).toBe(7)
        const half = whole.slice(0, 1 + (end % (whole.length - 1)))
        expect(decode(pieces(half), 'tool_use')).toBe('CCR_STREAM_INVALID')
      }),
      { numRuns },
    )
  })

  it('is none where its input stands in its start, or it has no input', () => {
    // They come as a delta of ours.
    expect(decode([], 'tool_use', { a: 1 })).toBe(6)
    expect(decode([null as unknown as string], 'tool_use', { a: 1 })).toBe(7)
    expect(decode([''], 'tool_use')).toBe(6)
    expect(decode([null as unknown as string], 'tool_use')).toBe(6)
    expect(decode([' ', '\n'], 'tool_use')).toBe(7)
  })

  it('is none where the client does not run it', () => {
    expect(decode(['{"a":'], 'tool_use', {}, 'server_tool_use')).toBe(6)
  })

  it('is given up where its arguments are too long to be judged', () => {
    const piece = 'x'.repeat(MAX_HELD / 2)
    expect(decode(['{"a":"', piece, piece], 'max_tokens')).toBe('CCR_STREAM_LIMIT')
    expect(decode([piece, piece], 'max_tokens')).toBe(7)
  })

  it('is judged by itself, however much the calls before it held', () => {
    const calls = new CallArguments()
    const piece = `{"a":"${'x'.repeat(MAX_HELD / 2)}"}`
    const see = (event: object): void => calls.see(event as CanonicalEvent)
    const run = (partial_json: string): void => {
      see({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'f' } })
      see({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json } })
      see({ type: 'content_block_stop', index: 0 })
    }
    for (let turn = 0; turn < 3; turn++) run(piece)
    const end = { type: 'message_delta', delta: { stop_reason: 'tool_use' } }
    expect(() => see(end)).not.toThrow()
    run('{')
    expect(() => see(end)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
  })
})
