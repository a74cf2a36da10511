import { CcrError } from '@ccr/sdk'
import { Cancellation } from '@ccr/sdk/kernel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Lease } from '../../core/kernel.ts'
import type { Runtime } from '../../exchange/ports.ts'
import type { Incoming } from '../../exchange/state.ts'
import { type ExchangeCall, Exchanges } from './exchanges.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.clearAllMocks()
})

const limits = { inFlight: 10, inFlightBytes: 1_000, queued: 1, queueMs: 100 }
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

/** Exchanges that end when the test says so, or when they are aborted. */
function setUp() {
  const ends = new Map<string, () => void>()
  const clients = new Map<string, Cancellation>()
  const exchanges = new Exchanges({
    limits,
    log,
    run: (_, { input, cancellation }) =>
      new Promise<void>((resolve) => {
        ends.set(input.url, resolve)
        cancellation.addEventListener('abort', () => resolve())
      }),
  })
  const begin = (url: string, generation = 1): Promise<string> => {
    const cancellation = new Cancellation()
    clients.set(url, cancellation)
    const lease = { generation: { id: generation } } as Lease
    const incoming = { input: { url }, cancellation } as Incoming
    const sink = { cancellation, abort: (reason: unknown) => cancellation.abort(reason) } as ExchangeCall['sink']
    const call = { sink, bytes: 1, enter: () => ({ lease, incoming }), refuse: vi.fn(), left: vi.fn() }
    const outcome = (): string => `${cancellation.aborted ? 'cut' : 'ended'} ${call.left.mock.calls.length}`
    return exchanges.serve(call, {} as Runtime).then(outcome)
  }
  const leave = (url: string): void => clients.get(url)!.abort(new CcrError('CCR_CLIENT_CLOSED', 'the client left'))
  return { exchanges, begin, end: (url: string) => ends.get(url)!(), leave }
}

describe('exchanges', () => {
  it.each(['a', 'b', 'c'])('are all ended when the router stops, but %s, which ended before', async (first) => {
    const { exchanges, begin, end } = setUp()
    const outcomes = ['a', 'b', 'c'].map((url) => begin(url))
    end(first)
    await outcomes[['a', 'b', 'c'].indexOf(first)]
    const drained = exchanges.drain(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    await drained
    const expected = ['a', 'b', 'c'].map((url) => (url === first ? 'ended 1' : 'cut 1'))
    expect(await Promise.all(outcomes)).toEqual(expected)
    expect(exchanges.running).toBe(0)
  })

  it('leave no timer behind when they end in time', async () => {
    const { exchanges, begin, end } = setUp()
    const outcome = begin('a')
    const drained = exchanges.drain(1_000)
    end('a')
    await drained
    expect(await outcome).toBe('ended 1')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that found no place and clients that left before their turn are told as numbers, with the limits', async () => {
    const { exchanges, begin, leave } = setUp()
    for (let count = 0; count < limits.inFlight; count++) void begin(`/runs/${count}`)
    const waiting = begin('/waits')
    for (let count = 0; count < 373; count++) void begin('/refused')
    leave('/waits')
    await waiting
    await vi.advanceTimersByTimeAsync(1_000)
    expect(log.warn.mock.calls).toEqual([
      [{ refused: 373, ...limits }, 'exchanges found no place'],
      [{ left: 1, ...limits }, 'clients left before their turn'],
    ])
    void begin('/waits again')
    exchanges.abortAll()
    await exchanges.drain(0)
    expect(log.warn).toHaveBeenCalledTimes(2)
  })

  it('that hold a generation are told by path and age, the oldest first', async () => {
    const { exchanges, begin, end } = setUp()
    for (const [url, generation] of [
      ['/x', 1],
      ['/old?key=secret', 2],
      ['/y', 1],
      ['/new', 2],
    ] as const) {
      void begin(url, generation)
      await vi.advanceTimersByTimeAsync(10)
    }
    // What ends leaves its place to the newest.
    end('/x')
    await vi.advanceTimersByTimeAsync(0)
    expect(exchanges.holding(2)).toEqual([
      { path: '/old', ms: 30 },
      { path: '/new', ms: 10 },
    ])
  })
})
