import { andThen, decide, nameRule, passOver, requestOf } from '@ccr/sdk'
import type {
  ChosenScenario,
  Exchange,
  Maybe,
  ProjectRoutes,
  ProjectService,
  RoutePlan,
  RouterConfig,
  Scenario,
  ScenarioService,
} from '@ccr/sdk'

const ORDER: readonly Scenario[] = ['extendedContext', 'longContext', 'background', 'webSearch', 'think']
const READING = { name: 'Router', order: ORDER, background: 'models' } as const
const WITH_DEFAULT = { ...READING, order: [...ORDER, 'default'] } as const

/** What the routes by scenario are made of. */
export interface ScenarioRouteOptions {
  readonly router: RouterConfig
  readonly scenarios: ScenarioService
  readonly projects: ProjectService | undefined
}

/** Decides by the scenario of a request, in the routes of its project or session where these say something. */
export function scenarioRoute(
  { router, scenarios, projects }: ScenarioRouteOptions,
  plan: RoutePlan,
  exchange: Exchange,
): Maybe<RoutePlan> {
  const choose = (own: ProjectRoutes | undefined): Maybe<RoutePlan> => {
    // The default route of the config is decided for behind all routers; only another one is decided for here.
    const how = own?.origins.has('default') ? WITH_DEFAULT : READING
    const found = scenarios.choose(requestOf(plan, exchange), exchange, own?.router ?? router, how)
    return andThen(found, (chosen) => planFor(chosen, plan, own))
  }
  return andThen(projects?.routesFor(exchange), choose)
}

function planFor(
  { chosen, passedOver }: ChosenScenario,
  plan: RoutePlan,
  own: ProjectRoutes | undefined,
): RoutePlan | undefined {
  const looked = passOver(plan, ...passedOver)
  if (!chosen) return looked === plan ? undefined : looked
  const { scenario, target } = chosen
  const rule = nameRule(chosen.rule, own?.origins)
  return decide(looked, { target, decidedBy: 'route-scenarios', source: 'config', rule, scenario })
}
