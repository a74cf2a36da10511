import { setImmediate } from 'node:timers/promises'
import { tokenParts, type CanonicalRequest, type TextTokenizer } from '@ccr/sdk'
import type { Choice } from './choice.ts'
import { pieceEnd } from './cut.ts'
import type { Counted, Known } from './memory.ts'
import { partText } from './part-text.ts'

/** Counts texts somewhere else than on the event loop. */
export interface TextCounter {
  count(tokenizer: TextTokenizer, texts: readonly string[]): Promise<readonly number[]>
}

export interface CountOptions {
  readonly signal?: AbortSignal | undefined
  /** Counting ends early once there are more. */
  readonly until?: number | undefined
}

/** Characters of one message to the thread, of one piece of a text, and texts of a message. */
const MESSAGE_CHARACTERS = 256 * 1024
const PIECE_CHARACTERS = 64 * 1024
const MESSAGE_TEXTS = 2048
/** Parts that are looked at before others have their turn. */
const TURN_PARTS = 500

/**
 * The tokens of a request: remembered ones, and exact ones of every text that is new. Whatever its size, the event loop
 * does no more than to hand over a message at a time.
 */
export async function countExactly(
  request: CanonicalRequest,
  { tokenizer, memory }: Choice,
  counter: TextCounter,
  { signal, until = Infinity }: CountOptions,
): Promise<number> {
  let tokens = 0
  let parts = 0
  let message: Piece[] = []
  let characters = 0
  const send = async (): Promise<void> => {
    const pieces = message
    message = []
    characters = 0
    signal?.throwIfAborted()
    const counts = await counter.count(
      tokenizer,
      pieces.map(({ text }) => text),
    )
    pieces.forEach(({ whole }, index) => {
      const count = counts[index]!
      tokens += count
      whole.tokens += count
      if (--whole.pieces === 0) memory.set(whole.part, whole.characters, exactly(whole.tokens))
    })
  }
  for (const list of tokenParts(request)) {
    parts += list.length
    if (parts > TURN_PARTS) {
      parts = 0
      await setImmediate()
    }
    for (const part of list) {
      const known = typeof part === 'number' ? exactly(part) : memory.get(part)
      if (known && known.atLeast === known.atMost) tokens += known.atLeast
      else if (typeof part !== 'number') {
        for (const piece of piecesOf(part)) {
          message.push(piece)
          characters += piece.text.length
          if (characters < MESSAGE_CHARACTERS && message.length < MESSAGE_TEXTS) continue
          await send()
          if (tokens > until) return tokens
        }
      }
    }
    if (tokens > until) return tokens
  }
  if (message.length > 0) await send()
  return tokens
}

function exactly(tokens: number): Known {
  return { atLeast: tokens, atMost: tokens, estimate: tokens }
}

/** A text that is counted in pieces. */
interface Whole {
  readonly part: Counted
  readonly characters: number
  pieces: number
  tokens: number
}

interface Piece {
  readonly text: string
  readonly whole: Whole
}

function piecesOf(part: Counted): readonly Piece[] {
  const text = partText(part)
  const whole: Whole = { part, characters: text.length, pieces: 0, tokens: 0 }
  const pieces: Piece[] = []
  for (let from = 0; from < text.length; whole.pieces++) {
    const end = pieceEnd(text, from, PIECE_CHARACTERS)
    pieces.push({ text: text.slice(from, end), whole })
    from = end
  }
  return pieces
}
