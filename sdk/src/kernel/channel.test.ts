import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channel, type ChannelEnd } from './channel.ts'

describe('a channel', () => {
  it('gives any row of batches in order, never more than one ahead of its reader', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(), { minLength: 1 }), { maxLength: 20 }), async (batches) => {
        let [given, read] = [0, 0]
        const run = async ({ take }: ChannelEnd<number>): Promise<void> => {
          for (const batch of batches) {
            given++
            expect(given - read).toBeLessThanOrEqual(2)
            await take(batch)
          }
        }
        const all: (readonly number[])[] = []
        for await (const batch of channel(run)) {
          read++
          all.push(batch)
        }
        expect(all).toEqual(batches)
      }),
    )
  })

  it('ends as what it runs ends', async () => {
    const failing = channel<number>(async ({ take }) => {
      await take([1])
      throw new Error('broken')
    })
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const batch of failing) seen.push(batch)
    })()
    await expect(reading).rejects.toThrow('broken')
    expect(seen).toEqual([[1]])
  })

  it('runs nothing before it is read, and tells who runs when nobody reads any more', async () => {
    const notes: string[] = []
    const numbers = channel<number>(async ({ take, signal }) => {
      notes.push('began')
      for (let number = 0; !signal.aborted; number++) await take([number])
      notes.push('left')
    })
    expect(notes).toEqual([])
    for await (const batch of numbers) if (batch[0] === 2) break
    await Promise.resolve()
    expect(notes).toEqual(['began', 'left'])
  })
})
