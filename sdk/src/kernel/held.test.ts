import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from '../canonical.ts'
import { Held } from './held.ts'
import { createSettings } from './settings.ts'

const { limits } = createSettings({ limits: { heldEvents: 2, heldBytes: 200, answerBytes: 300 } })
const ping: CanonicalEvent = { type: 'ping' }
const bytes = (length: number) => ({ events: [], bytes: new Uint8Array(length) })

describe('what is kept back of an answer', () => {
  it.each([
    ['events', { events: [ping, ping], bytes: new Uint8Array(0) }, { events: [ping], bytes: new Uint8Array(0) }],
    ['bytes', bytes(200), bytes(1)],
  ])('is full when it holds too many %s', (_what, most, more) => {
    const held = new Held(limits, true)
    held.add(most)
    expect(held.full).toBe(false)
    held.add(more)
    expect(held.full).toBe(true)
  })

  it('weighs the events where there are no bytes to forward', () => {
    const held = new Held({ ...limits, heldEvents: 9 }, true)
    for (let count = 0; count < 2; count++) held.add({ events: [ping], bytes: undefined })
    expect(held.full).toBe(false)
    held.add({ events: [ping], bytes: undefined })
    expect(held.full).toBe(true)
  })

  it('may be as large as an answer where the client does not stream, and of any size where it does', () => {
    const whole = new Held(limits, false)
    whole.add(bytes(300))
    const fault = { code: 'CCR_STREAM_LIMIT', message: 'its answer is larger than 300 bytes' }
    expect(() => whole.add(bytes(1))).toThrow(expect.objectContaining(fault))
    expect(() => new Held(limits, true).add(bytes(301))).not.toThrow()
  })

  it('is given once', () => {
    const held = new Held(limits, true)
    const [first, second] = [bytes(1), bytes(2)]
    held.add(first)
    held.add(second)
    expect([held.take(), held.take()]).toEqual([[first, second], []])
  })
})
