import type { CanonicalRequest, ContentBlock, ImageBlock, Message, ToolResultBlock } from '@ccr/sdk'

// A request is read here before anybody has checked it, and one that is malformed is not this plugin's to refuse.

/** The list that a field holds, or none: clients send `null`, and worse. */
export function listOf<Item>(value: readonly Item[] | string | null | undefined): readonly Item[] {
  return Array.isArray(value) ? (value as readonly Item[]) : []
}

/** Whether a block is an image that can be shown to a model. */
export function isImage(block: ContentBlock | null): block is ImageBlock {
  return block?.type === 'image'
}

/** Whether a block is the result of a tool that gave blocks. */
export function isResultOfBlocks(
  block: ContentBlock | null,
): block is ToolResultBlock & { readonly content: readonly ContentBlock[] } {
  return block?.type === 'tool_result' && Array.isArray((block as ToolResultBlock).content)
}

/** Whether what the user sent last, since the last answer of a model, holds an image. */
export function hasRecentImage({ messages }: CanonicalRequest): boolean {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index] as Message | null
    if (message?.role === 'assistant') return false
    if (hasImage(message)) return true
  }
  return false
}

/** Whether any message of the user holds an image, in the results of tools too. */
export function hasAnyImage({ messages }: CanonicalRequest): boolean {
  return messages.some(hasImage)
}

function hasImage(message: Message | null): boolean {
  if (message?.role !== 'user') return false
  return listOf<ContentBlock>(message.content).some(
    (block) => isImage(block) || (isResultOfBlocks(block) && block.content.some(isImage)),
  )
}
