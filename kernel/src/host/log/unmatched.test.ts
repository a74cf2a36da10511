import type { Exchange, PassedOver } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { UnmatchedDirectives } from './unmatched.ts'

// Nothing of the exchange is read.
const exchange = {} as Exchange
const missed = (rule: string): PassedOver => ({ rule, reason: 'gone', unmatched: true })

function watch() {
  const warnings: string[] = []
  const lines: string[] = []
  const log = {
    debug: ignore,
    info: ignore,
    warn: (_: object, text: string) => void warnings.push(text),
    error: ignore,
  }
  const directives = new UnmatchedDirectives(log, (text) => text.replace('sk-secret', '[secret]'))
  const routing = directives.tee({ record: (_, { event }) => void lines.push(event) })
  const route = (...passedOver: readonly PassedOver[]): void =>
    routing.record(exchange, { event: 'route', targets: [], passedOver })
  return { directives, routing, route, warnings, lines }
}

function ignore(): void {}

describe('what is asked for in vain', () => {
  it('is counted, the newest first, and told to the log once', () => {
    const { directives, route, warnings, lines } = watch()
    route(missed('a'), { rule: 'x', reason: 'small' })
    route(missed('b'))
    route(missed('a'))
    expect(directives.list.map(({ what, count }) => [what, count])).toEqual([
      ['a: gone', 2],
      ['b: gone', 1],
    ])
    expect(warnings).toEqual(['asked for in vain: a: gone', 'asked for in vain: b: gone'])
    expect(lines).toEqual(['route', 'route', 'route'])
  })

  it('is kept for the last 20, without secrets, and not too long', () => {
    const { directives, route } = watch()
    for (let count = 0; count < 50; count++) route(missed(`rule-${count}`))
    route(missed('sk-secret'), missed('x'.repeat(10_000)))
    expect(directives.list).toHaveLength(20)
    expect(directives.list[1]?.what).toBe('[secret]: gone')
    expect(directives.list[0]?.what).toHaveLength(300)
  })

  it('moves no cursor and makes no lines of its own where it is shown', () => {
    const { directives, route, warnings } = watch()
    route(missed('a\u001b[2J\n\u202eb'))
    expect(directives.list[0]?.what).toBe('a?[2J??b: gone')
    expect(warnings).toEqual(['asked for in vain: a?[2J??b: gone'])
  })

  it('is read of routes alone', () => {
    const { directives, routing, lines } = watch()
    routing.record(exchange, { event: 'attempt', number: 1, provider: 'p', model: 'm' })
    expect([directives.list, lines]).toEqual([[], ['attempt']])
  })
})
