import type { Exchange, Target } from '@ccr/sdk'
import type { Condition } from '../core/blueprint.ts'
import type { WhenForm } from './schema.ts'

type Patterns = string | readonly string[]

/** What `when` of an entry means. */
export function toCondition({ provider, model, dialect, scenario, header }: WhenForm): Condition {
  const ofTarget = [
    check(provider, (target: Target) => target.provider),
    check(model, (target: Target) => target.model),
  ]
  const ofExchange = [
    check(dialect, (exchange: Exchange) => exchange.dialect),
    ...Object.entries(header ?? {}).map(([name, patterns]) =>
      check(patterns, ({ headers }: Exchange) => [headers[name.toLowerCase()] ?? []].flat().join(', ')),
    ),
    scenario === undefined ? undefined : whenPlanned(matcher(scenario)),
  ]
  return { target: all(ofTarget), exchange: all(ofExchange) }
}

type Check<Subject> = (subject: Subject) => boolean

function check<Subject>(
  patterns: Patterns | undefined,
  read: (subject: Subject) => string,
): Check<Subject> | undefined {
  if (patterns === undefined) return undefined
  const matches = matcher(patterns)
  return (subject) => matches(read(subject))
}

/** As long as no route is decided there is no scenario that could differ. */
function whenPlanned(matches: (text: string) => boolean): Check<Exchange> {
  return ({ plan }) => plan === undefined || matches(plan.scenario ?? '')
}

function all<Subject>(checks: readonly (Check<Subject> | undefined)[]): Check<Subject> | undefined {
  const given = checks.filter((one) => one !== undefined)
  return given.length === 0 ? undefined : (subject) => given.every((one) => one(subject))
}

/** Matches the whole text, whatever its case. */
function matcher(patterns: Patterns): (text: string) => boolean {
  const sources = [patterns].flat().map((pattern) =>
    pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('.*'),
  )
  const expression = new RegExp(`^(?:${sources.join('|')})$`, 'is')
  return (text) => expression.test(text)
}
