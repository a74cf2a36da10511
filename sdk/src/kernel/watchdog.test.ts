import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSettings } from './settings.ts'
import { Watchdog } from './watchdog.ts'

const { timeouts } = createSettings({ timeouts: { firstEvent: 100, idle: 50, progress: 200, totalStream: 1_000 } })

describe('a watchdog', () => {
  const expired: string[] = []
  const given = { abort: (reason: unknown): void => void expired.push((reason as Error).message) }
  let watchdog: Watchdog

  beforeEach(() => {
    vi.useFakeTimers()
    expired.length = 0
    watchdog = new Watchdog('it', timeouts, true, given)
  })
  afterEach(() => {
    watchdog.stop()
    vi.useRealTimers()
  })

  it('expires at the first content that does not come', () => {
    vi.advanceTimersByTime(99)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(2)
    expect(expired).toEqual(['it was given up: it sent no content within 0.1 s'])
  })

  it('stands still while a plugin is waited for, also before the first content', () => {
    vi.advanceTimersByTime(20)
    watchdog.read()
    watchdog.pause()
    vi.advanceTimersByTime(900)
    watchdog.resume()
    vi.advanceTimersByTime(45)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(10)
    expect(expired).toEqual(['it was given up: it fell silent within 0.05 s'])
  })

  it('goes on only when every pause is over', () => {
    watchdog.read()
    watchdog.pause()
    watchdog.pause()
    watchdog.resume()
    vi.advanceTimersByTime(80)
    expect(expired).toEqual([])
    watchdog.resume()
    vi.advanceTimersByTime(60)
    expect(expired).toHaveLength(1)
  })

  /** Runs in steps of 10 ms, doing this at each of them, until it expires; gives the time and what was said. */
  function run(each: () => void): [ms: number, said: string | undefined] {
    for (let ms = 10; ; ms += 10) {
      vi.advanceTimersByTime(10)
      if (expired.length > 0 || ms > 5_000) return [ms, expired[0]]
      each()
    }
  }

  it('expires when silence follows what was read', () => {
    watchdog.read()
    expect(run(() => undefined)).toEqual([50, 'it was given up: it fell silent within 0.05 s'])
  })

  it.each([1, 25, 49])('expires to the millisecond, where silence began after %i', (ms) => {
    vi.advanceTimersByTime(ms)
    watchdog.read()
    vi.advanceTimersByTime(49)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toHaveLength(1)
  })

  it('expires at keep-alives alone, once content has come', () => {
    watchdog.committed()
    expect(run(() => watchdog.read())).toEqual([200, 'it was given up: it sent nothing but keep-alives within 0.2 s'])
  })

  it('expires at the first content that does not come, whatever else is read', () => {
    expect(run(() => watchdog.read())).toEqual([100, 'it was given up: it sent no content within 0.1 s'])
  })

  it('expires when a stream takes too long, however much of it comes', () => {
    watchdog.committed()
    const flow = (): void => {
      watchdog.read()
      watchdog.progress()
    }
    expect(run(flow)).toEqual([1_000, 'it was given up: its answer was not complete within 1 s'])
  })

  it('knows of a whole answer nothing but its total time until its head has come', () => {
    watchdog.stop()
    watchdog = new Watchdog('it', { ...timeouts, total: 700 }, false, given)
    expect(run(() => undefined)).toEqual([700, 'it was given up: its answer was not complete within 0.7 s'])
  })

  it.each<[string, () => void, number]>([
    ['keep-alives', () => watchdog.committed(), 200],
    ['the first content', () => undefined, 100],
  ])('counts no pause to the time of %s', (_name, begin, limit) => {
    begin()
    watchdog.pause()
    vi.advanceTimersByTime(300)
    watchdog.resume()
    watchdog.resume()
    expect(run(() => watchdog.read())[0]).toBe(limit)
  })

  it('stops', () => {
    watchdog.stop()
    vi.advanceTimersByTime(5_000)
    expect(expired).toEqual([])
  })
})
