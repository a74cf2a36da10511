import { canonicalTarget, decide, passOver, requestOf, splitTarget, type Exchange, type RoutePlan } from '@ccr/sdk'

/** Decides for the target that the request itself names, as `provider,model` in its `model` field. */
export function explicitRoute(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (plan.decidedBy !== undefined) return undefined
  const named = splitTarget(requestOf(plan, exchange).model)
  if (!named) return passOver(plan, { rule: 'model', reason: 'it names no provider' })
  const target = canonicalTarget(named, exchange.providers)
  return decide(plan, { target, decidedBy: 'route-scenarios', source: 'explicit', rule: 'model' })
}
