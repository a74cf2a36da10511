import type { Counter } from '@ccr/sdk'
import { evenPieceEnd } from './cut.ts'

/** A standard encoding by its name. */
export type EncodingName = 'cl100k_base' | 'o200k_base' | 'p50k_base' | 'r50k_base'

/** Characters that are counted at a time, and of the longest word that is counted whole. */
const PIECE = 4096
const LONGEST_WORD = 512

/** Loads an encoding. What looks like a special token is text like any other. */
export async function createCounter(data: unknown): Promise<Counter> {
  const { countTokens } = await load((data as { readonly encoding: EncodingName }).encoding)
  const options = { disallowedSpecial: new Set<string>() }
  return (text) => {
    let tokens = 0
    for (let from = 0; from < text.length;) {
      const end = evenPieceEnd(text, from, PIECE, LONGEST_WORD)
      tokens += countTokens(text.slice(from, end), options)
      from = end
    }
    return tokens
  }
}

function load(encoding: EncodingName) {
  switch (encoding) {
    case 'cl100k_base':
      return import('gpt-tokenizer/encoding/cl100k_base')
    case 'o200k_base':
      return import('gpt-tokenizer/encoding/o200k_base')
    case 'p50k_base':
      return import('gpt-tokenizer/encoding/p50k_base')
    case 'r50k_base':
      return import('gpt-tokenizer/encoding/r50k_base')
  }
}
