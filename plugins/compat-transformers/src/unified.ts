import { askedThinking, isObject, type CanonicalRequest, type JsonObject } from '@ccr/sdk'
import { plainCopy } from './plain-copy.ts'
import { ownSignature } from './chunks.ts'

/** Keys that are for plugins of this router alone; none of them is sent. */
const EXTENSION = /^ccr_/

/** A body that its receiver may change, and what is to be made of it afterwards. */
export interface UnifiedBody {
  readonly unified: Record<string, unknown>
  /** The body that is sent: a copy without what was added and left as it was, with what only plugins read. */
  settle(body: JsonObject): JsonObject
}

/**
 * A copy of a wire body as transformers know it: Chat Completions, with `reasoning` and, on what the assistant said,
 * `thinking`, which say what that protocol cannot. Bodies of other protocols stay as they are.
 */
export function toUnified(body: JsonObject): UnifiedBody {
  const extensions = Object.entries(body).filter(([key]) => EXTENSION.test(key))
  const unified = plainCopy(body, (holder, key) => holder === body && EXTENSION.test(key)) as Record<string, unknown>
  const added = new Map<unknown, { readonly key: string; readonly text: string }>()
  const add = (holder: Record<string, unknown>, key: string, value: object | undefined): void => {
    if (value === undefined || holder[key] !== undefined) return
    holder[key] = value
    added.set(value, { key, text: JSON.stringify(value) })
  }
  const request = body['ccr_request']
  // The dialect has put it there.
  if (isObject(request)) addExtras(unified, request as unknown as CanonicalRequest, add)
  const isUntouched = (_: object, key: string, value: unknown): boolean => {
    const known = added.get(value)
    return known !== undefined && known.key === key && known.text === JSON.stringify(value)
  }
  return {
    unified,
    settle: (given) => ({ ...(plainCopy(given, isUntouched) as JsonObject), ...Object.fromEntries(extensions) }),
  }
}

type Add = (holder: Record<string, unknown>, key: string, value: object | undefined) => void

function addExtras(unified: Record<string, unknown>, request: CanonicalRequest, add: Add): void {
  add(unified, 'reasoning', reasoningOf(request))
  const { messages } = unified
  if (!Array.isArray(messages)) return
  const signatures = signaturesOf(request)
  for (const message of messages as readonly Record<string, unknown>[]) {
    if (message['role'] !== 'assistant') continue
    const content = message['reasoning_content'] ?? message['reasoning']
    if (typeof content !== 'string' || content.trim() === '') continue
    const signature = signatures.get(content)
    add(message, 'thinking', { content, ...(signature !== undefined && { signature }) })
  }
}

/** The words for effort that transformers know. */
const EFFORTS: Readonly<Record<string, string>> = { minimal: 'low', low: 'low', medium: 'medium' }

function reasoningOf(request: CanonicalRequest): object | undefined {
  const asked = askedThinking(request)
  if (!asked) return undefined
  if (!asked.on) return { effort: 'none', enabled: false }
  const effort = EFFORTS[asked.effort ?? ''] ?? 'high'
  return { effort, enabled: true, ...(asked.budget !== undefined && { max_tokens: asked.budget }) }
}

/** Signatures that a transformer has given reasoning earlier, by its text. */
function signaturesOf({ messages }: CanonicalRequest): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const { content } of messages) {
    if (typeof content === 'string') continue
    for (const block of content) {
      const { type, thinking, signature } = block as Readonly<Record<string, unknown>>
      if (type !== 'thinking' || typeof thinking !== 'string' || typeof signature !== 'string') continue
      const own = ownSignature(signature)
      if (own !== undefined) found.set(thinking, own)
    }
  }
  return found
}
