import { describe, expect, it } from 'vitest'
import { settle } from './waiting.ts'

describe('settle', () => {
  it('hears what rejects after a wait that was over before it began', async () => {
    const unhandled: unknown[] = []
    const note = (thrown: unknown): void => void unhandled.push(thrown)
    process.on('unhandledRejection', note)
    try {
      let fail: (reason: Error) => void = () => undefined
      const late = new Promise<void>((_, reject) => (fail = reject))
      await expect(settle(late, Infinity, AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
      fail(new Error('nobody waits any more'))
      // What is unhandled is told once the queue of microtasks is empty.
      await new Promise((turned) => setImmediate(turned))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})
