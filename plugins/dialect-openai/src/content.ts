import {
  describeBlock,
  documentText,
  isKnownBlock,
  type ContentBlock,
  type DocumentBlock,
  type ImageBlock,
} from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { detailOf } from './image-detail.ts'
import { dataUrl, toMedia } from './media.ts'
import type { ChatPart } from './wire.ts'

/**
 * A block as parts of a user message; a block that cannot be said is named in text, so that nothing vanishes.
 *
 * @param refused what the target is known not to accept
 */
export function toParts(block: ContentBlock, refused: ReadonlySet<Trait>): readonly ChatPart[] {
  if (isKnownBlock(block)) {
    switch (block.type) {
      case 'text':
        return block.text === '' ? [] : [{ type: 'text', text: block.text }]
      case 'image':
        return [toImage(block)]
      case 'document':
        return documentParts(block, refused)
      default:
    }
  } else if (isOwnPart(block) && !refused.has(block.type)) return [block]
  return [{ type: 'text', text: describeBlock(block) }]
}

/** The parts of one message as its content: text alone is a string, which every server accepts. */
export function toContent(parts: readonly ChatPart[]): string | readonly ChatPart[] {
  if (parts.length === 1 && parts[0]!.type === 'text') return parts[0]!.text
  const texts: string[] = []
  for (const part of parts) {
    if (part.type !== 'text') return parts
    texts.push(part.text)
  }
  return texts.join('\n\n')
}

/** A part that only this protocol has, kept as it came from a client of it. */
function isOwnPart(block: object): block is Extract<ChatPart, { type: 'file' | 'input_audio' }> {
  const { type, [type as string]: content } = block as { readonly type?: unknown; readonly [field: string]: unknown }
  return (type === 'file' || type === 'input_audio') && typeof content === 'object' && content !== null
}

function toImage({ source }: ImageBlock): ChatPart {
  const detail = detailOf(source)
  if (source.type === 'url') return image(source.url, detail)
  if (source.type === 'base64') return image(dataUrl(source.media_type, source.data), detail)
  return {
    type: 'text',
    text: `[image ${textOf((source as { file_id?: unknown }).file_id)} cannot be shown to this model]`,
  }
}

function image(url: string, detail: string | undefined): ChatPart {
  return { type: 'image_url', image_url: detail === undefined ? { url } : { url, detail } }
}

function documentParts(block: DocumentBlock, refused: ReadonlySet<Trait>): readonly ChatPart[] {
  const { source, title, context } = block
  const head = [title, context].filter((line) => line).join('\n')
  const text = (body: string): ChatPart => ({ type: 'text', text: head ? `${head}\n${body}` : body })
  const body = documentText(block)
  if (body !== undefined) return [text(body)]
  if (source.type === 'content') {
    const content = source['content']
    if (typeof content === 'string') return [text(content)]
    const parts = ((content ?? []) as readonly ContentBlock[]).flatMap((inner) => toParts(inner, refused))
    return head ? [{ type: 'text', text: head }, ...parts] : parts
  }
  const part = toMedia(block, refused)
  // A file has a name of its own.
  const before = part?.type === 'file' ? context : head
  if (part) return before ? [{ type: 'text', text: before }, part] : [part]
  const what =
    source.type === 'url'
      ? `document ${textOf(source['url'])}`
      : `document of type ${textOf(source['media_type'] ?? source.type)}`
  return [text(`[${what} cannot be shown to this model]`)]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
