import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRestartPolicy } from './restart-policy.ts'

test('crashes that are far enough apart wait 0.2 s and twice as long each time, up to 5 s', () => {
  const policy = createRestartPolicy()
  let now = 0
  const delays = Array.from({ length: 7 }, () => {
    const startedAt = now
    now += 31_000
    return policy.crashed(startedAt, now)
  })
  expect(delays).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000])
})

test('a router that ran for 60 s begins anew', () => {
  const policy = createRestartPolicy()
  expect(policy.crashed(0, 31_000)).toBe(200)
  expect(policy.crashed(31_200, 62_000)).toBe(400)
  expect(policy.crashed(62_400, 122_400)).toBe(200)
})

test('any third crash within 60 s gives up, and no other does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 30 }), (lifetimes) => {
      const policy = createRestartPolicy()
      const crashes: number[] = []
      let now = 0
      for (const lifetime of lifetimes) {
        const startedAt = now
        now += lifetime
        crashes.push(now)
        const delay = policy.crashed(startedAt, now)
        const third = crashes.at(-3)
        const tooOften = third !== undefined && now - third < 60_000
        expect(delay === undefined).toBe(tooOften)
        if (delay === undefined) return
        expect(delay).toBeGreaterThanOrEqual(200)
        expect(delay).toBeLessThanOrEqual(5_000)
        now += delay
      }
    }),
  )
})
