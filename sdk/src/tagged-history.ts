import { isKnownBlock, type ContentBlock, type Message } from './canonical.ts'
import { parseObject } from './message.ts'
import { readReasoning, signReasoning } from './reasoning.ts'

/** The family of what a model has thought as text, between tags. */
const FAMILY = 'tagged'

/** How many thoughts are left out at once: a history whose every turn loses some is never found in a prompt cache. */
const STEP = 10

/** The signature of thinking that a model of this provider wrote as text, between tags. */
export function signTagged(provider: string): string {
  return signReasoning({ family: FAMILY, payload: JSON.stringify({ provider }) })
}

/**
 * The history with what a model of this provider thought put back between tags, as text of the assistant. Of the turns
 * with such thinking the newest keep theirs, 10 to 19 of them. What others thought stays a block of its own, which the
 * target's dialect knows what to do with. Gives the very list when there is nothing to put back.
 */
export function replayTagged(
  messages: readonly Message[],
  { tag, provider }: { readonly tag: string; readonly provider: string },
): readonly Message[] {
  const own = messages.flatMap((message, index) => (hasOwn(message, provider) ? [index] : []))
  if (own.length === 0) return messages
  const first = own[Math.max(0, Math.floor(own.length / STEP) - 1) * STEP]!
  const turns = new Set(own)
  return messages.map((message, index) => {
    if (!turns.has(index)) return message
    const content = replayed(message.content as readonly ContentBlock[], provider, index < first ? undefined : tag)
    return { ...message, content }
  })
}

function replayed(blocks: readonly ContentBlock[], provider: string, tag: string | undefined): ContentBlock[] {
  const out: ContentBlock[] = []
  let thought = ''
  for (const block of blocks) {
    const own = thinkingOf(block, provider)
    if (own !== undefined) {
      if (tag !== undefined && own !== '') thought += `<${tag}>\n${own}\n</${tag}>`
    } else if (thought !== '' && isKnownBlock(block) && block.type === 'text') {
      // One block, so that a line stands between them wherever texts are joined.
      out.push({ ...block, text: `${thought}\n${block.text}` })
      thought = ''
    } else {
      if (thought !== '') out.push({ type: 'text', text: thought })
      thought = ''
      out.push(block)
    }
  }
  if (thought !== '') out.push({ type: 'text', text: thought })
  return out
}

function hasOwn({ role, content }: Message, provider: string): boolean {
  if (role !== 'assistant' || !Array.isArray(content)) return false
  return (content as readonly ContentBlock[]).some((block) => thinkingOf(block, provider) !== undefined)
}

function thinkingOf(block: ContentBlock, provider: string): string | undefined {
  if (block?.type !== 'thinking') return undefined
  const { thinking, signature } = block as { readonly thinking?: unknown; readonly signature?: unknown }
  if (typeof thinking !== 'string' || typeof signature !== 'string') return undefined
  const origin = readReasoning(signature)
  if (origin?.family !== FAMILY) return undefined
  return parseObject(origin.payload)?.['provider'] === provider ? thinking : undefined
}
