import { andThen, decide, passOver, requestOf } from '@ccr/sdk'
import type {
  ChosenScenario,
  Exchange,
  Maybe,
  ProjectRoutes,
  ProjectService,
  RoutePlan,
  RouterConfig,
  Scenario,
  ScenarioReading,
  ScenarioService,
} from '@ccr/sdk'

const ORDER: readonly Scenario[] = ['extendedContext', 'longContext', 'background', 'webSearch', 'think']
const WITH_DEFAULT: readonly Scenario[] = [...ORDER, 'default']
const READING: ScenarioReading = { name: 'Router', order: ORDER, background: 'models' }

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
    const found = scenarios.choose(requestOf(plan, exchange), exchange, own?.router ?? router, readingOf(own?.origins))
    return andThen(found, (chosen) => planFor(chosen, plan))
  }
  return andThen(projects?.routesFor(exchange), choose)
}

function readingOf(origins: ProjectRoutes['origins'] | undefined): ScenarioReading {
  if (!origins) return READING
  // The default route of the config is decided for behind all routers; only another one is decided for here.
  return { ...READING, order: origins.has('default') ? WITH_DEFAULT : ORDER, origins }
}

function planFor({ chosen, passedOver }: ChosenScenario, plan: RoutePlan): RoutePlan | undefined {
  const looked = passOver(plan, ...passedOver)
  if (!chosen) return looked === plan ? undefined : looked
  return decide(looked, { ...chosen, decidedBy: 'route-scenarios', source: 'config' })
}
