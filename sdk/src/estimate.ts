import type { CanonicalRequest } from './canonical.ts'

/** Stands for an image or file, whose base64 length says nothing about its tokens. */
const TOKENS_PER_FILE = 1500

/** Tokens of a text, to the accuracy that a client needs before the provider has counted: four characters each. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4)
}

/** A guess at the input tokens of a request, at least 1. Its cost is a walk over the parsed body. */
export function estimateInput(request: CanonicalRequest): number {
  return Math.max(1, tokensOf(lengthOf(request.system) + lengthOf(request.messages) + lengthOf(request.tools)))
}

/** Depth is bounded where the body is read. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let length = 0
  if (Array.isArray(value)) {
    for (const item of value) length += lengthOf(item)
    return length
  }
  const fields = value as Record<string, unknown>
  if (fields['type'] === 'base64') return TOKENS_PER_FILE * 4
  for (const key in fields) if (key !== 'signature') length += lengthOf(fields[key])
  return length
}
