import { Type, type Static } from './typebox/index.ts'
import type { CanonicalRequest } from './canonical.ts'
import type { Exchange, PassedOver, Provider, RoutePlan, Target } from './exchange.ts'
import { spelledAs } from './spelled-as.ts'

/**
 * Splits `provider,model`: the provider is what stands before the first comma, the model everything after it, with all
 * its commas, slashes and colons. White space around either part is dropped. Nothing for a text without a comma.
 */
export function splitTarget(text: string): Target | undefined {
  const comma = text.indexOf(',')
  if (comma < 0) return undefined
  return { provider: text.slice(0, comma).trim(), model: text.slice(comma + 1).trim() }
}

/** The text of a route; an empty one counts as absent, because configuration editors leave one behind. */
export function writtenRoute(text: unknown): string | undefined {
  return typeof text === 'string' && text.trim() !== '' ? text : undefined
}

/** What is known of a provider where targets are found. */
export type NamedModels = Pick<Provider, 'name' | 'models'>

/**
 * The target in the spelling of the configured provider and model, which are found without regard to case. What is not
 * configured stays as written: models may be unlisted, and an unknown provider is reported as the user wrote it.
 */
export function canonicalTarget(target: Target, providers: readonly NamedModels[]): Target {
  const provider = findProvider(target.provider, providers)
  if (!provider) return target
  return { provider: provider.name, model: spelledAs(target.model, provider.models) ?? target.model }
}

function findProvider(written: string, providers: readonly NamedModels[]): NamedModels | undefined {
  const exact = providers.find(({ name }) => name === written)
  if (exact) return exact
  const lower = written.toLowerCase()
  return providers.find(({ name }) => name.toLowerCase() === lower)
}

/** The configured target that a text names as `provider,model`, or the reason why it names none. */
export function findTarget(text: string, providers: readonly NamedModels[]): Target | string {
  const written = splitTarget(text)
  if (!written || written.provider === '' || written.model === '') return `'${text}' is not provider,model`
  const target = canonicalTarget(written, providers)
  if (providers.some(({ name }) => name === target.provider)) return target
  return `there is no provider '${target.provider}'`
}

/** What a picker decides. */
export interface RouteDecision extends Required<Pick<RoutePlan, 'decidedBy' | 'source'>> {
  readonly target: Target
  readonly rule: string
  /** `default` unless given. */
  readonly scenario?: string | undefined
  readonly family?: string | undefined
}

/**
 * The plan with this one target. Each field is named: an object made of spreads costs a microsecond, and more whenever
 * it is read.
 */
export function decide(plan: RoutePlan, decision: RouteDecision): RoutePlan {
  const { target, decidedBy, rule, source, scenario = 'default', family = plan.family } = decision
  const { passedOver, request } = plan
  return { targets: [target], primary: target, decidedBy, rule, source, scenario, family, passedOver, request }
}

/** The plan with more that was passed over; the same plan when there is no more. */
export function passOver(plan: RoutePlan, ...more: readonly PassedOver[]): RoutePlan {
  if (more.length === 0) return plan
  const { targets, primary, decidedBy, rule, source, scenario, family, request } = plan
  const passedOver = [...plan.passedOver, ...more]
  return { targets, primary, decidedBy, rule, source, scenario, family, passedOver, request }
}

/** The request as the routers before have left it. */
export function requestOf(plan: RoutePlan, exchange: Exchange): CanonicalRequest {
  return plan.request ?? exchange.request
}

/**
 * What {@link splitTarget} splits into two parts that say something, or nothing at all. By `x-names` the router knows
 * where a config names a provider, and warns when there is none.
 */
const TARGET = {
  pattern: '^\\s*$|^\\s*[^\\s,][^,]*,\\s*\\S',
  title: 'text of the form "provider,model"',
  'x-names': 'provider',
}
const Route = (description: string) =>
  Type.Optional(Type.String({ ...TARGET, description: `${description}, as "provider,model".` }))
const Threshold = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }))

/** Lists of targets by scenario, each to be tried in its order where the one that was chosen fails. */
export const FallbackRoutes = Type.Record(Type.String(), Type.Array(Type.String(TARGET)), {
  description: 'Who answers where the chosen target fails: lists of "provider,model" by scenario, such as `default`.',
})
export type FallbackRoutes = Static<typeof FallbackRoutes>

