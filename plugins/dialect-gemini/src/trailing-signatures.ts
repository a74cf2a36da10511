import { createHash } from 'node:crypto'
import type { Message } from '@ccr/sdk'

/** Most signatures kept, and most characters of them; beyond either the oldest is forgotten. */
const MAX_SIGNATURES = 1000
const MAX_CHARACTERS = 4 * 1024 * 1024

interface Kept {
  readonly signature: string
  readonly length: number
}

/**
 * Signatures that came behind the last text of an answer, by that text and what it answered: the same words of another
 * conversation are another answer. They are kept here and in no block, because Claude Code prints nothing of an answer
 * whose last block is not its text. The API wants them back, but does not demand it: nothing breaks when one is gone.
 */
export class TrailingSignatures {
  readonly #kept = new Map<string, Kept>()
  /** How many texts of each length there are, so that few texts of a history have to be hashed. */
  readonly #lengths = new Map<number, number>()
  #characters = 0

  /** `question`: the turn that was answered. */
  remember(provider: string, question: () => readonly Message[], text: TextDigest, signature: string): void {
    if (signature.length > MAX_CHARACTERS) return
    const key = keyOf(provider, question(), text)
    this.#forget(key)
    this.#kept.set(key, { signature, length: text.length })
    this.#lengths.set(text.length, (this.#lengths.get(text.length) ?? 0) + 1)
    this.#characters += signature.length
    while (this.#kept.size > MAX_SIGNATURES || this.#characters > MAX_CHARACTERS)
      this.#forget(this.#kept.keys().next().value!)
  }

  find(provider: string, question: () => readonly Message[], text: string): string | undefined {
    if (!this.#lengths.has(text.length)) return undefined
    const digest = new TextDigest()
    digest.add(text)
    return this.#kept.get(keyOf(provider, question(), digest))?.signature
  }

  #forget(key: string): void {
    const old = this.#kept.get(key)
    if (!old) return
    this.#kept.delete(key)
    this.#characters -= old.signature.length
    const others = this.#lengths.get(old.length)! - 1
    if (others > 0) this.#lengths.set(old.length, others)
    else this.#lengths.delete(old.length)
  }
}

/** A text that comes in pieces, of which nothing is kept. */
export class TextDigest {
  readonly #hash = createHash('sha256')
  length = 0

  add(text: string): void {
    this.length += text.length
    // Half a character of a surrogate pair would become another one.
    this.#hash.update(text, 'utf16le')
  }

  /** Once only. */
  value(): string {
    return this.#hash.digest('base64')
  }
}

function keyOf(provider: string, question: readonly Message[], text: TextDigest): string {
  // Marks for caches move from turn to turn.
  const asked = JSON.stringify(question, (name, value: unknown) => (name === 'cache_control' ? undefined : value))
  const hash = createHash('sha256').update(provider).update('\n').update(asked).update('\n').update(text.value())
  return hash.digest('base64')
}
