import { matcherOf, type Exchange, type Target } from '@ccr/sdk'
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
      check(patterns, ({ headers }: Exchange) => {
        const value = headers[name.toLowerCase()]
        return value === undefined ? undefined : [value].flat().join(', ')
      }),
    ),
    scenario === undefined ? undefined : whenPlanned(matcherOf([scenario].flat())),
  ]
  return { target: all(ofTarget), exchange: all(ofExchange) }
}

type Check<Subject> = (subject: Subject) => boolean

function check<Subject>(
  patterns: Patterns | undefined,
  read: (subject: Subject) => string | undefined,
): Check<Subject> | undefined {
  if (patterns === undefined) return undefined
  const matches = matcherOf([patterns].flat())
  return (subject) => {
    const text = read(subject)
    return text !== undefined && matches(text)
  }
}

/** As long as no route is decided there is no scenario that could differ. */
function whenPlanned(matches: (text: string) => boolean): Check<Exchange> {
  return ({ plan }) => plan === undefined || matches(plan.scenario ?? '')
}

function all<Subject>(checks: readonly (Check<Subject> | undefined)[]): Check<Subject> | undefined {
  const given = checks.filter((one) => one !== undefined)
  return given.length === 0 ? undefined : (subject) => given.every((one) => one(subject))
}
