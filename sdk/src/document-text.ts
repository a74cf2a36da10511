import type { DocumentBlock } from './canonical.ts'

/** The text of a document that is text, or the bytes of some (`text/*` in base64); nothing for any other. */
export function documentText({ source }: DocumentBlock): string | undefined {
  const { type, media_type: mediaType, data } = source
  if (typeof data !== 'string') return undefined
  if (type === 'text') return data
  if (type !== 'base64' || typeof mediaType !== 'string' || !/^text\//i.test(mediaType)) return undefined
  // Some clients give a data URL in the place of the bytes.
  return Buffer.from(data.replace(/^data:[^,]*,/, ''), 'base64').toString('utf8')
}
