import { matcherOf, type CanonicalRequest, type Exchange, type ScenarioReading, type Tool } from '@ccr/sdk'

/** Asks for reasoning; `disabled` does not, and what types later versions bring does. */
export function isThinking({ thinking }: CanonicalRequest): boolean {
  return typeof thinking === 'object' && thinking !== null && thinking.type !== 'disabled'
}

/** Offers a web search that the provider runs. */
export function asksWebSearch({ tools }: CanonicalRequest): boolean {
  if (!Array.isArray(tools)) return false
  return (tools as readonly Tool[]).some((tool) => typeof tool?.type === 'string' && tool.type.startsWith('web_search'))
}

/**
 * What Claude Code asks beside the conversation: a check of the quota (one token), the title of a session (a schema
 * with `title`, no tools), and whatever it calls `auxiliary` itself. Source: recorded requests of 1.0.58 to 2.1.330.
 */
function isHousekeeping(request: CanonicalRequest, exchange: Exchange): boolean {
  if (request.max_tokens === 1) return true
  if (exchange.client.requestClass === 'auxiliary') return !asksWebSearch(request)
  const { format } = request.output_config ?? {}
  const titled = Object.hasOwn(Object(Object(Object(format).schema).properties) as object, 'title')
  return titled && (request.tools ?? []).length === 0
}

/** Whether it is background work, in the sense of its table. */
export function isBackground(
  request: CanonicalRequest,
  exchange: Exchange,
  sense: ScenarioReading['background'],
  models: readonly string[],
): boolean {
  if (sense === 'always') return true
  const { model } = request
  const named =
    sense === 'models' && ((model.includes('claude') && model.includes('haiku')) || matcherOf(models)(model))
  return named || isHousekeeping(request, exchange)
}
