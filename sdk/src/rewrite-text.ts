import type { CanonicalEvent } from './canonical.ts'
import { CcrError } from './errors.ts'
import { wantsMore } from './partial-match.ts'
import type { Emit, StreamTransform } from './stream.ts'

/** What takes the place of a match: a text, or a function of the match and its groups. */
export type TextReplacement = string | ((match: string, ...groups: readonly (string | undefined)[]) => string)

/** Options of {@link rewriteText}. */
export interface RewriteOptions {
  /** Most characters held back while a match is incomplete; 64 Ki unless given. */
  readonly maxHeld?: number | undefined
}

/**
 * Replaces every match of a pattern in the text that the model writes, wherever the text was cut into deltas: only what
 * may still become a match is held back. A text as pattern stands for itself. Matches do not cross content blocks;
 * empty matches are passed over.
 *
 * @example
 * stream.pipe('canonical', rewriteText(/\bsk-[a-z0-9]{16,}\b/, '[key]'))
 * @throws CcrError `CCR_PLUGIN_OPTIONS` for a pattern with a lookbehind, a back reference or the flag `v`: what they
 *   match cannot be told from a part of the text · `CCR_STREAM_LIMIT` when more would be held than allowed
 */
export function rewriteText(
  pattern: string | RegExp,
  replacement: TextReplacement,
  { maxHeld = 64 * 1024 }: RewriteOptions = {},
): StreamTransform {
  const { source, flags } =
    typeof pattern === 'string' ? { source: pattern.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), flags: '' } : pattern
  const global = flags.replace(/[gyd]/g, '') + 'g'
  const rewrite: Rewrite = {
    match: new RegExp(source, global),
    open: new RegExp(wantsMore(source, flags), global),
    replace:
      typeof replacement === 'string' ? () => replacement : (found) => replacement(...(found as unknown as [string])),
    maxHeld,
  }
  const texts = new Map<number, HeldText>()
  return {
    chunk(event, emit) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
        let text = texts.get(event.index)
        if (!text) texts.set(event.index, (text = new HeldText(rewrite)))
        write(event.index, text.push(event.delta.text), emit)
        return
      }
      if (event.type === 'content_block_stop') finish(texts, event.index, emit)
      if (event.type !== 'content_block_start' || event.content_block.type !== 'text') return emit(event)
      // The text that a start holds is rewritten with what follows it.
      const { text: given } = event.content_block as { text?: unknown }
      if (typeof given !== 'string' || given === '') return emit(event)
      const text = new HeldText(rewrite)
      texts.set(event.index, text)
      emit({ ...event, content_block: { ...event.content_block, text: '' } })
      write(event.index, text.push(given), emit)
    },
    flush(emit) {
      for (const index of [...texts.keys()]) finish(texts, index, emit)
    },
    abort: () => texts.clear(),
  }
}

function finish(texts: Map<number, HeldText>, index: number, emit: Emit<CanonicalEvent>): void {
  write(index, texts.get(index)?.end() ?? '', emit)
  texts.delete(index)
}

function write(index: number, text: string, emit: Emit<CanonicalEvent>): void {
  if (text !== '') emit({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
}

interface Rewrite {
  /** Finds a match. */
  readonly match: RegExp
  /** Finds where a match may begin that the text so far leaves open. */
  readonly open: RegExp
  readonly replace: (found: RegExpExecArray) => string
  readonly maxHeld: number
}

/** The part of one block's text about which nothing is decided yet. */
class HeldText {
  readonly #rewrite: Rewrite
  /** The held text, after the last character that was passed on: a word boundary looks at it. */
  #text = ''
  #from = 0
  #half = ''

  constructor(rewrite: Rewrite) {
    this.#rewrite = rewrite
  }

  push(text: string): string {
    const all = this.#half + text
    // Half of a character would match what the whole does not.
    this.#half = /[\ud800-\udbff]$/.exec(all)?.[0] ?? ''
    this.#text += all.slice(0, all.length - this.#half.length)
    const { open, maxHeld } = this.#rewrite
    open.lastIndex = this.#from
    const out = this.#advance(open.exec(this.#text)?.index ?? this.#text.length)
    if (this.#text.length - this.#from > maxHeld) {
      const fact = `a match of ${this.#rewrite.match} was still open after ${maxHeld} characters`
      throw new CcrError('CCR_STREAM_LIMIT', `${fact}; bound the pattern`)
    }
    return out
  }

  end(): string {
    this.#text += this.#half
    this.#half = ''
    return this.#advance(this.#text.length)
  }

  /** Rewrites what stands before the first place that is still open; a match before it may reach beyond it. */
  #advance(limit: number): string {
    const { match, open, replace } = this.#rewrite
    const text = this.#text
    let out = ''
    let at = this.#from
    while (at < limit) {
      match.lastIndex = at
      const found = match.exec(text)
      if (!found || found.index >= limit) break
      const end = found.index + found[0].length
      if (found[0] === '') {
        out += text.slice(at, end + 1)
        at = end + 1
        continue
      }
      out += text.slice(at, found.index) + replace(found)
      at = end
      if (limit < text.length && at > limit) {
        // The place that was open stood inside of the match.
        open.lastIndex = at
        limit = open.exec(text)?.index ?? text.length
      }
    }
    if (at < limit) {
      out += text.slice(at, limit)
      at = limit
    }
    const kept = Math.max(0, at - 1)
    this.#text = text.slice(kept)
    this.#from = at - kept
    return out
  }
}
