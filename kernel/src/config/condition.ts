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
      check(patterns, ({ headers }: Exchange) => {
        const value = headers[name.toLowerCase()]
        return value === undefined ? undefined : [value].flat().join(', ')
      }),
    ),
    scenario === undefined ? undefined : whenPlanned(matcher(scenario)),
  ]
  return { target: all(ofTarget), exchange: all(ofExchange) }
}

type Check<Subject> = (subject: Subject) => boolean

function check<Subject>(
  patterns: Patterns | undefined,
  read: (subject: Subject) => string | undefined,
): Check<Subject> | undefined {
  if (patterns === undefined) return undefined
  const matches = matcher(patterns)
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

/** Matches the whole text, whatever its case. */
function matcher(patterns: Patterns): (text: string) => boolean {
  const globs = [patterns].flat().map((pattern) => pattern.toUpperCase().split('*'))
  return (text) => {
    const upper = text.toUpperCase()
    return globs.some((parts) => fits(upper, parts))
  }
}

/**
 * Whether a text is these parts with any text between them. Clients choose the text, so this takes a time proportional
 * to it: the first place where a part fits is as good as any, where a regular expression would try them all.
 */
function fits(text: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - at >= last.length && text.endsWith(last)
}
