import { parseObject, readReasoning, signReasoning, type ThinkingBlock } from '@ccr/sdk'

/** The fields in which compatible servers send reasoning as text, and take it back. */
export type ReasoningField = 'reasoning_content' | 'reasoning'

export const FAMILY = 'openai'

/** Signs reasoning, naming who made it and the field it came in. */
export function sign(provider: string, field: ReasoningField | undefined): string {
  return signReasoning({ family: FAMILY, payload: JSON.stringify({ provider, field }) })
}

/**
 * The field in which a thinking block of the history goes back to this provider; nothing when another vendor made it.
 * A block without any signature was not made by Anthropic, so it is reasoning of a server of this kind.
 */
export function replayField(block: ThinkingBlock, provider: string): ReasoningField | undefined {
  if (!block.signature) return 'reasoning_content'
  const origin = readReasoning(block.signature)
  if (origin?.family !== FAMILY) return undefined
  if (origin.payload === '') return 'reasoning_content'
  const made = parseObject(origin.payload)
  if (made?.['provider'] !== provider) return undefined
  const field = made['field']
  return field === 'reasoning_content' || field === 'reasoning' ? field : undefined
}
