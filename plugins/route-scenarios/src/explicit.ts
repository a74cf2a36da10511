import type { Exchange, RoutePlan } from '@ccr/sdk'
import { decide } from './decide.ts'
import { canonicalTarget, splitTarget } from './target.ts'

/** Decides for the target that the request itself names, as `provider,model` in its `model` field. */
export function explicitRoute(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (plan.decidedBy !== undefined) return undefined
  const target = splitTarget(exchange.request.model)
  if (!target) return undefined
  return decide(plan, canonicalTarget(target, exchange.providers), 'explicit')
}
