import { canonicalTarget, decide, splitTarget, writtenRoute } from '@ccr/sdk'
import type { Exchange, RoutePlan, Target } from '@ccr/sdk'

/** Reads `Router.default`, whose form its schema has checked. */
export function readDefaultRoute(text: string | undefined): Target | undefined {
  const route = writtenRoute(text)
  return route === undefined ? undefined : splitTarget(route)
}

/** Decides for the default route where nobody else decided. */
export function defaultRoute(target: Target, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (plan.decidedBy !== undefined) return undefined
  const known = canonicalTarget(target, exchange.providers)
  return decide(plan, { target: known, decidedBy: 'route-scenarios', source: 'config', rule: 'Router.default' })
}
