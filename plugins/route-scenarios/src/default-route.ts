import { canonicalTarget, CcrError, decide, splitTarget, writtenRoute } from '@ccr/sdk'
import type { Exchange, RoutePlan, Target } from '@ccr/sdk'

/**
 * Reads `Router.default`.
 *
 * @throws CcrError `CCR_CONFIG_SCHEMA` when it does not name both a provider and a model
 */
export function readDefaultRoute(text: string | undefined): Target | undefined {
  const route = writtenRoute(text)
  if (route === undefined) return undefined
  const target = splitTarget(route)
  if (target && target.provider !== '' && target.model !== '') return target
  throw new CcrError(
    'CCR_CONFIG_SCHEMA',
    `Router.default is ${JSON.stringify(text)}, which names no provider and model; write it as "provider,model"`,
    { plugin: 'route-scenarios' },
  )
}

/** Decides for the default route where nobody else decided. */
export function defaultRoute(target: Target, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (plan.decidedBy !== undefined) return undefined
  const known = canonicalTarget(target, exchange.providers)
  return decide(plan, { target: known, decidedBy: 'route-scenarios', source: 'config', rule: 'Router.default' })
}
