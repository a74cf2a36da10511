import { describe, expect, it } from 'vitest'
import { USUAL } from './settings.ts'
import { TargetHealth, type AttemptEnd } from './target-health.ts'

const S = 1_000

/** A target and a clock that begins at 0. */
function scene() {
  const health = new TargetHealth()
  let now = 0
  const see = (outcome: AttemptEnd['outcome'], more: Partial<AttemptEnd> = {}): void =>
    health.see({ outcome, startedAt: now, now, generation: 1, ...more }, USUAL)
  const fail = (times: number, status = 500): void => {
    for (let count = 0; count < times; count++) see('failure', { status })
  }
  return {
    health,
    see,
    fail,
    after: (ms: number) => (now += ms),
    status: () => health.report(now).status,
    permission: (generation = 1) => health.permission(now, generation),
    begin: () => health.beginTrial(),
  }
}

describe('a target', () => {
  it('is left alone after three failures in a row', () => {
    const { fail, permission, status } = scene()
    fail(2)
    expect(permission()).toBe('use')
    fail(1)
    expect(permission()).toMatchObject({ refused: 'it failed (status 500), and is tried again in 300 s' })
    expect(status()).toBe('open')
  })

  it('is not after as many with a success between them', () => {
    const { fail, see, status } = scene()
    fail(2)
    see('ok')
    fail(2)
    expect(status()).toBe('closed')
  })

  it('is left alone after two refusals of its key', () => {
    const { fail, status } = scene()
    fail(2, 401)
    expect(status()).toBe('open')
  })

  it('is not blamed for what requests and clients do', () => {
    const { see, permission, health } = scene()
    for (let count = 0; count < 50; count++) see('neutral', { status: 400 })
    expect(permission()).toBe('use')
    expect(health.isForgettable(0)).toBe(true)
  })

  it.each([
    ['as long as it asks for', 7 * S, 7 * S],
    ['60 s where it does not say', undefined, 60 * S],
    ['no shorter than a second', 1, S],
    ['no longer than half an hour', 86_400 * S, 1800 * S],
  ])('that asked to be left alone is, %s', (_, retryAfterMs, ms) => {
    const { see, permission, after, status } = scene()
    see('cooldown', { status: 429, retryAfterMs })
    expect(permission()).toMatchObject({ refused: `it asked to be left alone for ${ms / S} s` })
    expect(status()).toBe('closed')
    after(ms - 1)
    expect(permission()).not.toBe('use')
    after(1)
    expect(permission()).toBe('use')
  })

  it('is tried by one request when the time is up, and used again after two that succeed', () => {
    const { fail, see, permission, after, status, begin, health } = scene()
    fail(3)
    after(300 * S)
    expect([status(), permission()]).toEqual(['half-open', 'trial'])
    let end = begin()
    const refused = 'it failed (status 500), and another request is trying it'
    expect(permission()).toEqual({ refused, isTried: true })
    see('ok')
    end()
    expect([status(), permission()]).toEqual(['half-open', 'trial'])
    end = begin()
    see('ok')
    end()
    expect([status(), permission()]).toEqual(['closed', 'use'])
    expect(health.isForgettable(300 * S)).toBe(true)
  })

  it('is left alone for twice as long after each trial that fails, up to half an hour', () => {
    const { fail, permission, after, status } = scene()
    fail(3)
    const waits: number[] = []
    for (let trial = 0; trial < 5; trial++) {
      let wait = 0
      for (; status() === 'open'; wait += 50) after(50 * S)
      waits.push(wait)
      expect(permission()).toBe('trial')
      fail(1)
    }
    expect(waits).toEqual([300, 600, 1200, 1800, 1800])
  })

  it('that a trial tells nothing of is tried by the next request', () => {
    const { fail, see, permission, after, begin } = scene()
    fail(3)
    after(300 * S)
    const end = begin()
    see('neutral')
    end()
    expect(permission()).toBe('trial')
  })

  it('that refused a key is tried at once with another config, which may hold another key', () => {
    const { fail, see, permission, status, begin } = scene()
    fail(2, 401)
    expect(permission(1)).toMatchObject({ isTried: false })
    expect(permission(2)).toBe('trial')
    const end = begin()
    see('failure', { status: 403, generation: 2 })
    end()
    expect(permission(2)).toMatchObject({ isTried: false })
    expect(permission(3)).toBe('trial')
    see('ok', { generation: 3 })
    see('ok', { generation: 3 })
    expect(status()).toBe('closed')
  })

  it('that failed otherwise is not', () => {
    const { fail, permission } = scene()
    fail(3)
    expect(permission(2)).toMatchObject({ isTried: false })
  })

  it('takes no notice of requests that began before it was left alone', () => {
    const { fail, see, after, status, health } = scene()
    after(10 * S)
    fail(3)
    see('ok', { startedAt: 0 })
    see('ok', { startedAt: 0 })
    expect(status()).toBe('open')
    after(300 * S)
    see('failure', { status: 500, startedAt: 0 })
    expect(status()).toBe('half-open')
    expect(health.report(310 * S)).toMatchObject({ failureCount: 3, successCount: 0, reason: 'status 500' })
  })
})
