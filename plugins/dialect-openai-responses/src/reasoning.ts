import { parseObject, readReasoning, signReasoning } from '@ccr/sdk'
import { fieldsOf, listOf, textOf, type Fields, type ReasoningItem } from './wire.ts'

const FAMILY = 'openai-responses'

/** Signs reasoning: who made it, and the items that go back to it, whole, so that they survive a restart. */
export function signItems(provider: string | undefined, items: readonly ReasoningItem[]): string {
  return signReasoning({ family: FAMILY, payload: JSON.stringify({ provider, items }) })
}

/** The reasoning items that a signature holds for this provider; none when another vendor reasoned. */
export function itemsOf(signature: unknown, provider: string): readonly ReasoningItem[] {
  const origin = readReasoning(textOf(signature))
  if (origin?.family !== FAMILY) return []
  const made = parseObject(origin.payload)
  // Without a provider the client brought it from elsewhere, and may know that it belongs here.
  if (made?.['provider'] !== undefined && made['provider'] !== provider) return []
  return listOf(made?.['items'])
    .map((item) => toReplay(fieldsOf(item)))
    .filter((item) => item !== undefined)
}

/**
 * A reasoning item as it may be sent back: nothing is stored, so it has to hold what its maker needs to read it, which
 * is encrypted or plain.
 */
export function toReplay(item: Fields): ReasoningItem | undefined {
  const id = textOf(item['id'])
  const encrypted = textOf(item['encrypted_content'])
  const content = listOf(item['content'])
  if (encrypted === '' && content.length === 0) return undefined
  return {
    type: 'reasoning',
    ...(id !== '' && { id }),
    summary: listOf(item['summary']),
    ...(content.length > 0 && { content }),
    ...(encrypted !== '' && { encrypted_content: encrypted }),
  }
}

/** Tells one reasoning item from another. */
export function keyOf({ id, encrypted_content }: ReasoningItem): string {
  return id ?? textOf(encrypted_content).slice(-64)
}

/** The parts of a summary, or of plain reasoning, as one text. */
export function joinParts(parts: unknown): string {
  return listOf(parts)
    .map((part) => textOf(fieldsOf(part)['text']))
    .filter((text) => text !== '')
    .join(SEPARATOR)
}

/** Stands between two parts of reasoning. */
export const SEPARATOR = '\n\n'

/** Whose `encrypted_content` a client of this dialect is shown. */
type Wrapped = 'signature' | 'redacted'

/** A canonical signature, or redacted thinking, as `encrypted_content`: marked, so that it is known when it returns. */
export function wrapSignature(kind: Wrapped, text: string): string {
  return kind === 'signature' && readReasoning(text) ? text : signReasoning({ family: kind, payload: text })
}

/** What {@link wrapSignature} took; nothing when the content was made elsewhere. */
export function unwrapSignature(encrypted: string): string | undefined {
  const origin = readReasoning(encrypted)
  if (!origin) return undefined
  return origin.family === 'signature' || origin.family === 'redacted' ? origin.payload : encrypted
}
