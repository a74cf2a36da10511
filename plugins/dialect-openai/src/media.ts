import type { DocumentBlock } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import type { ChatPart } from './wire.ts'

/**
 * The sounds that can be asked about, by their media types.
 * Source: https://platform.openai.com/docs/api-reference/chat/create (`input_audio`)
 */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ['audio/wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/mp3', 'mp3'],
  ['audio/mpeg', 'mp3'],
])

const PDF = 'application/pdf'

/** A document's bytes as sound or as a file; nothing where the target knows neither, or has refused it. */
export function toMedia({ source, title }: DocumentBlock, refused: ReadonlySet<Trait>): ChatPart | undefined {
  const { type, media_type, data } = source
  if (type !== 'base64' || typeof data !== 'string') return undefined
  const given = typeof media_type === 'string' ? media_type : ''
  const mediaType = given.split(';', 1)[0]!.trim().toLowerCase()
  const format = FORMATS.get(mediaType)
  if (format) {
    if (refused.has('input_audio')) return undefined
    return { type: 'input_audio', input_audio: { data: data.replace(/^data:[^,]*,/, ''), format } }
  }
  if (refused.has('file') || /^(?:audio|video)\//.test(mediaType)) return undefined
  // A name is invented for PDFs alone; the target may know others that their client has named.
  const filename = title || (mediaType === PDF ? 'document.pdf' : undefined)
  return filename === undefined ? undefined : { type: 'file', file: { filename, file_data: dataUrl(given, data) } }
}

/** Bytes as a data URL, which some clients give in their place. */
export function dataUrl(mediaType: string, data: string): string {
  return /^data:[^,;]*;base64,/.test(data) ? data : `data:${mediaType};base64,${data}`
}
