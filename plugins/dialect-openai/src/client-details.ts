import { parseObject, readReasoning, signReasoning, type ThinkingBlock } from '@ccr/sdk'
import { FAMILY, signDetails } from './reasoning.ts'
import { textOf, unpackDetails, type ReasoningDetail } from './reasoning-details.ts'

/** Fields that clients get in another form: the texts stand in `reasoning_content` already. */
const KEPT = ['id', 'text', 'summary'] as const

/**
 * The reasoning details of a thinking block for a client of this protocol, which gives them back with its history.
 * Their ids say who made them and what they were; clients keep an id whatever it is, and drop fields that they do not
 * know.
 */
export function toClientDetails({ thinking, signature }: ThinkingBlock): readonly ReasoningDetail[] {
  const origin = readReasoning(signature)
  const made = origin?.family === FAMILY ? parseObject(origin.payload) : undefined
  const details = unpackDetails(made?.['details'], thinking) ?? []
  return details.map((detail) => {
    const shown: Record<string, unknown> = { ...detail }
    const kept: Record<string, unknown> = {}
    for (const field of KEPT) {
      if (!(field in detail)) continue
      kept[field] = detail[field]
      shown[field] = ''
    }
    const payload = JSON.stringify({ provider: made?.['provider'], kept })
    return { ...shown, id: signReasoning({ family: FAMILY, payload }) }
  })
}

/** The thinking block of details that a client gives back; nothing when this router did not name them. */
export function fromClientDetails(given: unknown, said: string): ThinkingBlock | undefined {
  const read = Array.isArray(given) ? (given as readonly unknown[]).flatMap(readDetail) : []
  const provider = read[0]?.provider
  if (provider === undefined) return undefined
  const details = read.filter((one) => one.provider === provider).map(({ detail }) => detail)
  const thinking = said === '' ? details.map(textOf).join('') : said
  return { type: 'thinking', thinking, signature: signDetails(provider, thinking, details) }
}

function readDetail(given: unknown): readonly { readonly provider: string; readonly detail: ReasoningDetail }[] {
  const { id, ...detail } = Object(given) as ReasoningDetail
  const origin = typeof id === 'string' ? readReasoning(id) : undefined
  const named = origin?.family === FAMILY ? parseObject(origin.payload) : undefined
  const provider = named?.['provider']
  if (typeof provider !== 'string') return []
  return [{ provider, detail: { ...detail, ...(named?.['kept'] as ReasoningDetail | undefined) } }]
}
