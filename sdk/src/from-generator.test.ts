import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromGenerator } from './from-generator.ts'
import type { StreamTransform } from './stream.ts'

/** What came out with each event, and with the end. */
async function run<In, Out>(transform: StreamTransform<In, Out>, events: readonly In[]): Promise<Out[][]> {
  const batches: Out[][] = []
  for (const event of events) {
    const batch: Out[] = []
    batches.push(batch)
    await transform.chunk(event, (out) => void batch.push(out))
  }
  const last: Out[] = []
  batches.push(last)
  await transform.flush?.((out) => void last.push(out))
  return batches
}

describe('fromGenerator', () => {
  it('emits with each event what a function would, whatever that gives for it', async () => {
    const answers = fc.array(fc.array(fc.integer(), { maxLength: 3 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(answers, fc.array(fc.integer()), async (given, rest) => {
        const transform = fromGenerator<number, number>(async function* (events) {
          for await (const index of events) yield* given[index]!
          yield* rest
        })
        expect(await run(transform, [...given.keys()])).toEqual([...given, rest])
      }),
    )
  })

  it('waits for what the generator awaits', async () => {
    const transform = fromGenerator<number>(async function* (events) {
      for await (const event of events) {
        await new Promise((resolve) => setImmediate(resolve))
        yield event * 2
      }
    })
    expect(await run(transform, [1, 2])).toEqual([[2], [4], []])
  })

  it('drops what a generator that has ended did not take', async () => {
    const transform = fromGenerator<number>(async function* (events) {
      for await (const event of events) {
        yield event
        return
      }
    })
    expect(await run(transform, [1, 2, 3])).toEqual([[1], [], [], []])
  })

  it.each([
    ['at its start', 0],
    ['at an event', 1],
    ['at the end', 2],
  ])('fails where the generator throws: %s', async (_, place) => {
    const transform = fromGenerator<number>(async function* (events) {
      if (place === 0) throw new Error('boo')
      for await (const event of events) {
        if (place === 1) throw new Error('boo')
        yield event
      }
      throw new Error('boo')
    })
    const seen: number[] = []
    const emit = (event: number): void => void seen.push(event)
    const whole = async (): Promise<void> => {
      await transform.chunk(1, emit)
      await transform.flush!(emit)
    }
    await expect(whole()).rejects.toThrow('boo')
    expect(seen).toEqual(place === 2 ? [1] : [])
  })

  it('tells a generator that the answer was cut off, so that it can clean up', async () => {
    const told: unknown[] = []
    const transform = fromGenerator<number>(async function* (events) {
      try {
        for await (const event of events) yield event
      } catch (reason) {
        told.push(reason)
        throw reason
      } finally {
        told.push('cleaned')
      }
    })
    await transform.chunk(1, () => undefined)
    const reason = new Error('the client left')
    transform.abort!(reason)
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual([reason, 'cleaned'])
  })
})
