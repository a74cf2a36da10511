import { describeBlock, isKnownBlock, type ContentBlock, type DocumentBlock, type ImageBlock } from '@ccr/sdk'
import { audioPart } from './audio.ts'
import { partOf } from './own-words.ts'
import { isFields, type Part } from './wire.ts'

/** The type of a block that holds a part of this API as it is, because the canonical form has no word for it. */
export const RAW_PART = 'gemini_part'

/** A block as parts of a content; a block that cannot be said is named in text, so that nothing vanishes. */
export function toParts(block: ContentBlock): readonly Part[] {
  if (isKnownBlock(block)) {
    if (block.type === 'text') return block.text === '' ? [] : [{ text: block.text }]
    if (block.type === 'image') return [partOf(block.source) ?? toImage(block)]
    if (block.type === 'document') return documentParts(block)
  }
  return [rawPart(block) ?? audioPart(block) ?? { text: describeBlock(block) }]
}

/** The part that a block of another dialect's type carries, when it came from this API. */
export function rawPart(block: ContentBlock): Part | undefined {
  const part = block.type === RAW_PART ? (block as { part?: unknown }).part : undefined
  return isFields(part) ? part : undefined
}

function toImage({ source }: ImageBlock): Part {
  if (source.type === 'url') return fromUrl(source.url, 'image/jpeg')
  if (source.type === 'base64') return inline(source.media_type, source.data)
  return { text: `[image ${textOf((source as { file_id?: unknown }).file_id)} cannot be shown to this model]` }
}

function documentParts({ source, title, context }: DocumentBlock): readonly Part[] {
  const head = [title, context].filter((line) => typeof line === 'string' && line !== '').join('\n')
  const about: readonly Part[] = head === '' ? [] : [{ text: head }]
  const own = partOf(source)
  if (own) return [...about, own]
  const { type, data, url, media_type: mediaType, content } = source
  if (type === 'text') return [{ text: head === '' ? textOf(data) : `${head}\n${textOf(data)}` }]
  if (type === 'base64' && typeof data === 'string')
    return [...about, inline(textOf(mediaType) || 'application/pdf', data)]
  if (type === 'url' && typeof url === 'string') return [...about, fromUrl(url, 'application/pdf', textOf(mediaType))]
  if (type === 'content') {
    if (typeof content === 'string') return [...about, { text: content }]
    return [...about, ...((content ?? []) as readonly ContentBlock[]).flatMap(toParts)]
  }
  return [...about, { text: `[document of type ${textOf(mediaType) || type} cannot be shown to this model]` }]
}

function inline(mediaType: string, data: string): Part {
  const prefix = /^data:([^,;]*);base64,/.exec(data)
  const mimeType = mediaType || prefix?.[1] || 'application/octet-stream'
  return { inlineData: { mimeType, data: prefix ? data.slice(prefix[0].length) : data } }
}

/** The type of what stands at an address, where nobody says it, is told by its end. */
function fromUrl(url: string, fallback: string, said = ''): Part {
  const encoded = /^data:([^,;]*);base64,/.exec(url)
  if (encoded) return inline(encoded[1] || said || fallback, url)
  const extension = /\.([a-z0-9]+)(?:[?#].*)?$/i.exec(url)?.[1]?.toLowerCase() ?? ''
  return { fileData: { mimeType: said || (TYPES[extension] ?? fallback), fileUri: url } }
}

const TYPES: Readonly<Record<string, string | undefined>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  html: 'text/html',
  csv: 'text/csv',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  webm: 'video/webm',
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
