import type { ContentBlock } from '@ccr/sdk'

/**
 * On a text with which a model refuses: both OpenAI protocols keep it apart from what the model says, and official
 * clients look for it there. The canonical form has the stop reason alone. The Responses dialect knows the same symbol.
 */
const REFUSAL = Symbol.for('ccr.openai.refusal')

/** The block as a refusal. */
export function asRefusal<Block extends ContentBlock>(block: Block): Block {
  return { ...block, [REFUSAL]: true }
}

/** Whether a model refuses with this text. */
export function isRefusal(block: ContentBlock): boolean {
  return (block as { readonly [REFUSAL]?: boolean })[REFUSAL] === true
}
