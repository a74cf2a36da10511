import { decide, findTarget, requestOf, type Exchange, type HeaderBag, type RoutePlan } from '@ccr/sdk'

/** Claude Code takes only such ids into the list of its `/model` command. */
const TAKEN = /^(?:claude|anthropic)/i
const PREFIX = 'anthropic/'

/** Whether the list is asked for by Claude Code, for that command. */
export function isClaudeCode(headers: HeaderBag): boolean {
  return /^claude-(?:code|cli)\//.test(String(headers['user-agent']))
}

/** An id that Claude Code takes, for a model that is `provider,model`. */
export function toDiscoveryId(id: string): string {
  return TAKEN.test(id) ? id : `${PREFIX}${id}`
}

/**
 * Decides for the target whose discovery id the request names. A provider whose own name begins like one comes first:
 * its ids were left as they are.
 */
export function discoveredRoute(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  const { model } = requestOf(plan, exchange)
  if (!model.toLowerCase().startsWith(PREFIX) || typeof findTarget(model, exchange.providers) !== 'string')
    return undefined
  const target = findTarget(model.slice(PREFIX.length), exchange.providers)
  if (typeof target === 'string') return undefined
  return decide(plan, { target, decidedBy: 'surface-models', source: 'explicit', rule: 'model' })
}
