import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRestartPolicy } from './restart-policy.ts'

test('crashes that are far enough apart wait 0.2 s and twice as long each time, up to 5 s', () => {
  const policy = createRestartPolicy()
  let now = 0
  const restarts = Array.from({ length: 7 }, () => {
    const startedAt = now
    now += 31_000
    return policy.crashed(startedAt, now)
  })
  expect(restarts.map((restart) => restart?.delayMs)).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  expect(restarts.every((restart) => restart?.safe === false)).toBe(true)
})

test('a router that ran for 60 s begins anew', () => {
  const policy = createRestartPolicy()
  expect(policy.crashed(0, 31_000)?.delayMs).toBe(200)
  expect(policy.crashed(31_200, 62_000)?.delayMs).toBe(400)
  expect(policy.crashed(62_400, 122_400)?.delayMs).toBe(200)
})

test('row 154: the third crash within 60 s starts it in safe mode, the third there gives up', () => {
  const policy = createRestartPolicy()
  const crash = (now: number) => policy.crashed(now, now)
  expect([1, 2, 3, 4, 5, 6].map(crash)).toEqual([
    { delayMs: 200, safe: false },
    { delayMs: 400, safe: false },
    { delayMs: 200, safe: true },
    { delayMs: 400, safe: true },
    { delayMs: 800, safe: true },
    undefined,
  ])
})

test('a start that does not end is followed by one in safe mode, since three of them take longer than 60 s', () => {
  const policy = createRestartPolicy()
  expect(policy.crashed(0, 10_000)).toEqual({ delayMs: 200, safe: false })
  expect(policy.crashed(10_200, 70_200, true)).toEqual({ delayMs: 200, safe: true })
  expect(policy.crashed(70_400, 130_400, true)).toEqual({ delayMs: 200, safe: true })
})

test('a router that left safe mode begins anew', () => {
  const policy = createRestartPolicy()
  for (const now of [1, 2, 3]) policy.crashed(now, now)
  policy.leftSafeMode()
  expect([4, 5, 6].map((now) => policy.crashed(now, now)?.safe)).toEqual([false, false, true])
})

test('any third crash within 60 s changes the mode or gives up, and no other does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 30 }), (lifetimes) => {
      const policy = createRestartPolicy()
      let crashes: number[] = []
      let safe = false
      let now = 0
      for (const lifetime of lifetimes) {
        const startedAt = now
        now += lifetime
        crashes.push(now)
        const restart = policy.crashed(startedAt, now)
        const third = crashes.at(-3)
        const tooOften = third !== undefined && now - third < 60_000
        expect(restart === undefined).toBe(tooOften && safe)
        if (restart === undefined) return
        if (tooOften) {
          safe = true
          // The one that changed the mode is the first that counts there no more.
          crashes = []
        }
        expect(restart.safe).toBe(safe)
        expect(restart.delayMs).toBeGreaterThanOrEqual(200)
        expect(restart.delayMs).toBeLessThanOrEqual(5_000)
        now += restart.delayMs
      }
    }),
  )
})
