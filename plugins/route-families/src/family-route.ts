import { decide, passOver, requestOf } from '@ccr/sdk'
import type {
  Exchange,
  ProjectRoutes,
  RoutePlan,
  RouterConfig,
  ScenarioReading,
  ScenarioRoutes,
  ScenarioService,
} from '@ccr/sdk'
import { readModelName } from './family.ts'

/** The routes that hold for an exchange. */
export interface Routes {
  readonly router: RouterConfig
  readonly origins?: ProjectRoutes['origins'] | undefined
}

const ORDER = ['extendedContext', 'longContext', 'webSearch', 'think', 'background', 'default'] as const
/** The small family is the one for housekeeping: whatever is not larger or a search is that. */
const SMALL_ORDER = ['extendedContext', 'longContext', 'webSearch', 'background', 'think', 'default'] as const
const SMALL_FAMILY = 'haiku'

/**
 * Decides by the family of the model that is asked for. A family is self-contained: what it has no route for goes to
 * its default, so that a conversation stays with one model.
 */
export async function familyRoute(
  { router, origins }: Routes,
  scenarios: ScenarioService,
  plan: RoutePlan,
  exchange: Exchange,
): Promise<RoutePlan | undefined> {
  const { families = {} } = router
  const request = requestOf(plan, exchange)
  const rule = 'Router.families'
  if (router.enableFamilyRouting !== true || Object.keys(families).length === 0) return undefined
  const { family } = readModelName(request.model, Object.keys(families))
  if (family === undefined) return passOver(plan, { rule, reason: `model '${request.model}' is of none of them` })
  const how = { ...readingOf(family), origins }
  const { chosen, passedOver } = await scenarios.choose(request, exchange, withThresholds(router, family), how)
  const looked = passOver(plan, ...passedOver)
  if (!chosen) return passOver(looked, { rule: `${rule}.${family}`, reason: 'it has no route for this request' })
  return decide(looked, { ...chosen, decidedBy: 'route-families', source: 'config', family })
}

function readingOf(family: string): ScenarioReading {
  const isSmall = family.toLowerCase() === SMALL_FAMILY
  const background = isSmall ? 'always' : 'housekeeping'
  return { name: `Router.families.${family}`, order: isSmall ? SMALL_ORDER : ORDER, background }
}

/** A threshold that a family does not state is that of `Router`. */
function withThresholds(router: RouterConfig, family: string): ScenarioRoutes {
  const { longContextThreshold, extendedContextThreshold, families = {} } = router
  const own = families[family]!
  return {
    ...own,
    ...(longContextThreshold && !own.longContextThreshold && { longContextThreshold }),
    ...(extendedContextThreshold && !own.extendedContextThreshold && { extendedContextThreshold }),
  }
}
