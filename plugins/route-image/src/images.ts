import type { CanonicalRequest, ContentBlock, ImageBlock, Message, ToolResultBlock } from '@ccr/sdk'

/** Whether a block is an image that can be shown to a model. */
export function isImage(block: ContentBlock): block is ImageBlock {
  return block.type === 'image'
}

/** Whether a block is the result of a tool that gave blocks. */
export function isResultOfBlocks(
  block: ContentBlock,
): block is ToolResultBlock & { readonly content: readonly ContentBlock[] } {
  return block.type === 'tool_result' && Array.isArray((block as ToolResultBlock).content)
}

/** Whether what the user sent last, since the last answer of a model, holds an image. */
export function hasRecentImage({ messages }: CanonicalRequest): boolean {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]!
    if (message.role === 'assistant') return false
    if (hasImage(message)) return true
  }
  return false
}

/** Whether any message of the user holds an image, in the results of tools too. */
export function hasAnyImage({ messages }: CanonicalRequest): boolean {
  return messages.some(hasImage)
}

function hasImage({ role, content }: Message): boolean {
  if (role !== 'user' || typeof content === 'string') return false
  return content.some((block) => isImage(block) || (isResultOfBlocks(block) && block.content.some(isImage)))
}
