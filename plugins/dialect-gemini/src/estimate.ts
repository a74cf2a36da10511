import type { CanonicalRequest } from '@ccr/sdk'

/** Stands for an image or file, whose base64 length says nothing about its tokens. */
const TOKENS_PER_FILE = 1500

/** Tokens of a text, to the accuracy that a client needs before the provider has counted: four characters each. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4)
}

/** A guess at the input tokens of a request, at least 1. Its cost is a walk over the parsed body. */
export function estimateInput({ system, messages, tools }: CanonicalRequest): number {
  return Math.max(1, tokensOf(charactersOf(system) + charactersOf(messages) + charactersOf(tools)))
}

/** Depth is bounded where the body is read. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  if ((value as { type?: unknown }).type === 'base64') return TOKENS_PER_FILE * 4
  let characters = 0
  for (const [key, inner] of Object.entries(value)) if (key !== 'signature') characters += charactersOf(inner)
  return characters
}
