import { hasCacheMarks, withCacheMarks } from './cache-marks.ts'
import type { ChatBody } from './chat-body.ts'
import { reasoningOf } from './reasoning.ts'

/** A request in the fields of the gateway. */
export function toOpenRouter(
  body: ChatBody,
  offers: (part: 'off' | 'reasoning' | 'cache_control') => boolean,
): ChatBody {
  const { reasoning_effort: _, ...rest } = body
  const reasoning = body.reasoning === undefined ? reasoningOf(body) : undefined
  const sent = reasoning && offers(reasoning.enabled === false ? 'off' : 'reasoning') ? { ...rest, reasoning } : rest
  return hasCacheMarks(body) && offers('cache_control') ? withCacheMarks(sent as ChatBody) : (sent as ChatBody)
}
