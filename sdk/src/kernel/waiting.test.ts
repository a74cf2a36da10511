import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Cancellation } from './cancellation.ts'
import { isThenable, pause, settle, within } from './waiting.ts'

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

describe('a wait', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const never = new Promise<never>(() => undefined)
  /** A cancellation that knows how many listen to it. */
  function counted(): Cancellation & { readonly listeners: () => number } {
    const cancellation = new Cancellation()
    let listeners = 0
    const { addEventListener: add, removeEventListener: remove } = cancellation
    return Object.assign(cancellation, {
      listeners: () => listeners,
      addEventListener: (...given: Parameters<typeof add>) => {
        listeners++
        add.apply(cancellation, given)
      },
      removeEventListener: (...given: Parameters<typeof remove>) => {
        listeners--
        remove.apply(cancellation, given)
      },
    })
  }

  it.each<[string, (signal: Cancellation) => Promise<unknown>, (signal: Cancellation) => void, unknown]>([
    ['a value', (signal) => settle(Promise.resolve(1), 50, signal), () => undefined, 1],
    ['a rejection', (signal) => settle(Promise.reject(new Error('no')), 50, signal), () => undefined, new Error('no')],
    [
      'its deadline',
      (signal) => settle(never, 50, signal, () => new Error('late')),
      () => undefined,
      new Error('late'),
    ],
    ['an abort', (signal) => settle(never, 50, signal), (signal) => signal.abort(new Error('left')), new Error('left')],
    ['the time of a pause', (signal) => pause(50, signal), () => undefined, undefined],
    [
      'an abort of a pause',
      (signal) => pause(50, signal),
      (signal) => signal.abort(new Error('left')),
      new Error('left'),
    ],
  ])('that ends with %s leaves neither timer nor listener', async (name, wait, act, outcome) => {
    const signal = counted()
    let over = false
    const waiting = wait(signal)
      .catch((thrown: unknown) => thrown)
      .finally(() => (over = true))
    expect(signal.listeners()).toBe(1)
    act(signal)
    await vi.advanceTimersByTimeAsync(49)
    expect(over).toBe(!/deadline|time/.test(name))
    await vi.advanceTimersByTimeAsync(1)
    expect(await waiting).toEqual(outcome)
    expect(vi.getTimerCount()).toBe(0)
    if (!/abort of a pause/.test(name)) expect(signal.listeners()).toBe(0)
  })

  it('without a deadline has no timer', () => {
    void settle(never, Infinity, undefined)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that is over before it begins says why', async () => {
    const signal = new Cancellation()
    signal.abort(new Error('left'))
    await expect(settle(never, 50, signal)).rejects.toThrow('left')
    await expect(pause(50, signal)).rejects.toThrow('left')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('for what runs within a time says how long that was', async () => {
    await expect(within(50, () => undefined)).resolves.toBeUndefined()
    const thrown = within(50, () => {
      throw new Error('no')
    })
    await expect(thrown).rejects.toThrow('no')
    const late = expect(within(50, () => never)).rejects.toThrow('it took longer than 50 ms')
    await vi.advanceTimersByTimeAsync(50)
    await late
  })
})

it('what has a then can be awaited', () => {
  expect([Promise.resolve(), { then: () => 1 }, { then: 1 }, null, undefined, () => 1].map(isThenable)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

describe('a cancellation', () => {
  it('tells each listener once, and none that left', () => {
    const told: string[] = []
    const cancellation = new Cancellation()
    const listeners = ['a', 'b', 'c', 'd'].map((name) => () => void told.push(name))
    for (const listener of listeners) cancellation.addEventListener('abort', listener)
    cancellation.addEventListener('abort', { handleEvent: () => void told.push('object') })
    cancellation.removeEventListener('abort', listeners[0]!)
    cancellation.removeEventListener('abort', listeners[2]!)
    cancellation.removeEventListener('abort', () => undefined)
    const { signal } = cancellation
    expect([cancellation.aborted, signal.aborted]).toEqual([false, false])
    cancellation.abort('first')
    cancellation.abort('second')
    cancellation.addEventListener('abort', listeners[0]!)
    expect(told).toEqual(['b', 'd', 'object'])
    expect([cancellation.reason, signal.reason, cancellation.signal]).toEqual(['first', 'first', signal])
  })

  it('lets the last listener leave', () => {
    const told: string[] = []
    const cancellation = new Cancellation()
    const [first, last] = ['first', 'last'].map((name) => () => void told.push(name))
    cancellation.addEventListener('abort', first!)
    cancellation.addEventListener('abort', last!)
    cancellation.removeEventListener('abort', last!)
    cancellation.abort(undefined)
    expect(told).toEqual(['first'])
  })

  it('gives a signal that was aborted to who asks late, and throws its reason', () => {
    const cancellation = new Cancellation()
    expect(() => cancellation.throwIfAborted()).not.toThrow()
    cancellation.abort(new Error('left'))
    expect(cancellation.signal).toMatchObject({ aborted: true, reason: new Error('left') })
    expect(() => cancellation.throwIfAborted()).toThrow('left')
  })
})
