import { findTarget, nameRule, writtenRoute } from '@ccr/sdk'
import type { FallbackRoutes, PassedOver, ProjectRoutes, Provider, RouterConfig, RoutePlan, Target } from '@ccr/sdk'

/** What holds for an exchange. */
export interface FallbackRules {
  /** The section `fallback`. */
  readonly global: FallbackRoutes | undefined
  readonly router: RouterConfig
  readonly origins?: ProjectRoutes['origins'] | undefined
}

/**
 * Most targets of one plan. The kernel makes no more attempts than `limits.attempts`; those behind them take the places
 * of what others leave out of the plan.
 */
const MAX_TARGETS = 16

/**
 * Whether lists are followed. Where nothing says so they are, as long as the only ones are those of the older form: a
 * list at the top, and no families.
 */
export function isEnabled({ global, router }: FallbackRules): boolean {
  const { enableFallback, fallback = global, families = {} } = router
  return enableFallback ?? (fallback !== undefined && Object.keys(families).length === 0)
}

/** The targets that come behind the chosen ones, and what of the lists names none. */
export function candidatesFor(
  rules: FallbackRules,
  { targets, scenario = 'default', family }: RoutePlan,
  providers: readonly Provider[],
): { readonly targets: readonly Target[]; readonly passedOver: readonly PassedOver[] } {
  const found: Target[] = []
  const passedOver: PassedOver[] = []
  for (const { rule, list } of listsFor(rules, scenario, family)) {
    for (const text of list) {
      if (targets.length + found.length >= MAX_TARGETS) return { targets: found, passedOver }
      if (writtenRoute(text) === undefined) continue
      const target = findTarget(text, providers)
      if (typeof target === 'string')
        passedOver.push({ rule: nameRule(rule, rules.origins), reason: target, unmatched: true })
      else if (![...targets, ...found].some((one) => isSame(one, target))) found.push(target)
    }
  }
  return { targets: found, passedOver }
}

interface FallbackList {
  readonly rule: string
  readonly list: readonly string[]
}

/** Those of the scenario, the family's before the others; where there is none, those of `default`. */
function listsFor({ global, router }: FallbackRules, scenario: string, family: string | undefined): FallbackList[] {
  const own = family === undefined ? undefined : router.families?.[family]?.fallback
  const all = router.fallback ?? global
  const name = router.fallback ? 'Router.fallback' : 'fallback'
  const of = (key: string): FallbackList[] =>
    [
      { rule: `Router.families.${family}.fallback.${key}`, list: listIn(own, key) },
      { rule: `${name}.${key}`, list: listIn(all, key) },
    ].filter(({ list }) => list.length > 0)
  const lists = of(scenario)
  return lists.length > 0 ? lists : of('default')
}

function listIn(routes: FallbackRoutes | undefined, key: string): readonly string[] {
  return routes !== undefined && Object.hasOwn(routes, key) ? routes[key]! : []
}

function isSame(one: Target, other: Target): boolean {
  return one.provider === other.provider && one.model === other.model
}
