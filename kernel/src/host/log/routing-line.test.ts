import type { Exchange, UsageRecord } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RoutingNote } from '../../exchange/ports.ts'
import { routingLine } from './routing-line.ts'

const TIME = '2026-01-02T03:04:05.678Z'
const ID = 'req_abc'

function parsed(exchange: object, note: RoutingNote): unknown {
  const line = routingLine(TIME, { id: ID, ...exchange } as Exchange, note)
  expect(line.indexOf('\n')).toBe(line.length - 1)
  return JSON.parse(line)
}

/** What is read back of a text that JSON.stringify was given. */
const read = (value: object): object => JSON.parse(JSON.stringify(value)) as object

const text = fc.string({ unit: 'binary' })
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined })
const count = fc.nat()
const target = fc.record({ provider: text, model: text })
const NO_TOKENS = { input: 0, cacheRead: 0, cacheCreation: 0, output: 0, reasoning: 0 }
const tokens = fc.record({ input: count, cacheRead: count, cacheCreation: count, output: count, reasoning: count })

describe('a line of the routing log', () => {
  it('tells of a route, who asked for it and what was looked at', () => {
    const client = fc.record({
      app: text,
      sessionId: maybe(text),
      agentId: maybe(text),
      requestClass: maybe(text),
    })
    const passedOver = fc.record({
      rule: maybe(text),
      target: maybe(target),
      reason: text,
      unmatched: fc.constantFrom(true, undefined),
    })
    const plan = fc.record({
      decidedBy: maybe(text),
      rule: maybe(text),
      source: fc.constantFrom('custom' as const, undefined),
      scenario: maybe(text),
      family: maybe(text),
      targets: fc.array(target),
      passedOver: fc.array(passedOver),
    })
    const exchange = fc.record({ dialect: text, profile: text, generation: count, client })
    fc.assert(
      fc.property(exchange, text, maybe(fc.boolean()), plan, (served, model, stream, decided) => {
        const { client: asker, ...rest } = served
        const line = parsed({ ...served, request: { model, stream } }, { event: 'route', ...decided })
        const told = { time: TIME, event: 'route', request: ID, ...rest, ...asker, model, stream: stream === true }
        expect(line).toEqual(read({ ...told, ...decided }))
      }),
    )
  })

  it('tells of an attempt and of its commit', () => {
    fc.assert(
      fc.property(fc.constantFrom('attempt' as const, 'commit' as const), target, count, (event, to, number) => {
        expect(parsed({}, { event, number, ...to })).toEqual({ time: TIME, event, request: ID, number, ...to })
      }),
    )
  })

  it('tells of the end and of every attempt', () => {
    const attempt = fc.record({
      provider: text,
      model: text,
      outcome: fc.constantFrom('ok' as const, 'neutral' as const),
      status: maybe(count),
      ms: count,
      kind: fc.constantFrom('network' as const, 'timeout' as const, 'plugin' as const),
      code: maybe(fc.constant('CCR_STREAM_ENDED' as const)),
      error: maybe(text),
      tokens: maybe(tokens),
    })
    const status = fc.constantFrom('ok' as const, 'error' as const)
    const estimated = fc.boolean()
    const end = fc.record({ status, httpStatus: count, ms: count, tokens, estimated, attempts: fc.array(attempt) })
    fc.assert(
      fc.property(end, (done) => {
        expect(parsed({}, { event: 'done', record: done as unknown as UsageRecord })).toEqual(
          read({ time: TIME, event: 'done', request: ID, ...done, estimated: done.estimated || undefined }),
        )
      }),
    )
  })

  it.each(['status', 'reported', 'protocol', undefined] as const)('has no words of an upstream (%s)', (kind) => {
    const attempt = { provider: 'p', model: 'm', outcome: 'failure', status: 400, ms: 1, kind } as const
    const ended = { status: 'error', httpStatus: 400, ms: 1, tokens: NO_TOKENS, estimated: false }
    const done = { ...ended, attempts: [{ ...attempt, error: 'quoted "prompt"' }] }
    const record = parsed({}, { event: 'done', record: done as unknown as UsageRecord })
    expect(record).toMatchObject({ attempts: [read({ ...attempt })] })
    expect(JSON.stringify(record)).not.toContain('prompt')
  })

  it('stays JSON whatever a plugin or an upstream gave', () => {
    const odd = { provider: 1, model: undefined } as never
    const route = { decidedBy: Symbol('x'), rule: { a: 1 }, targets: [odd], passedOver: [] } as never
    const exchange = { dialect: 'd', profile: 'p', generation: 1, client: { app: 'a' }, request: { model: 7 } }
    expect(parsed(exchange, { event: 'route', ...(route as object) } as RoutingNote)).toMatchObject({
      decidedBy: null,
      rule: { a: 1 },
      model: 7,
      targets: [{ provider: 1, model: null }],
    })
    const counted = { input: NaN, cacheRead: Infinity, cacheCreation: 1e21, output: -0, reasoning: 0.5 }
    const record = { status: 'ok', httpStatus: 200, ms: 1, tokens: counted, estimated: false, attempts: [] }
    expect(parsed({}, { event: 'done', record: record as unknown as UsageRecord })).toMatchObject({
      tokens: { input: null, cacheRead: null, cacheCreation: 1e21, output: 0, reasoning: 0.5 },
    })
  })
})
