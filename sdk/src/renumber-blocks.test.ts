import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from './canonical.ts'
import { renumberBlocks } from './renumber-blocks.ts'
import { mapEvents } from './stream.ts'

const start = (index: number, name = 'text'): CanonicalEvent => ({
  type: 'content_block_start',
  index,
  content_block: { type: name, text: '' },
})
const delta = (index: number): CanonicalEvent => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'text_delta', text: 'a' },
})
const stop = (index: number): CanonicalEvent => ({ type: 'content_block_stop', index })

function run(events: readonly CanonicalEvent[], map: Parameters<typeof mapEvents>[0] = (event) => event) {
  const out: CanonicalEvent[] = []
  const stage = renumberBlocks(mapEvents(map))
  for (const event of events) void stage.chunk(event, (one) => out.push(one))
  void stage.flush?.((one) => out.push(one))
  return out
}

describe('renumberBlocks', () => {
  it('leaves numbers that are right alone, the very events', () => {
    const events = [start(0), delta(0), stop(0), start(1), stop(1), { type: 'message_stop' } as const]
    run(events).forEach((event, index) => expect(event).toBe(events[index]))
  })

  it('closes the gap of a block that is left out', () => {
    const events = [start(0, 'odd'), stop(0), start(1), delta(1), stop(1)]
    const out = run(events, (event) => ('index' in event && event.index === 0 ? undefined : event))
    expect(out).toEqual([start(0), delta(0), stop(0)])
  })

  it('counts blocks that come under one index', () => {
    expect(run([start(0), stop(0), start(0), delta(0), stop(0)])).toEqual([
      start(0),
      stop(0),
      start(1),
      delta(1),
      stop(1),
    ])
  })

  it('hides no event that belongs to no block', () => {
    expect(run([start(3), delta(7), stop(7), stop(3), delta(3)])).toEqual([
      start(0),
      delta(7),
      stop(7),
      stop(0),
      delta(3),
    ])
  })
})
