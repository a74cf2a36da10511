import type { CanonicalRequest } from './canonical.ts'

/** The smallest budget of thinking, in tokens. */
const LEAST_BUDGET = 1024

/**
 * The request with at most so many tokens to answer; the very request where it asks for no more, or names no limit.
 *
 * A budget of thinking is a part of the limit, and refused when it leaves nothing of it. One that fitted and would not
 * any more keeps its share; where the limit has no room for the smallest one beside an answer, nothing is thought.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
 */
export function limitOutput(request: CanonicalRequest, most: number): CanonicalRequest {
  const { max_tokens: asked, thinking } = request
  if (typeof asked !== 'number' || asked <= most) return request
  const limited = { ...request, max_tokens: most }
  if (thinking?.type !== 'enabled') return limited
  const { budget_tokens: budget } = thinking
  // A larger one than the limit is that of all the thinking between calls.
  if (typeof budget !== 'number' || budget < most || budget >= asked) return limited
  if (most <= LEAST_BUDGET) return { ...limited, thinking: { type: 'disabled' } }
  const share = Math.max(LEAST_BUDGET, Math.floor((budget / asked) * most))
  return { ...limited, thinking: { ...thinking, budget_tokens: share } }
}
