import type { CanonicalRequest } from '@ccr/sdk'
import { loopLacksThinking, withoutThinking } from './history.ts'

/** What every current model of this protocol accepts as the length of an answer, in tokens. */
export const MAX_TOKENS = 8192

/** The smallest budget of thinking, in tokens. */
const LEAST_BUDGET = 1024

/** The smallest `top_p` that thinking bears. */
const LEAST_TOP_P = 0.95

/**
 * The settings of a request as this protocol demands them, for clients of other protocols, which demand less of theirs.
 * What fits stays as it is. Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
 */
export function meetDemands(request: CanonicalRequest): CanonicalRequest {
  const thinking = loopLacksThinking(request) ? withoutThinking(request) : request
  return fitStops(fitSampling(fitBudget(freeForcedChoice(thinking))))
}

/** A choice of tools is refused where there are none, because the client named none or none that this protocol has. */
export function withoutIdleChoice(request: CanonicalRequest): CanonicalRequest {
  if (request.tools?.length) return request
  const { tools: _none, tool_choice: _idle, ...rest } = request
  return rest
}

/** Thinking cannot end in a call that is forced, and the call is what the client said. */
function freeForcedChoice(request: CanonicalRequest): CanonicalRequest {
  const choice = request.tool_choice?.type
  return isThinkingOn(request) && (choice === 'any' || choice === 'tool') ? withoutThinking(request) : request
}

/** The budget is a part of `max_tokens`, and the answer needs the rest. */
export function fitBudget(request: CanonicalRequest): CanonicalRequest {
  const { thinking, max_tokens: limit } = request
  if (thinking?.type !== 'enabled') return request
  const asked = Math.max(LEAST_BUDGET, thinking.budget_tokens)
  if (limit !== undefined && limit <= LEAST_BUDGET) return withoutThinking(request)
  // Half of it, where the client wants more thinking than tokens.
  const budget = limit === undefined || asked < limit ? asked : Math.max(LEAST_BUDGET, Math.floor(limit / 2))
  const max_tokens = limit ?? budget + MAX_TOKENS
  if (budget === thinking.budget_tokens && max_tokens === limit) return request
  return { ...request, max_tokens, thinking: { ...thinking, budget_tokens: budget } }
}

function fitSampling(request: CanonicalRequest): CanonicalRequest {
  const { temperature } = request
  const cooled = temperature !== undefined && temperature > 1 ? { ...request, temperature: 1 } : request
  return fitSamplingToThinking(cooled)
}

/** The sampling that thinking does not bear is left out; the very request where there is none of either. */
export function fitSamplingToThinking(request: CanonicalRequest): CanonicalRequest {
  if (!isThinkingOn(request)) return request
  const { temperature, top_p, top_k, ...rest } = request
  const kept = {
    ...(temperature === 1 && { temperature }),
    ...(top_p !== undefined && top_p >= LEAST_TOP_P && { top_p }),
  }
  const all = [temperature, top_p, top_k].filter((setting) => setting !== undefined)
  return Object.keys(kept).length === all.length ? request : { ...rest, ...kept }
}

/** A stop sequence needs something that can be seen. */
function fitStops(request: CanonicalRequest): CanonicalRequest {
  const { stop_sequences: stops, ...rest } = request
  const kept = stops?.filter((stop) => stop.trim() !== '')
  if (kept?.length === stops?.length) return request
  return kept?.length ? { ...rest, stop_sequences: kept } : rest
}

function isThinkingOn({ thinking }: CanonicalRequest): boolean {
  return thinking?.type === 'enabled' || thinking?.type === 'adaptive'
}
