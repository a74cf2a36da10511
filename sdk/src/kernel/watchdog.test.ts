import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSettings } from './settings.ts'
import { Watchdog } from './watchdog.ts'

const { timeouts } = createSettings({ timeouts: { firstEvent: 100, idle: 50, progress: 200, totalStream: 1_000 } })

describe('a watchdog', () => {
  const expired: string[] = []
  let watchdog: Watchdog

  beforeEach(() => {
    vi.useFakeTimers()
    expired.length = 0
    watchdog = new Watchdog('it', timeouts, true, ({ message }) => void expired.push(message))
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
})
