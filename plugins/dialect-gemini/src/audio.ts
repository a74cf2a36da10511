import type { ContentBlock } from '@ccr/sdk'
import { isFields, type Part } from './wire.ts'

/**
 * The formats of clients of Chat Completions, and what this API calls them.
 * Source: https://ai.google.dev/gemini-api/docs/audio
 */
const TYPES: ReadonlyMap<unknown, string> = new Map([
  ['wav', 'audio/wav'],
  ['mp3', 'audio/mp3'],
])

/** Audio as clients of Chat Completions send it (`input_audio`); the canonical form has no word for it. */
export function audioPart(block: ContentBlock): Part | undefined {
  const audio = block.type === 'input_audio' ? (block as { input_audio?: unknown }).input_audio : undefined
  if (!isFields(audio)) return undefined
  const mimeType = TYPES.get(audio['format'])
  const { data } = audio
  return mimeType === undefined || typeof data !== 'string' ? undefined : { inlineData: { mimeType, data } }
}
