import { invalidRequest, isKnownBlock, type ContentBlock } from '@ccr/sdk'
import { withDetail } from './original.ts'
import { fieldsOf, textOf, type Fields } from './wire.ts'

/**
 * The content of a message, or the output of a call, as blocks. Empty texts say nothing, and other vendors refuse them.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a part that is not known, because nothing may vanish
 */
export function toBlocks(content: unknown, at: string): readonly ContentBlock[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalidRequest(at, 'must be a string or an array of parts')
  return content
    .map((part: unknown, index) => toBlock(fieldsOf(part), `${at}/${index}`))
    .filter((block) => !(isKnownBlock(block) && block.type === 'text' && block.text === ''))
}

function toBlock(part: Fields, at: string): ContentBlock {
  switch (part['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: stringOf(part['text'], `${at}/text`) }
    case 'refusal':
      return { type: 'text', text: stringOf(part['refusal'], `${at}/refusal`) }
    case 'input_image':
      return toImage(part, at)
    case 'input_file':
      return toDocument(part, at)
    default:
      throw invalidRequest(`${at}/type`, 'must be input_text, output_text, refusal, input_image or input_file')
  }
}

function toImage(part: Fields, at: string): ContentBlock {
  return { type: 'image', source: withDetail(imageSource(part, at), part['detail']) }
}

function imageSource({ image_url, file_id }: Fields, at: string): Fields {
  if (typeof file_id === 'string') return { type: 'file', file_id }
  const url = stringOf(image_url, `${at}/image_url`)
  const data = readDataUrl(url)
  if (!data) return { type: 'url', url }
  return { type: 'base64', media_type: data.mediaType || 'image/png', data: data.data }
}

function toDocument({ file_id, file_url, file_data, filename }: Fields, at: string): ContentBlock {
  const title = typeof filename === 'string' && filename !== '' ? { title: filename } : {}
  if (typeof file_id === 'string') return { type: 'document', source: { type: 'file', file_id }, ...title }
  if (typeof file_url === 'string') return { type: 'document', source: { type: 'url', url: file_url }, ...title }
  const text = stringOf(file_data, `${at}/file_data`)
  const { mediaType, data } = readDataUrl(text) ?? { mediaType: '', data: text }
  // Targets take plain text as what it is.
  if (mediaType.startsWith('text/')) {
    const body = Buffer.from(data, 'base64').toString('utf8')
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: body }, ...title }
  }
  const media_type = mediaType || 'application/pdf'
  return { type: 'document', source: { type: 'base64', media_type, data }, ...title }
}

function readDataUrl(url: string): { readonly mediaType: string; readonly data: string } | undefined {
  const head = /^data:([^,;]*)(?:;[^,;]*)*?;base64,/.exec(url)
  return head ? { mediaType: textOf(head[1]), data: url.slice(head[0].length) } : undefined
}

function stringOf(value: unknown, at: string): string {
  if (typeof value !== 'string') throw invalidRequest(at, 'must be a string')
  return value
}
