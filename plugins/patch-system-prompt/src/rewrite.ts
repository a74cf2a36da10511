import type { CanonicalRequest, TextBlock } from '@ccr/sdk'

/** Where the description of the client's surroundings begins; what stands before it is replaced. */
const ENVIRONMENT = '<env>'

/**
 * The request with another system prompt: in the last block that describes the client's surroundings, what stands
 * before that description is replaced. Nothing where no block does.
 */
export function rewriteSystem(request: CanonicalRequest, prompt: string): CanonicalRequest | undefined {
  const { system } = request
  if (typeof system === 'string') {
    const text = rewritten(system, prompt)
    return text === undefined ? undefined : { ...request, system: text }
  }
  if (!Array.isArray(system)) return undefined
  const blocks = system as readonly TextBlock[]
  const index = blocks.findLastIndex((block) => typeof block?.text === 'string' && block.text.includes(ENVIRONMENT))
  const block = blocks[index]
  if (!block) return undefined
  return { ...request, system: blocks.with(index, { ...block, text: rewritten(block.text, prompt)! }) }
}

function rewritten(text: string, prompt: string): string | undefined {
  const at = text.lastIndexOf(ENVIRONMENT)
  return at < 0 ? undefined : prompt + text.slice(at)
}
