import { parseObject, readReasoning, signReasoning, type ThinkingBlock } from '@ccr/sdk'
import { packDetails, unpackDetails, type ReasoningDetail } from './reasoning-details.ts'

/** The fields in which compatible servers send reasoning as text, and take it back. */
export type ReasoningField = 'reasoning_content' | 'reasoning'

export const FAMILY = 'openai'

/** What goes back to the provider that made a thinking block: its details where it has some, else its text. */
export type Replay =
  { readonly details: readonly ReasoningDetail[] } | { readonly field: ReasoningField; readonly text: string }

/** Signs reasoning, naming who made it and the field it came in. */
export function sign(provider: string, field: ReasoningField | undefined): string {
  return signReasoning({ family: FAMILY, payload: JSON.stringify({ provider, field }) })
}

/** The same for reasoning with details, which the signature carries so that they outlive the router. */
export function signDetails(provider: string, thinking: string, details: readonly ReasoningDetail[]): string {
  const payload = JSON.stringify({ provider, field: 'reasoning', details: packDetails(details, thinking) })
  return signReasoning({ family: FAMILY, payload })
}

/**
 * What of a thinking block of the history goes back to this provider; nothing when another vendor made it. A block
 * without any signature was not made by Anthropic, so it is reasoning of a server of this kind.
 */
export function replay(block: ThinkingBlock, provider: string): Replay | undefined {
  const { thinking: text, signature } = block
  if (!signature) return { field: 'reasoning_content', text }
  const origin = readReasoning(signature)
  if (origin?.family !== FAMILY) return undefined
  if (origin.payload === '') return { field: 'reasoning_content', text }
  const made = parseObject(origin.payload)
  if (made?.['provider'] !== provider) return undefined
  const details = unpackDetails(made['details'], text)
  if (details) return { details }
  const field = made['field']
  return field === 'reasoning_content' || field === 'reasoning' ? { field, text } : undefined
}
