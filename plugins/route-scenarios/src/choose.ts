import { findTarget, nameRule, writtenRoute } from '@ccr/sdk'
import type {
  CanonicalRequest,
  ChosenScenario,
  Exchange,
  PassedOver,
  RouterConfig,
  Scenario,
  ScenarioReading,
  ScenarioRoutes,
} from '@ccr/sdk'
import type { Sizes } from './size.ts'
import { asksWebSearch, isBackground, isThinking } from './triggers.ts'

const LONG_CONTEXT = 60_000
const EXTENDED_CONTEXT = 200_000

/** One request, looked at through one table. */
export interface Question {
  readonly request: CanonicalRequest
  readonly exchange: Exchange
  readonly routes: RouterConfig | ScenarioRoutes
  readonly how: ScenarioReading
}

/** The first scenario of the order that holds and names a provider that exists; at once, unless tokens are counted. */
export function chooseScenario(question: Question, sizes: Sizes): ChosenScenario | Promise<ChosenScenario> {
  return chooseFrom(0, [], question, sizes)
}

function chooseFrom(
  first: number,
  passedOver: PassedOver[],
  question: Question,
  sizes: Sizes,
): ChosenScenario | Promise<ChosenScenario> {
  const { routes, how } = question
  for (let index = first; index < how.order.length; index++) {
    const scenario = how.order[index]!
    const text = writtenRoute(routes[scenario])
    if (text === undefined) continue
    const reason = failing(scenario, question, sizes)
    if (reason instanceof Promise)
      return reason.then(
        (why) => taken(scenario, text, why, passedOver, question) ?? chooseFrom(index + 1, passedOver, question, sizes),
      )
    const chosen = taken(scenario, text, reason, passedOver, question)
    if (chosen) return chosen
  }
  return { passedOver }
}

/** The choice of a scenario that holds; otherwise it is noted among what was passed over. */
function taken(
  scenario: Scenario,
  text: string,
  reason: string | undefined,
  passedOver: PassedOver[],
  { exchange, how }: Question,
): ChosenScenario | undefined {
  const rule = nameRule(`${how.name}.${scenario}`, how.origins)
  const target = reason === undefined ? findTarget(text, exchange.providers) : undefined
  if (typeof target === 'object') return { chosen: { scenario, rule, target }, passedOver }
  passedOver.push(target === undefined ? { rule, reason: reason! } : { rule, reason: target, unmatched: true })
  return undefined
}

type Reason = string | undefined

/** Why a scenario does not hold; nothing when it does. */
function failing(scenario: Scenario, question: Question, sizes: Sizes): Reason | Promise<Reason> {
  const { request, exchange, routes, how } = question
  switch (scenario) {
    case 'extendedContext':
      return tooSmall(question, sizes, routes.extendedContextThreshold || EXTENDED_CONTEXT)
    case 'longContext':
      return tooSmall(question, sizes, routes.longContextThreshold || LONG_CONTEXT)
    case 'background': {
      const models = (routes as RouterConfig).backgroundModels ?? []
      return isBackground(request, exchange, how.background, models) ? undefined : 'it is no background work'
    }
    case 'webSearch':
      return asksWebSearch(request) ? undefined : 'it offers no web search'
    case 'think':
      return isThinking(request) ? undefined : 'it does not ask for thinking'
    case 'default':
      return undefined
  }
}

/** Size is what the model counts that would answer otherwise. */
function tooSmall({ request, exchange, routes }: Question, sizes: Sizes, threshold: number): Reason | Promise<Reason> {
  const otherwise = routes.default === undefined ? undefined : findTarget(routes.default, exchange.providers)
  const target = typeof otherwise === 'object' ? otherwise : undefined
  const reasonFor = (exceeds: boolean): Reason => (exceeds ? undefined : `it has no more than ${threshold} tokens`)
  const exceeds = sizes.exceeds(request, exchange, threshold, target)
  return typeof exceeds === 'boolean' ? reasonFor(exceeds) : exceeds.then(reasonFor)
}
