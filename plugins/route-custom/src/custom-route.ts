import { decide, estimateInput, findTarget, messageOf, passOver, requestOf } from '@ccr/sdk'
import type { CanonicalRequest, CodeFile, Exchange, PluginLog, RoutePlan, TokenService } from '@ccr/sdk'
import type { LegacyConfig } from './legacy-config.ts'
import { legacyRequest } from './legacy-request.ts'

/** The config key, and the name of the rule. */
export const CUSTOM_ROUTER_PATH = 'CUSTOM_ROUTER_PATH'

/** The function that a custom router exports. */
export type CustomRouter = (request: unknown, config: object, context: object) => unknown

/** What a custom router works with. */
export interface CustomRouteOptions {
  readonly code: CodeFile
  readonly router: CustomRouter
  readonly configFor: LegacyConfig
  readonly tokens: TokenService | undefined
  readonly log: PluginLog
  /** The exchanges that it was asked about and has not answered. */
  readonly asked: WeakSet<Exchange>
}

/** Asks the custom router. One that fails, or names what does not exist, is passed over, visibly. */
export async function customRoute(
  { code, router, configFor, tokens, log, asked }: CustomRouteOptions,
  plan: RoutePlan,
  exchange: Exchange,
): Promise<RoutePlan | undefined> {
  const count = (request: CanonicalRequest): number => tokens?.bounds(request).estimate ?? estimateInput(request)
  const { given, changed } = legacyRequest(requestOf(plan, exchange), exchange, log, count)
  const rule = CUSTOM_ROUTER_PATH
  let result: unknown
  let request: CanonicalRequest | undefined
  asked.add(exchange)
  try {
    result = await router(given, configFor(exchange.providers), { event: undefined })
    request = checkedRequest(changed())
  } catch (thrown) {
    const at = code.placeOf(thrown) ?? code.file
    const reason = `it failed at ${at}: ${firstLine(messageOf(thrown))}`
    log.error({ at, err: thrown }, `the custom router failed at ${at}; the next router decides`)
    return passOver(plan, { rule, reason, unmatched: true })
  } finally {
    asked.delete(exchange)
  }
  const looked = request ? { ...plan, request } : plan
  if (!result) return passOver(looked, { rule, reason: 'it gave nothing' })
  const target =
    typeof result === 'string' ? findTarget(result, exchange.providers) : `it gave ${typeof result}, not provider,model`
  if (typeof target === 'string') return passOver(looked, { rule, reason: target, unmatched: true })
  return decide(looked, { target, decidedBy: 'route-custom', source: 'custom', rule })
}

/** Further lines stand in the log; in a header they would make all of it unreadable. */
export function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}

/** Says of a custom router that was given up at its deadline that it was. */
export function lateRoute({ asked }: CustomRouteOptions, plan: RoutePlan, exchange: Exchange): RoutePlan | undefined {
  if (!asked.has(exchange)) return undefined
  const reason = 'it took too long (timeoutMs of route-custom allows more)'
  return passOver(plan, { rule: CUSTOM_ROUTER_PATH, reason, unmatched: true })
}

/** @throws Error when what the router left is no request */
function checkedRequest(request: CanonicalRequest | undefined): CanonicalRequest | undefined {
  if (request === undefined) return undefined
  if (typeof request.model !== 'string' || request.model === '') throw new Error('it left a body without a model')
  if (!Array.isArray(request.messages)) throw new Error('it left a body without messages')
  return request
}
