import { replayTagged, type CanonicalRequest, type ContentBlock, type Message } from '@ccr/sdk'

/** The tag in which the model thinks. */
export const TAG = 'reasoning_content'

const INSTRUCTION =
  `Think before you answer, each time, and also before you call a tool. Write all of your thinking between ` +
  `<${TAG}> and </${TAG}>, once, at the very beginning of what you write. Close the tag, and only then write the ` +
  `answer or call tools. The reader does not see what stands in the tag, so nothing of the answer belongs there; and ` +
  `nothing of the thinking belongs behind it.`

/**
 * The request of a model that is to think in the tag: what it thought before stands there again, the last user turn
 * ends with the instruction, and it is asked for no thinking of another kind.
 */
export function askToThink(request: CanonicalRequest, provider: string): CanonicalRequest {
  const messages = withInstruction(replayTagged(request.messages, { tag: TAG, provider }))
  return { ...withoutThinkingEdits(request), messages, thinking: { type: 'disabled' } }
}

/** Appended, so that what a cache holds of the turn stays the same; not where the client has begun the answer. */
function withInstruction(messages: readonly Message[]): readonly Message[] {
  const index = messages.findLastIndex((message) => message?.role !== 'system')
  const last = messages[index]
  if (last?.role !== 'user') return messages
  const asked: ContentBlock = { type: 'text', text: INSTRUCTION }
  if (Array.isArray(last.content))
    return messages.with(index, { ...last, content: [...(last.content as readonly ContentBlock[]), asked] })
  const said: readonly ContentBlock[] = last.content === '' ? [] : [{ type: 'text', text: String(last.content) }]
  return messages.with(index, { ...last, content: [...said, asked] })
}

/**
 * Clearing thinking out of the context is refused while thinking is off.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/context-editing
 */
function withoutThinkingEdits(request: CanonicalRequest): CanonicalRequest {
  const { context_management: management, ...rest } = request
  const edits: unknown = (management as { readonly edits?: unknown } | null | undefined)?.edits
  if (!Array.isArray(edits)) return request
  const kept = (edits as readonly ({ readonly type?: unknown } | null)[]).filter(
    (edit) => !String(edit?.type).startsWith('clear_thinking'),
  )
  if (kept.length === edits.length) return request
  return kept.length === 0 ? rest : { ...rest, context_management: { ...(management as object), edits: kept } }
}
