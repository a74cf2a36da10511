import { CcrError, type RoutePlan } from '@ccr/sdk'
import type { PlannedTarget } from './attempt.ts'
import type { ExchangeState } from './state.ts'

const UNDECIDED: RoutePlan = Object.freeze({ targets: Object.freeze([]), passedOver: Object.freeze([]) })

/**
 * Runs selectRoute and looks the plan's providers up.
 *
 * @throws CcrError `CCR_ROUTE_NONE` saying what was asked and what exists
 */
export async function planRoute(exchange: ExchangeState): Promise<readonly PlannedTarget[]> {
  const { hooks } = exchange.world
  const asked = exchange.inner?.target
  const told: RoutePlan | undefined = asked && { ...UNDECIDED, targets: [asked], decidedBy: 'ctx.exchange' }
  const plan = told ?? (hooks.selectRoute ? await hooks.selectRoute.promise(UNDECIDED, exchange) : UNDECIDED)
  exchange.decide(plan)
  if (plan.request) exchange.replaceRequest(plan.request)
  const known: PlannedTarget[] = []
  for (const target of plan.targets) {
    const provider = exchange.world.providerOf(target)
    if (provider && target.model !== '') known.push({ target, provider })
  }
  if (known.length === 0) throw nowhere(exchange, plan)
  return known
}

function nowhere(exchange: ExchangeState, plan: RoutePlan): CcrError {
  const names = [...exchange.world.providers.keys()].join(', ') || 'none'
  const unknown = plan.targets[0]
  const asked = `asked for model '${exchange.requestedModel}'`
  const why = unknown && exchange.served.runtime.absence?.(unknown)
  const isModel = unknown !== undefined && exchange.world.providers.has(unknown.provider)
  const subject = `${isModel ? `model '${unknown.model}' of ` : ''}provider '${unknown?.provider}'`
  const state = isModel || why !== undefined ? 'is left out of the config' : 'does not exist'
  const missing = unknown?.model === '' ? 'a target names no model' : `${subject} ${state}`
  const fact = unknown ? `${missing} (${asked})` : `no rule decided where model '${exchange.requestedModel}' goes`
  const remedy = why ?? 'Ask for "provider,model", or set a default route'
  return new CcrError('CCR_ROUTE_NONE', `${fact}; providers: ${names}. ${remedy}`)
}
