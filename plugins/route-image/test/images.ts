import type { ContentBlock, ImageBlock } from '@ccr/sdk'

/** An image whose data says which one it is. */
export function image(data: string): ImageBlock {
  return { type: 'image', source: { type: 'base64', media_type: 'image/png', data } }
}

/** A text block. */
export function text(said: string): ContentBlock {
  return { type: 'text', text: said }
}

/** The result of a tool that gave blocks. */
export function result(...content: ContentBlock[]): ContentBlock {
  return { type: 'tool_result', tool_use_id: 'toolu_1', content }
}
