import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from './canonical.ts'
import type { TurnEnd } from './stream.ts'
import { continueTurn } from './continue-turn.ts'

type Batch = readonly CanonicalEvent[]
const event = (one: object): CanonicalEvent => one as CanonicalEvent
const start = event({ type: 'message_start', message: { id: 'm', role: 'assistant', content: [], usage: {} } })
const end = (stop_reason: string | null, output_tokens?: number, more = {}): CanonicalEvent =>
  event({
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null },
    ...(output_tokens !== undefined && { usage: { output_tokens } }),
    ...more,
  })
const stop = event({ type: 'message_stop' })
const block = (index: number, content_block: object, ...deltas: readonly object[]): CanonicalEvent[] => [
  event({ type: 'content_block_start', index, content_block }),
  ...deltas.map((delta) => event({ type: 'content_block_delta', index, delta })),
  event({ type: 'content_block_stop', index }),
]
const text = (index: number, said: string): CanonicalEvent[] =>
  block(index, { type: 'text', text: '' }, { type: 'text_delta', text: said })
const json = (partial_json: string): object => ({ type: 'input_json_delta', partial_json })
const call = (index: number, name: string, ...pieces: readonly string[]): CanonicalEvent[] =>
  block(index, { type: 'tool_use', id: `t${index}`, name, input: {} }, ...pieces.map(json))

async function* stream(...batches: readonly Batch[]): AsyncGenerator<Batch> {
  for (const batch of batches) yield await Promise.resolve(batch)
}

/** What the client gets of a turn, what the handler was told, and the output tokens that were appended. */
async function run(first: readonly Batch[], appended: readonly (readonly Batch[])[] = [], rounds?: number) {
  const turns: TurnEnd[] = []
  const counted: number[] = []
  const handler = (turn: TurnEnd): AsyncIterable<Batch> | null => {
    turns.push(structuredClone(turn))
    const next = appended[turn.round]
    return next ? stream(...next) : null
  }
  const options = { tools: ['mine'], ...(rounds !== undefined && { rounds }) }
  const through = continueTurn(handler as never, options, (tokens) => counted.push(tokens))
  const batches: Batch[] = []
  for await (const batch of through(stream(...first))) batches.push(batch)
  return { batches, events: batches.flat(), turns, counted }
}

describe('a turn that is not continued', () => {
  it('is the same, its end last', async () => {
    const events = [start, ...text(0, 'a'), ...call(1, 'yours', '{"x":1}'), end('tool_use', 5), stop]
    const { batches, turns, counted } = await run(events.map((one) => [one]))
    expect(batches).toEqual([...events.slice(0, -2).map((one) => [one]), events.slice(-2)])
    expect(turns).toMatchObject([
      { calls: [], clientCalls: [{ name: 'yours', input: { x: 1 } }], stopReason: 'tool_use', round: 0 },
    ])
    expect(turns[0]!.content).toMatchObject([{ text: 'a' }, { name: 'yours' }])
    expect(counted).toEqual([])
  })

  it('ignores what follows its end', async () => {
    const { events } = await run([[start, end('end_turn'), stop, ...text(0, 'late')], text(0, 'later')])
    expect(events).toEqual([start, end('end_turn'), stop])
  })

  it('that lacks its end lacks it still', async () => {
    expect((await run([[start, end('end_turn', 3)]])).events).toEqual([start, end('end_turn', 3)])
    expect((await run([[start]])).events).toEqual([start])
    expect((await run([[start, stop]])).events).toEqual([start, stop])
  })

  it('has one end of several, with the usage of all of them', async () => {
    const ends = [end('max_tokens', 3, { usage: { input_tokens: 9, output_tokens: 3 } }), end(null, 7, { later: 1 })]
    const { events } = await run([[start, ...ends, stop]])
    expect(events.slice(1)).toEqual([
      end('max_tokens', 0, { later: 1, usage: { input_tokens: 9, output_tokens: 7 } }),
      stop,
    ])
    expect((await run([[start, end('end_turn'), stop]])).events[1]).not.toHaveProperty('usage')
  })
})

