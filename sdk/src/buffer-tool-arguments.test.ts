import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bufferToolArguments, type BufferedCall, type ChangedArguments } from './buffer-tool-arguments.ts'
import type { CanonicalEvent } from './canonical.ts'
import { MAX_HELD } from './message-writer.ts'
import type { StreamTransform } from './stream.ts'

async function run(transform: StreamTransform, events: readonly CanonicalEvent[]): Promise<CanonicalEvent[]> {
  const seen: CanonicalEvent[] = []
  const emit = (event: CanonicalEvent): void => void seen.push(event)
  for (const event of events) await transform.chunk(event, emit)
  await transform.flush?.(emit)
  return seen
}

const fragment = (text: string, index = 0): CanonicalEvent => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json: text },
})
const start = (input: object = {}, type = 'tool_use'): CanonicalEvent => ({
  type: 'content_block_start',
  index: 0,
  content_block: { type, id: 'toolu_1', name: 'Read', input },
})
const stop: CanonicalEvent = { type: 'content_block_stop', index: 0 }

describe('bufferToolArguments', () => {
  it('gives the function the whole call, however its arguments were cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.nat()), async (given, cuts) => {
        const text = JSON.stringify(given)
        const edges = [0, ...cuts.map((one) => one % (text.length + 1)).sort((a, b) => a - b), text.length]
        const deltas = edges.slice(1).map((end, index) => fragment(text.slice(edges[index], end)))
        const calls: BufferedCall[] = []
        const keep = bufferToolArguments((call) => void calls.push(call))
        expect(await run(keep, [start(), ...deltas, stop])).toEqual([start(), fragment(text), stop])
        expect(calls).toEqual([{ id: 'toolu_1', name: 'Read', text, input: JSON.parse(text) as unknown }])
      }),
    )
  })

  const TABLE: readonly (readonly [string, readonly string[], ChangedArguments, readonly string[]])[] = [
    ['an object', ['{"a"', ':1}'], { a: 2 }, ['{"a":2}']],
    ['a text', ['{"a":1}'], '{ }', ['{ }']],
    ['nothing', ['{"a"', ':1}'], undefined, ['{"a":1}']],
    ['nothing, for a call without arguments', [], undefined, []],
    ['an object, for a call without arguments', [], { a: 1 }, ['{"a":1}']],
    ['nothing, for arguments that are no JSON', ['{"a'], undefined, ['{"a']],
    ['an object, for arguments that are no JSON', ['{"a'], { a: 1 }, ['{"a":1}']],
  ]
  it.each(TABLE)('emits what the function returns: %s', async (_, given, changed, expected) => {
    for (const change of [(): ChangedArguments => changed, (): Promise<ChangedArguments> => Promise.resolve(changed)]) {
      const out = await run(bufferToolArguments(change), [start(), ...given.map((one) => fragment(one)), stop])
      expect(out).toEqual([start(), ...expected.map((one) => fragment(one)), stop])
    }
  })

  it('says that arguments are no JSON object, and that there are none', async () => {
    const inputs: unknown[] = []
    const note = (): StreamTransform => bufferToolArguments(({ input }) => void inputs.push(input))
    await run(note(), [start(), fragment('[1]'), stop])
    await run(note(), [start(), fragment(' '), stop])
    expect(inputs).toEqual([undefined, {}])
  })

  it('takes arguments that stand in the start', async () => {
    const out = await run(
      bufferToolArguments(({ input }) => ({ ...input, b: 2 })),
      [start({ a: 1 }), stop],
    )
    expect(out).toEqual([start(), fragment('{"a":1,"b":2}'), stop])
  })

  it('leaves everything else alone', async () => {
    const events: CanonicalEvent[] = [
      start({}, 'server_tool_use'),
      fragment('{'),
      { type: 'ping' },
      fragment('}'),
      stop,
    ]
    expect(
      await run(
        bufferToolArguments(() => ({ changed: true })),
        events,
      ),
    ).toEqual(events)
  })

  it('gives what it held of a call that did not end, unchanged', async () => {
    const out = await run(
      bufferToolArguments(() => ({ changed: true })),
      [start(), fragment('{"a'), fragment('":')],
    )
    expect(out).toEqual([start(), fragment('{"a":')])
  })

  it('is bounded', async () => {
    const huge = fragment(' '.repeat(MAX_HELD))
    await expect(
      run(
        bufferToolArguments(() => undefined),
        [start(), huge, fragment('{')],
      ),
    ).rejects.toMatchObject({
      code: 'CCR_STREAM_LIMIT',
    })
  })
})
