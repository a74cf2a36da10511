import { REASONING_MARK } from '@ccr/sdk'
import type { ContentBlock } from '@ccr/sdk'

/** The parts of blocks that are looked at here; whatever a client sent, none of them need be there. */
type Fields = { readonly [field: string]: unknown } | null | undefined

/**
 * The blocks of an assistant turn without what this router made for another vendor: thinking that it signed, and the
 * searches of other vendors, whose results and citations carry its mark where the vendor's opaque texts would stand.
 * Gives the very list when there is nothing of the kind.
 */
export function withoutForeignBlocks(blocks: readonly ContentBlock[]): readonly ContentBlock[] {
  const kept = blocks.flatMap((block) => strip(block as Fields, block))
  if (kept.length === blocks.length && kept.every((block, index) => block === blocks[index])) return blocks
  // A call whose results are gone would wait for them.
  const gone = new Set(blocks.flatMap((block) => (isSearchResult(block) ? [(block as Fields)?.['tool_use_id']] : [])))
  for (const block of kept) if (isSearchResult(block)) gone.delete((block as Fields)?.['tool_use_id'])
  return kept.filter((block) => block?.type !== 'server_tool_use' || !gone.has((block as Fields)?.['id']))
}

/** The blocks of an assistant turn without any thinking; the very list when there is none. */
export function withoutThinkingBlocks(blocks: readonly ContentBlock[]): readonly ContentBlock[] {
  return blocks.some(isThinking) ? blocks.filter((block) => !isThinking(block)) : blocks
}

/** Whether a block is thinking, readable or not. */
export function isThinking(block: ContentBlock | undefined): boolean {
  return block?.type === 'thinking' || block?.type === 'redacted_thinking'
}

function strip(fields: Fields, block: ContentBlock): readonly ContentBlock[] {
  switch (fields?.['type']) {
    case 'thinking':
    case 'redacted_thinking':
      return isMarked(fields['signature']) || isMarked(fields['data']) ? [] : [block]
    case 'web_search_tool_result': {
      const content = withoutMarked(fields['content'], 'encrypted_content')
      if (content === fields['content']) return [block]
      return content.length === 0 ? [] : [{ ...block, content } as ContentBlock]
    }
    case 'text': {
      const citations = withoutMarked(fields['citations'], 'encrypted_index')
      if (citations === fields['citations']) return [block]
      const { citations: _marked, ...rest } = fields
      if (citations.length > 0) return [{ ...rest, type: 'text', citations }]
      // An empty text is refused; it was there for its citations alone.
      return fields['text'] === '' ? [] : [{ ...rest, type: 'text' }]
    }
    default:
      return [block]
  }
}

/** A list without the items whose field carries our mark; the very value when there are none, or when it is no list. */
function withoutMarked(list: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(list)) return list as readonly unknown[]
  const kept = (list as readonly Fields[]).filter((item) => !isMarked(item?.[field]))
  return kept.length === list.length ? list : kept
}

function isSearchResult(block: ContentBlock): boolean {
  return block?.type === 'web_search_tool_result'
}

function isMarked(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(REASONING_MARK)
}