describe('the plugin’s own calls', () => {
  it.each([
    ['in pieces', ['{"x"', ':1}'], { x: 1 }],
    ['that are broken', ['{"x'], {}],
    ['of nothing', [''], {}],
  ])('with arguments %s are told to it, and no client', async (_name, pieces, input) => {
    const own = call(1, 'mine', ...pieces)
    const { events, turns } = await run([[start, ...text(0, 'a'), ...own, ...text(2, 'b'), end('tool_use', 5), stop]])
    // The client gets no call to answer, and blocks without a gap.
    expect(events).toEqual([start, ...text(0, 'a'), ...text(1, 'b'), end('end_turn', 5), stop])
    expect(turns[0]).toMatchObject({ calls: [{ name: 'mine', input }], clientCalls: [] })
    expect(turns[0]!.content).toMatchObject([{ text: 'a' }, { name: 'mine', input }, { text: 'b' }])
  })

  it('may have their arguments in their start', async () => {
    const own = block(0, { type: 'tool_use', id: 't', name: 'mine', input: { y: 2 } }, { type: 'later_delta' })
    const bare = block(1, { type: 'tool_use', id: 'u', name: 'mine' })
    const { turns } = await run([[start, ...own, ...bare, end('tool_use'), stop]])
    expect(turns[0]!.calls).toMatchObject([{ input: { y: 2 } }, { input: {} }])
  })

  it('leave the reason alone where the client has calls, too, or it was another one', async () => {
    const both = [start, ...call(0, 'mine', '{}'), ...call(1, 'yours', '{}'), end('tool_use'), stop]
    expect((await run([both])).events.slice(-2)).toEqual([end('tool_use'), stop])
    expect((await run([[start, ...call(0, 'mine', '{}'), end('max_tokens'), stop]])).events.slice(-2)).toEqual([
      end('max_tokens'),
      stop,
    ])
  })
})

describe('a turn that is continued', () => {
  const first = [
    start,
    ...text(0, 'a'),
    ...call(1, 'mine', '{}'),
    end('tool_use', 5, { usage: { input_tokens: 9, output_tokens: 5 } }),
    stop,
  ]
  const more = [start, ...text(0, 'b'), end('end_turn', 3), stop]

  it('goes on in the same message, and ends as its last stream did', async () => {
    const { events, turns, counted } = await run(
      [first],
      [[more], [[start, ...text(0, 'c'), end('max_tokens', 4), stop]]],
    )
    const usage = { input_tokens: 9, output_tokens: 12 }
    expect(events).toEqual([
      start,
      ...text(0, 'a'),
      ...text(1, 'b'),
      ...text(2, 'c'),
      end('max_tokens', 0, { usage }),
      stop,
    ])
    expect(turns.map(({ round, stopReason }) => [round, stopReason])).toEqual([
      [0, 'tool_use'],
      [1, 'end_turn'],
      [2, 'max_tokens'],
    ])
    expect(counted).toEqual([3, 4])
  })

  it('counts what was appended to nothing', async () => {
    const uncounted = [start, ...call(0, 'mine', '{}'), end('tool_use'), stop]
    expect((await run([uncounted], [[more]])).events.at(-2)).toEqual(end('end_turn', 3))
    const silent = [start, ...text(0, 'b'), end('end_turn'), stop]
    expect((await run([uncounted], [[silent]])).events.at(-2)).toEqual(end('end_turn'))
  })

  it('is continued so often, and no more', async () => {
    const again = [start, ...call(0, 'mine', '{}'), end('tool_use', 1), stop]
    const { turns, events } = await run([again], Array<readonly Batch[]>(20).fill([again]), 3)
    expect(turns.map(({ round }) => round)).toEqual([0, 1, 2])
    expect(events).toEqual([start, end('end_turn', 4), stop])
    expect((await run([again], Array<readonly Batch[]>(20).fill([again]))).turns).toHaveLength(8)
    expect((await run([again], [[again]], 0)).turns).toEqual([])
  })

  it('may not be, while the client has calls to answer', async () => {
    const theirs = [start, ...call(0, 'yours', '{}'), end('tool_use'), stop]
    await expect(run([theirs], [[more]])).rejects.toMatchObject({ code: 'CCR_HOOK_RESULT' })
  })

  it.each([
    ['its last events', [start, ...text(0, 'b')]],
    ['its message_stop', [start, end('end_turn')]],
    ['its message_delta', [start, stop]],
  ])('fails where what is appended lacks %s', async (_name, broken) => {
    await expect(run([first], [[broken]])).rejects.toMatchObject({ code: 'CCR_STREAM_ENDED' })
  })
})
