import { decide, findTarget, nameRule, passOver, requestOf, spelledAs, writtenRoute } from '@ccr/sdk'
import type {
  CanonicalRequest,
  Exchange,
  HeaderBag,
  PassedOver,
  ProjectRoutes,
  RoutePlan,
  RouterConfig,
  Target,
} from '@ccr/sdk'
import { DIRECTIVE_WORD, stripDirectives, type Stripped } from './directive.ts'

/** The mark that Claude Code puts into the first block of the system prompt; see {@link isSubagent}. */
const SUBAGENT_MARK = 'cc_is_subagent=true'

/** The routes that hold for an exchange. */
export interface Routes {
  readonly router: RouterConfig
  readonly origins?: ProjectRoutes['origins'] | undefined
}

/**
 * Decides by what a request says of the subagent or the purpose that it is made for: its directive, the name of its
 * agent, its class. A directive is taken out of the request in any case; see {@link withoutDirectives}.
 */
export function subagentRoute(routes: Routes, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (!strippedOf(plan, exchange) && saysNothing(routes.router)) return undefined
  let looked = plan
  for (const wish of wishes(routes, plan, exchange)) {
    if ('reason' in wish) {
      looked = passOver(looked, wish)
      continue
    }
    const { rule, text } = wish
    const target = findTarget(text, exchange.providers)
    if (typeof target === 'string') {
      looked = passOver(looked, { rule, reason: target, unmatched: true })
      continue
    }
    // What the config names is its own business.
    const unlisted = rule === DIRECTIVE_WORD ? unlistedModel(target, exchange) : undefined
    if (unlisted) looked = passOver(looked, { rule, ...unlisted })
    return decide(looked, { target, decidedBy: 'route-subagent', source: 'subagent', rule })
  }
  return looked === plan ? undefined : looked
}

function saysNothing({ agents, requestClasses }: RouterConfig): boolean {
  return (!agents || Object.keys(agents).length === 0) && (!requestClasses || Object.keys(requestClasses).length === 0)
}

/** Takes the directives out once, for all attempts, whoever decided. */
export function withoutDirectives(plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  const stripped = strippedOf(plan, exchange)
  return stripped && { ...plan, request: stripped.request }
}

// A request is looked at by both handlers, and looking for one word in a large one costs milliseconds.
const LOOKED = Symbol('directives')

interface Looked {
  readonly request: CanonicalRequest
  readonly stripped: Stripped | undefined
}

function strippedOf(plan: RoutePlan, exchange: Exchange): Stripped | undefined {
  const request = requestOf(plan, exchange)
  const { locals } = exchange
  let looked = locals[LOOKED] as Looked | undefined
  if (looked?.request !== request) {
    const mayHold = plan.request !== undefined || exchange.mayHold(DIRECTIVE_WORD)
    locals[LOOKED] = looked = { request, stripped: mayHold ? stripDirectives(request) : undefined }
  }
  return looked.stripped
}

type Wish = { readonly rule: string; readonly text: string } | (PassedOver & { readonly rule: string })

function* wishes({ router, origins }: Routes, plan: RoutePlan, exchange: Exchange): Iterable<Wish> {
  const directive = strippedOf(plan, exchange)
  // It comes out of a prompt, and dialects refuse such a model too.
  if (directive && /\p{Cc}/u.test(directive.model))
    yield { rule: DIRECTIVE_WORD, reason: 'it holds control characters', unmatched: true }
  else if (directive) yield { rule: DIRECTIVE_WORD, text: directive.model }
  yield* agentWish({ router, origins }, plan, exchange)
  const { requestClasses = {} } = router
  const kind = exchange.client.requestClass
  const text =
    kind !== undefined && Object.hasOwn(requestClasses, kind) ? writtenRoute(requestClasses[kind]) : undefined
  if (text !== undefined) yield { rule: nameRule(`Router.requestClasses.${kind}`, origins), text }
  else if (Object.keys(requestClasses).length > 0)
    yield { rule: 'Router.requestClasses', reason: kind ? `it has no class '${kind}'` : 'the client states no class' }
}

function* agentWish({ router, origins }: Routes, plan: RoutePlan, exchange: Exchange): Iterable<Wish> {
  const { agents = {} } = router
  if (Object.keys(agents).length === 0) return
  if (!isSubagent(plan, exchange)) return yield { rule: 'Router.agents', reason: 'no subagent asks' }
  const name = agentName(exchange.headers)
  const key = name === undefined ? undefined : spelledAs(name, Object.keys(agents))
  const own = key === undefined ? undefined : writtenRoute(agents[key])
  if (own !== undefined) return yield { rule: nameRule(`Router.agents.${key}`, origins), text: own }
  const others = writtenRoute(agents['*'])
  if (others !== undefined) yield { rule: nameRule('Router.agents.*', origins), text: others }
  else yield { rule: 'Router.agents', reason: name ? `it has no agent '${name}'` : 'the client names no agent' }
}

/**
 * Whether a subagent asks. Claude Code says so in `x-claude-code-agent-id` (since 2.1.200), in the class it states when
 * `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1`, or in the first block of the system prompt.
 */
function isSubagent(plan: RoutePlan, exchange: Exchange): boolean {
  const { agentId, requestClass } = exchange.client
  if (agentId !== undefined || requestClass === 'subagent') return true
  const { system } = requestOf(plan, exchange)
  const first: unknown = Array.isArray(system) ? Object(system[0]).text : system
  return typeof first === 'string' && first.includes(SUBAGENT_MARK)
}

/** The name of the agent, such as `Explore`, which Claude Code states when `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1`. */
function agentName(headers: HeaderBag): string | undefined {
  const value = headers['x-claude-code-agent-type']
  return typeof value === 'string' && /^[\w .:-]{1,64}$/.test(value) ? value : undefined
}

/** A model that its provider does not list is asked for all the same, visibly. */
function unlistedModel(target: Target, { providers }: Exchange): PassedOver | undefined {
  const models = providers.find(({ name }) => name === target.provider)?.models ?? []
  if (models.length === 0 || models.includes(target.model)) return undefined
  const reason = `provider '${target.provider}' lists no model '${target.model}', which is asked for all the same`
  return { target, reason, unmatched: true }
}
