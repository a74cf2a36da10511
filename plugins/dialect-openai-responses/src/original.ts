import type { ContentBlock, TextBlock } from '@ccr/sdk'
import type { Fields } from './wire.ts'

/**
 * What only this dialect can say of a block travels on it under symbols: JSON leaves them out, so no other target ever
 * sees them, and a handler that copies a block keeps them.
 */
const ITEM = Symbol.for('ccr.openai-responses.item')
const PHASE = Symbol.for('ccr.openai-responses.phase')

/** On the source of an image; the Chat Completions dialect knows the same symbol, because it means the same by it. */
const DETAIL = Symbol.for('ccr.openai.image-detail')

/** On a text with which a model refuses; the Chat Completions dialect knows the same symbol, too. */
const REFUSAL = Symbol.for('ccr.openai.refusal')

type Marked = { readonly [ITEM]?: Fields; readonly [PHASE]?: string; readonly [REFUSAL]?: boolean }

/** Longest text that stands for an item of which other targets know nothing. */
const MAX_TEXT = 2000

/** A text that says what an item holds, and the item itself for this dialect. */
export function itemBlock(item: Fields): TextBlock {
  const text = `[${String(item['type'])}]\n${JSON.stringify(item)}`
  return { type: 'text', text: text.slice(0, MAX_TEXT), [ITEM]: item } as TextBlock
}

/** The item that a block stands for, if it stands for one. */
export function itemOf(block: ContentBlock): Fields | undefined {
  return (block as Marked)[ITEM]
}

/** The block of a message whose phase (`commentary`, `final_answer`) is known. */
export function withPhase<Block extends ContentBlock>(block: Block, phase: unknown): Block {
  return typeof phase === 'string' ? { ...block, [PHASE]: phase } : block
}

/** The phase of the message that a block belongs to. */
export function phaseOf(block: ContentBlock): string | undefined {
  return (block as Marked)[PHASE]
}

/** The block as one with which the model refuses. */
export function asRefusal<Block extends ContentBlock>(block: Block): Block {
  return { ...block, [REFUSAL]: true }
}

/** Whether the model refuses with this text. */
export function isRefusal(block: ContentBlock): boolean {
  return (block as Marked)[REFUSAL] === true
}

/** The source of an image with how closely the model is to look at it, where its client said so. */
export function withDetail<Source extends object>(source: Source, detail: unknown): Source {
  return typeof detail === 'string' && detail !== 'auto' ? { ...source, [DETAIL]: detail } : source
}

/** How closely the model is to look at the image of this source. */
export function detailOf(source: object): string {
  return (source as { readonly [DETAIL]?: string })[DETAIL] ?? 'auto'
}
