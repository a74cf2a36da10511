import type { Exchange, RoutePlan } from '@ccr/sdk'

/** Decides for the demo where nobody decided and no real provider is configured. */
export function demoRoute(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (plan.decidedBy !== undefined || !exchange.providers.every((provider) => provider.local)) return undefined
  const primary = { provider: 'demo', model: 'demo' }
  return { ...plan, targets: [primary], primary, decidedBy: 'provider-demo', source: 'config', scenario: 'default' }
}
