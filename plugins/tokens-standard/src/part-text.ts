import type { Counted } from './memory.ts'

/** The text that a tokenizer counts for a part; empty for what has no JSON. */
export function partText(part: Counted): string {
  if (typeof part === 'string') return part
  try {
    return (JSON.stringify(part.json) as string | undefined) ?? ''
  } catch {
    // A plugin made a request that cannot be sent either; counting is not where that is told.
    return ''
  }
}
