import { describe, expect, it } from 'vitest'
import type { CanonicalEvent, CanonicalUsage } from '../canonical.ts'
import { asEstimated, tokenCounts } from '../usage.ts'
import { UsageTracker } from './usage-tracker.ts'

const exchange = {
  ...{ id: 'e', startedAt: 5, client: { address: '::1' }, dialect: 'd', requestedModel: 'asked', stream: true },
  plan: { decidedBy: 'router', scenario: 'default', targets: [] },
} as unknown as Parameters<UsageTracker['record']>[0]
const attempts = [
  { provider: 'p', model: 'm' },
  { provider: 'q', model: 'n' },
] as never
const start = (usage: CanonicalUsage) => ({ type: 'message_start', message: { usage } }) as unknown as CanonicalEvent
const delta = (usage: CanonicalUsage) => ({ type: 'message_delta', usage }) as unknown as CanonicalEvent
const none = { input: 0, cacheRead: 0, cacheCreation: 0, output: 0, reasoning: 0 }

describe('the record of an exchange', () => {
  it('says who asked, who answered, and what that took', () => {
    const tracker = new UsageTracker()
    tracker.see([start({ input_tokens: 3, cache_read_input_tokens: 4 }), delta({ output_tokens: 2 })])
    tracker.committed()
    const record = tracker.record(exchange, { status: 'ok', httpStatus: 200, attempts })
    const { id, startedAt, client, dialect, requestedModel, stream } = exchange
    expect(record).toEqual({
      ...{ id, startedAt, client, dialect, requestedModel, stream },
      ms: expect.any(Number) as number,
      firstEventMs: expect.any(Number) as number,
      provider: 'q',
      model: 'n',
      route: { decidedBy: 'router', scenario: 'default' },
      status: 'ok',
      httpStatus: 200,
      tokens: { ...none, input: 3, cacheRead: 4, output: 2 },
      estimated: false,
      partial: false,
      attempts,
    })
    expect(record.firstEventMs).toBeLessThanOrEqual(record.ms)
    expect(record.ms).toBeLessThan(60_000)
  })

  it('of one that failed before anything was decided says so', () => {
    const { plan: _none, ...undecided } = exchange
    const record = new UsageTracker().record(undecided as typeof exchange, {
      status: 'error',
      httpStatus: 500,
      attempts: [],
    })
    expect(record).toMatchObject({ partial: true, tokens: none })
    expect([record.provider, record.model, record.route, record.firstEventMs]).toEqual(Array(4).fill(undefined))
  })

  it('guesses from its length what an answer took that ended early, if nobody counted more', () => {
    const tracker = new UsageTracker()
    const tokens = (status: 'ok' | 'client_closed') =>
      tracker.record(exchange, { status, httpStatus: 200, attempts }).tokens
    const part = (of: object) => ({ type: 'content_block_delta', index: 0, delta: of }) as CanonicalEvent
    tracker.see([start({ input_tokens: 3, output_tokens: 1 }), part({ type: 'text_delta', text: 'x'.repeat(20) })])
    tracker.see([part({ type: 'thinking_delta', thinking: 'x'.repeat(8) })])
    tracker.see([part({ type: 'input_json_delta', partial_json: '{"a":1' }), part({ type: 'signature_delta' })])
    tracker.see([{ type: 'content_block_delta', index: 0 } as CanonicalEvent])
    for (const type of ['text_delta', 'thinking_delta', 'input_json_delta']) tracker.see([part({ type })])
    expect(tokens('client_closed')).toEqual({ ...none, input: 3, output: 9 })
    expect(tokens('ok')).toEqual({ ...none, input: 3, output: 1 })
    tracker.see([delta({ output_tokens: 50 })])
    expect(tokens('client_closed')).toEqual({ ...none, input: 3, output: 50 })
    tracker.reset({ appendedOutput: 0 })
    expect(tokens('client_closed')).toEqual(none)
  })

  it('says whether counts are guesses', () => {
    const tracker = new UsageTracker()
    const estimated = (status: 'ok' | 'error') =>
      tracker.record(exchange, { status, httpStatus: 200, attempts }).estimated
    const text = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x'.repeat(20) } } as const
    tracker.see([start({ input_tokens: 3, output_tokens: 1 }), text])
    expect([estimated('ok'), estimated('error')]).toEqual([false, true])
    tracker.see([delta({ output_tokens: 9 })])
    expect([estimated('ok'), estimated('error')]).toEqual([false, false])
    tracker.see([delta(asEstimated({ output_tokens: 9 }))])
    expect(estimated('ok')).toBe(true)
    tracker.reset({ appendedOutput: 0 })
    tracker.see([delta({ output_tokens: 9 })])
    expect(estimated('ok')).toBe(false)
  })

  it('counts the last attempt alone, without what other exchanges count', () => {
    const tracker = new UsageTracker()
    const tokens = () => tracker.record(exchange, { status: 'ok', httpStatus: 200, attempts }).tokens
    tracker.see([start({ input_tokens: 3 }), delta({ output_tokens: 9 })])
    tracker.reset({ appendedOutput: 0 })
    expect(tokens()).toEqual(none)
    const answer = { appendedOutput: 4 }
    tracker.reset(answer)
    tracker.see([start({ input_tokens: 1, output_tokens: 1 }), delta({ output_tokens: 9 })])
    expect(tokens()).toEqual({ ...none, input: 1, output: 5 })
    answer.appendedOutput = 10
    expect(tokens()).toEqual({ ...none, input: 1 })
    tracker.see([start({ output_tokens: 10 })])
    expect(tokens()).toEqual(none)
  })
})

it('counts of tokens are whole and never negative, whatever was said', () => {
  expect(
    tokenCounts({
      input_tokens: 1.4,
      cache_read_input_tokens: -3,
      cache_creation_input_tokens: Infinity,
      output_tokens: '7' as unknown as number,
      output_tokens_details: { thinking_tokens: 2 },
    }),
  ).toEqual({ ...none, input: 1, reasoning: 2 })
  expect(tokenCounts({ input_tokens: null, output_tokens: 5, cache_creation_input_tokens: 6 })).toEqual({
    ...none,
    cacheCreation: 6,
    output: 5,
  })
})
