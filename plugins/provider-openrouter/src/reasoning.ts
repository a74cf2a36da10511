import { askedThinking } from '@ccr/sdk'
import type { ChatBody } from './chat-body.ts'

/** Source: https://openrouter.ai/docs/use-cases/reasoning-tokens */
export interface Reasoning {
  readonly enabled?: boolean
  readonly effort?: string
  readonly max_tokens?: number
}

const EFFORTS: ReadonlySet<unknown> = new Set(['minimal', 'low', 'medium', 'high', 'xhigh', 'max'])

/**
 * What a request asks of reasoning: an effort, or the budget of a client that names one; nothing where it asks nothing.
 */
export function reasoningOf(body: ChatBody): Reasoning | undefined {
  const { reasoning_effort: word, ccr_request: request } = body
  const asked = request && askedThinking(request)
  if (word === 'none' || asked?.on === false) return { enabled: false }
  // There has to be room for an answer behind it.
  const { budget } = asked ?? {}
  if (budget !== undefined && budget < roomOf(body)) return { max_tokens: budget }
  const effort = word ?? asked?.effort
  if (typeof effort === 'string' && EFFORTS.has(effort)) return { effort }
  return asked && { enabled: true }
}

function roomOf({ max_tokens, max_completion_tokens }: ChatBody): number {
  return max_tokens ?? max_completion_tokens ?? Infinity
}