const SCENARIO_ROUTES = {
  default: Route('Where requests go that nothing else decides about'),
  background: Route('Where housekeeping goes: requests to a Haiku model, titles, checks'),
  think: Route('Where requests go that ask for thinking'),
  longContext: Route('Where requests above `longContextThreshold` go'),
  longContextThreshold: Threshold('Tokens above which a request is long; 60000 unless given, or 0.'),
  extendedContext: Route('Where requests above `extendedContextThreshold` go'),
  extendedContextThreshold: Threshold('Tokens above which a window of 200k is too small; 200000 unless given, or 0.'),
  webSearch: Route('Where requests go that offer a web search tool'),
  image: Route('Where requests with images go'),
  fallback: Type.Optional(FallbackRoutes),
}

/** Where requests go, by scenario: what `Router` and each of its families may say. */
export const ScenarioRoutes = Type.Object(SCENARIO_ROUTES, { additionalProperties: true })
export type ScenarioRoutes = Static<typeof ScenarioRoutes>

const Table = (description: string) => Type.Optional(Type.Record(Type.String(), Type.String(TARGET), { description }))

/** The section `Router`, as far as the bundled routers read it. */
export const RouterConfig = Type.Object(
  {
    ...SCENARIO_ROUTES,
    backgroundModels: Type.Optional(
      Type.Array(Type.String(), {
        description: 'More names of models whose requests are `background`; `*` stands for any text.',
      }),
    ),
    enableFamilyRouting: Type.Optional(Type.Boolean({ description: '`true` routes by `families`.' })),
    families: Type.Optional(
      Type.Record(Type.String(), ScenarioRoutes, { description: 'Routes of a model family, such as `opus`, by name.' }),
    ),
    enableFallback: Type.Optional(
      Type.Boolean({
        description: '`true` tries the targets of `fallback` where the chosen one fails, `false` never does.',
      }),
    ),
    forceUseImageAgent: Type.Optional(
      Type.Boolean({
        description: '`true` never sends a request to `image`: every other model asks it about images instead.',
      }),
    ),
    models: Table('Where a model goes, by the name that clients ask for, as "provider,model".'),
    agents: Table('Where subagents go, by the name of the agent; `*` stands for any.'),
    requestClasses: Table('Where requests go by the class that the client states, such as `compaction`.'),
  },
  { additionalProperties: true, description: 'Which provider and model a request goes to.' },
)
export type RouterConfig = Static<typeof RouterConfig>

/** How a table of routes by scenario is read. */
export interface ScenarioReading {
  /** What the table is called in rules, such as `Router.families.opus`. */
  readonly name: string
  /** The scenarios that are asked for, the first one that holds wins. */
  readonly order: readonly Scenario[]
  /** What is background beside housekeeping: nothing, models by their names, or everything. */
  readonly background: 'housekeeping' | 'models' | 'always'
  /** Whose the rules are that are not the config's own. */
  readonly origins?: ProjectRoutes['origins'] | undefined
}

/** The scenarios that a request itself can show. */
export type Scenario = 'extendedContext' | 'longContext' | 'background' | 'webSearch' | 'think' | 'default'

/** The scenario of a request, and where its table sends it. */
export interface ChosenScenario {
  readonly chosen?: { readonly scenario: Scenario; readonly rule: string; readonly target: Target } | undefined
  readonly passedOver: readonly PassedOver[]
}

/** Reads tables of routes by scenario. */
export interface ScenarioService {
  /** The first scenario that holds for this request and names a provider that exists. */
  choose(
    request: CanonicalRequest,
    exchange: Exchange,
    routes: RouterConfig | ScenarioRoutes,
    how: ScenarioReading,
  ): ChosenScenario | Promise<ChosenScenario>
}

/** What holds for an exchange in place of the config's own `Router`. */
export interface ProjectRoutes {
  readonly router: RouterConfig
  /** Which of its keys are not the config's own, as dotted paths below `Router`, and whose they are. */
  readonly origins: ReadonlyMap<string, 'project' | 'session'>
}

/**
 * The name of a rule, and whose it is where it is not the config's own.
 *
 * @param name such as `Router.agents.Explore`
 */
export function nameRule(name: string, origins: ProjectRoutes['origins'] | undefined): string {
  const origin = origins?.get(name.replace(/^Router\./, ''))
  return origin === undefined ? name : `${name} of the ${origin}`
}

/** Knows what projects and sessions say about routes. */
export interface ProjectService {
  /** Nothing where they say nothing; at once where that is known. */
  routesFor(exchange: Exchange): ProjectRoutes | undefined | Promise<ProjectRoutes | undefined>
}
