import { decide, listedTarget, requestOf, type Exchange, type HeaderBag, type RoutePlan } from '@ccr/sdk'

/** Whether the list is asked for by Claude Code, for its `/model` command. */
export function isClaudeCode(headers: HeaderBag): boolean {
  return /^claude-(?:code|cli)\//.test(String(headers['user-agent']))
}

/** Decides for the target whose listed id the request names. */
export function discoveredRoute(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  const target = listedTarget(requestOf(plan, exchange).model, exchange.providers)
  return target && decide(plan, { target, decidedBy: 'surface-models', source: 'explicit', rule: 'model' })
}
