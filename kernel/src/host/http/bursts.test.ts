import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bursts } from './bursts.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  const told: number[] = []
  const bursts = new Bursts((count) => void told.push(count))
  const add = (times: number): void => {
    for (let count = 0; count < times; count++) bursts.add()
  }
  return { told, bursts, add }
}

describe('bursts', () => {
  it('are told as a number, after a second and then once a minute', () => {
    const { told, add } = setUp()
    add(300)
    expect(told).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual([300])
    for (let second = 0; second < 60; second++) {
      add(2)
      vi.advanceTimersByTime(1_000)
    }
    expect(told).toEqual([300, 120])
  })

  it('begin anew after a minute without any, which is not told', () => {
    const { told, add } = setUp()
    add(1)
    vi.advanceTimersByTime(61_000)
    expect(vi.getTimerCount()).toBe(0)
    add(5)
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual([1, 5])
  })

  it('are told at once at the end, as far as they were not', () => {
    const { told, bursts, add } = setUp()
    add(3)
    bursts.end()
    bursts.end()
    expect(told).toEqual([3])
    expect(vi.getTimerCount()).toBe(0)
  })
})
