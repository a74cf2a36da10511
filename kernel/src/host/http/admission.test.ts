import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Admission } from './admission.ts'
import { Cancellation } from '@ccr/sdk/kernel'

const never = new Cancellation()
const LIMITS = { inFlight: 2, inFlightBytes: 100, queued: 2, queueMs: 60_000 }

describe('Admission', () => {
  it('lets in what fits, queues what does not, and refuses when the queue is full', async () => {
    const admission = new Admission(LIMITS)
    expect([admission.enter(1), admission.enter(1), admission.enter(1)]).toEqual([true, true, false])
    const first = admission.wait(1, never)
    const second = admission.wait(1, never)
    expect(await admission.wait(1, never)).toBe(false)
    admission.leave(1)
    expect(await first).toBe(true)
    admission.leave(1)
    expect(await second).toBe(true)
    expect([admission.running, admission.queued]).toEqual([2, 0])
  })

  it('bounds the bytes, but lets one request that is larger run alone', async () => {
    const admission = new Admission(LIMITS)
    expect([admission.enter(60), admission.enter(60)]).toEqual([true, false])
    const large = admission.wait(200, never)
    expect(admission.enter(1)).toBe(false)
    admission.leave(60)
    expect(await large).toBe(true)
  })

  it('bounds the bytes of those that wait, too, but lets one that is larger wait alone', async () => {
    const admission = new Admission(LIMITS)
    admission.enter(100)
    const large = admission.wait(200, never)
    expect(await admission.wait(1, never)).toBe(false)
    admission.leave(100)
    expect(await large).toBe(true)
    const first = admission.wait(60, never)
    expect(await admission.wait(60, never)).toBe(false)
    admission.leave(200)
    expect(await first).toBe(true)
  })

  it('fills its budget to the last byte, and gives back what leaves', async () => {
    const admission = new Admission(LIMITS)
    expect([admission.enter(50), admission.enter(50)]).toEqual([true, true])
    const waiting = [admission.wait(50, never), admission.wait(50, never)]
    admission.leave(50)
    expect([admission.running, admission.queued]).toEqual([2, 1])
    admission.leave(50)
    expect(await Promise.all(waiting)).toEqual([true, true])
  })

  it('removes who leaves the queue, and lets in whom they blocked', async () => {
    const admission = new Admission(LIMITS)
    admission.enter(60)
    const leave = new Cancellation()
    const large = admission.wait(60, leave)
    const small = admission.wait(10, never)
    leave.abort('left')
    expect([await large, await small]).toEqual([false, true])
    expect([admission.running, admission.queued]).toEqual([2, 0])
  })

  it('leaves neither a timer nor a listener behind', async () => {
    vi.useFakeTimers()
    try {
      const admission = new Admission({ ...LIMITS, inFlight: 1 })
      admission.enter(1)
      const leave = new Cancellation()
      const removed = vi.spyOn(leave, 'removeEventListener')
      const waits = [admission.wait(1, leave), admission.wait(1, never)]
      leave.abort('left')
      expect(await admission.wait(1, leave)).toBe(false)
      admission.leave(1)
      expect(await Promise.all(waits)).toEqual([false, true])
      expect(vi.getTimerCount()).toBe(0)
      expect(removed).toHaveBeenCalledOnce()
    } finally {
      vi.useRealTimers()
    }
  })

  it('gives up after the queue timer', async () => {
    vi.useFakeTimers()
    try {
      const admission = new Admission({ ...LIMITS, inFlight: 1, queueMs: 50 })
      admission.enter(1)
      const waiting = admission.wait(1, never)
      vi.advanceTimersByTime(50)
      expect(await waiting).toBe(false)
      expect(admission.queued).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('never exceeds its limits and ends empty, in any order of coming and going', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 100 }), leaves: fc.boolean() }), { maxLength: 30 }),
        async (visits) => {
          const admission = new Admission({ ...LIMITS, queued: 5 })
          const inside: number[] = []
          for (const { bytes, leaves } of visits) {
            if (leaves && inside.length > 0) admission.leave(inside.shift()!)
            if (admission.enter(bytes)) inside.push(bytes)
            else void admission.wait(bytes, never).then((admitted) => admitted && inside.push(bytes))
            await Promise.resolve()
            await Promise.resolve()
            expect(admission.running).toBeLessThanOrEqual(2)
            expect(admission.queued).toBeLessThanOrEqual(5)
            expect(inside.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(100)
          }
          for (let rounds = 0; rounds < 40 && inside.length > 0; rounds++) {
            admission.leave(inside.shift()!)
            await Promise.resolve()
            await Promise.resolve()
          }
          expect([admission.running, admission.queued]).toEqual([0, 0])
        },
      ),
    )
  })
})
