import type { CanonicalRequest } from './canonical.ts'
import { tokenParts, type TokenPart } from './token-parts.ts'

/** Tokens of a text, to the accuracy that a client needs before the provider has counted: four characters each. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4)
}

/**
 * A guess at the input tokens of a request, at least 1: all that a model reads, whatever block it stands in. Its cost
 * is a walk over the parsed body.
 */
export function estimateInput(request: CanonicalRequest): number {
  let tokens = 0
  let characters = 0
  for (const parts of tokenParts(request)) {
    for (const part of parts) {
      if (typeof part === 'number') tokens += part
      else characters += lengthOf(part)
    }
  }
  return Math.max(1, tokens + tokensOf(characters))
}

function lengthOf(part: Exclude<TokenPart, number>): number {
  return typeof part === 'string' ? part.length : ((JSON.stringify(part.json) as string | undefined)?.length ?? 0)
}
