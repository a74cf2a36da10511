import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { stayPresent } from './presence.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('keeps what is there, and more where all of it is gone, until it ends', async () => {
  const kept: boolean[] = []
  const states = ['kept', 'renewed', 'lost', 'kept'] as const
  let look = 0
  const renew = () => Promise.resolve(states[look++]!)
  const leave = stayPresent({ renew }, (renewed) => Promise.resolve(void kept.push(renewed)))
  await vi.advanceTimersByTimeAsync(7_000)
  expect(kept).toEqual([false, true])
  await leave()
  await vi.advanceTimersByTimeAsync(7_000)
  expect(look).toBe(3)
})

it('writes nothing behind its end, however long a look takes', async () => {
  const written: string[] = []
  let claim: ((state: 'renewed') => void) | undefined
  const renew = () => new Promise<'renewed'>((resolve) => (claim = resolve))
  const leave = stayPresent({ renew }, () => Promise.resolve(void written.push('announced')))
  await vi.advanceTimersByTimeAsync(9_000)
  const left = leave().then(() => written.push('released'))
  claim!('renewed')
  await left
  await vi.advanceTimersByTimeAsync(9_000)
  expect(written).toEqual(['announced', 'released'])
})

it('tries again what could not be written', async () => {
  const keep = vi.fn(() => Promise.reject(new Error('no')))
  const leave = stayPresent({ renew: () => Promise.resolve('kept' as const) }, keep)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(keep).toHaveBeenCalledTimes(2)
  await leave()
})
