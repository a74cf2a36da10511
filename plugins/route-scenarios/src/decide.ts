import type { RoutePlan, Target } from '@ccr/sdk'

/** The plan with this one target, decided by this plugin. */
export function decide(plan: RoutePlan, target: Target, source: 'explicit' | 'config'): RoutePlan {
  return { ...plan, targets: [target], primary: target, decidedBy: 'route-scenarios', source, scenario: 'default' }
}
