import {
  describeBlock,
  documentText,
  isKnownBlock,
  type ContentBlock,
  type DocumentBlock,
  type ImageBlock,
} from '@ccr/sdk'
import { detailOf } from './original.ts'
import { fieldsOf, listOf, textOf, type InputPart } from './wire.ts'

/** What the target cannot be given. */
export interface ContentLimits {
  /** Ids of stored files mean something to it, because the client speaks its dialect. */
  readonly fileIds: boolean
  /** It takes files. */
  readonly files: boolean
}

/** A block as parts of a message; a block that cannot be said is named in text, so that nothing vanishes. */
export function toParts(block: ContentBlock, limits: ContentLimits): readonly InputPart[] {
  if (isKnownBlock(block)) {
    switch (block.type) {
      case 'text':
        return block.text === '' ? [] : [text(block.text)]
      case 'image':
        return [imagePart(block, limits)]
      case 'document':
        return documentParts(block, limits)
      default:
    }
  }
  return [text(describeBlock(block))]
}

function text(body: string): InputPart {
  return { type: 'input_text', text: body }
}

function imagePart({ source }: ImageBlock, { fileIds }: ContentLimits): InputPart {
  const detail = detailOf(source)
  if (source.type === 'url') return { type: 'input_image', detail, image_url: source.url }
  if (source.type === 'base64')
    return { type: 'input_image', detail, image_url: dataUrl(source.media_type, source.data) }
  const id = textOf(fieldsOf(source)['file_id'])
  if (fileIds && id !== '') return { type: 'input_image', detail, file_id: id }
  return text(`[image ${id} cannot be shown to this model]`)
}

function dataUrl(mediaType: string, data: string): string {
  return /^data:[^,;]*;base64,/.test(data) ? data : `data:${mediaType};base64,${data}`
}

function documentParts(block: DocumentBlock, limits: ContentLimits): readonly InputPart[] {
  const { source, title, context } = block
  const head = [title, context].filter((line) => line).join('\n')
  const withHead = (body: string): string => (head ? `${head}\n${body}` : body)
  const body = documentText(block)
  if (body !== undefined) return [text(withHead(body))]
  if (source.type === 'content') {
    const content = source['content']
    if (typeof content === 'string') return [text(withHead(content))]
    const parts = (listOf(content) as readonly ContentBlock[]).flatMap((inner) => toParts(inner, limits))
    return head ? [text(head), ...parts] : parts
  }
  const file = limits.files ? filePart(block, limits) : undefined
  if (file) return context ? [text(context), file] : [file]
  const what = textOf(source['url']) || `of type ${textOf(source['media_type']) || source.type}`
  return [text(withHead(`[document ${what} cannot be shown to this model]`))]
}

function filePart({ source, title }: DocumentBlock, { fileIds }: ContentLimits): InputPart | undefined {
  const id = textOf(source['file_id'])
  if (source.type === 'url') return { type: 'input_file', file_url: textOf(source['url']) }
  if (source.type === 'file' && fileIds && id !== '') return { type: 'input_file', file_id: id }
  if (source.type !== 'base64') return undefined
  const mediaType = textOf(source['media_type']) || 'application/pdf'
  const filename = title || `document.${mediaType.split('/')[1] ?? 'bin'}`
  return { type: 'input_file', filename, file_data: dataUrl(mediaType, textOf(source['data'])) }
}
