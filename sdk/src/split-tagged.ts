import type { BlockDelta, CanonicalEvent, ContentBlock } from './canonical.ts'
import { MAX_HELD } from './message-writer.ts'
import { renumberBlocks } from './renumber-blocks.ts'
import { saysWhole } from './stop-reason.ts'
import type { Emit, StreamTransform } from './stream.ts'

/** Options of {@link splitTagged}. */
export interface TaggedOptions {
  /** Name of the tag, such as `think`. */
  readonly tag: string
  /** Signature of the thinking: clients replay none without. */
  readonly signature: string
  /**
   * The model begins inside its thoughts and writes only the closing tag. Where that never comes although the answer is
   * whole, the thoughts are said again as text, so that no answer is lost.
   */
  readonly startsInside?: boolean | undefined
  /**
   * Most characters at the beginning of an answer that are held back until a tag says what they are: a closing tag that
   * begins within them, without an opening one, ends thoughts that began with the answer. 0 unless given.
   */
  readonly lookAhead?: number | undefined
}

/**
 * Makes thinking of what a model writes between `<tag>` and `</tag>` as text, wherever the text was cut. The first pair
 * of an answer counts: what precedes it stays text, and behind it every tag is text. White space around the tags goes.
 * Thoughts go on over the end of a text block, but not over a tool call, and end with the answer. Without a tag
 * everything stays as it is.
 *
 * @example
 * const signature = signTagged(attempt.target.provider)
 * stream.pipe('canonical', splitTagged({ tag: 'think', signature }))
 */
export function splitTagged(options: TaggedOptions): StreamTransform {
  const splitter = new TagSplitter(options)
  return renumberBlocks({
    chunk: (event, emit) => splitter.chunk(event, emit),
    flush: (emit) => splitter.flush(emit),
  })
}

/** Most white space that is held back because a tag may follow it. */
const MAX_SPACE = 4096

type BlockStart = Extract<CanonicalEvent, { type: 'content_block_start' }>

/** A text block of the model, which becomes one block or several. */
interface Divided {
  readonly start: BlockStart
  /** What is being written. */
  open: 'text' | 'thinking' | undefined
  /** Something of it was written, or was thinking. */
  used: boolean
}

/**
 * `start`: a tag is looked for before anything is written · `before`: an opening tag is looked for · `inside` ·
 * `after`: nothing is looked for any more.
 */
type Mode = 'start' | 'before' | 'inside' | 'after'

class TagSplitter {
  readonly #opening: string
  readonly #closing: string
  readonly #signature: string
  readonly #lookAhead: number
  #mode: Mode
  #block: Divided | undefined
  #emit: Emit<CanonicalEvent> = () => {}
  /** Text that was looked at and waits for a tag, in pieces; then the text that is to be looked at. */
  #kept: string[] = []
  #keptLength = 0
  #held = ''
  /** Nothing but white space was met behind the last tag. */
  #bare = true
  /** The thoughts of a model that was said to begin inside of them, as long as no tag has shown that it did. */
  #assumed: string[] | undefined
  #assumedLength = 0

  constructor({ tag, signature, startsInside = false, lookAhead = 0 }: TaggedOptions) {
    this.#opening = `<${tag}>`
    this.#closing = `</${tag}>`
    this.#signature = signature
    this.#lookAhead = Math.min(lookAhead, MAX_HELD)
    this.#mode = startsInside ? 'inside' : this.#lookAhead > 0 ? 'start' : 'before'
    if (startsInside) this.#assumed = []
  }

  chunk(event: CanonicalEvent, emit: Emit<CanonicalEvent>): void {
    this.#emit = emit
    const block = this.#block
    if (event.type === 'content_block_start') return this.#start(event)
    if (event.type === 'message_delta' && saysWhole(event.delta?.stop_reason)) this.#repeat()
    if (!block || !('index' in event) || event.index !== block.start.index) return emit(event)
    if (event.type === 'content_block_stop') return this.#stop(event)
    if (event.type !== 'content_block_delta') return emit(event)
    if (event.delta?.type === 'text_delta') return this.#push(event.delta.text)
    // Citations and the like are of the text before them.
    this.#settle()
    if (this.#mode !== 'inside') this.#write('text', event.delta)
  }

  flush(emit: Emit<CanonicalEvent>): void {
    this.#emit = emit
    if (this.#block) this.#settle()
  }

  #start(event: BlockStart): void {
    const { type, text } = (event.content_block ?? {}) as { readonly type?: unknown; readonly text?: unknown }
    if (type === 'text') {
      this.#block = { start: event, open: undefined, used: this.#mode === 'inside' }
      if (typeof text === 'string') this.#push(text)
      return
    }
    const calls = type === 'tool_use'
    // A server that shows thinking by itself leaves none in the text.
    const parsed = (type === 'thinking' || type === 'redacted_thinking') && this.#assumedLength === 0
    if (this.#mode === 'start' || (parsed && this.#assumed)) this.#mode = 'before'
    else if (calls && this.#mode === 'inside') this.#mode = 'after'
    if (calls || parsed) this.#assumed = undefined
    this.#emit(event)
  }

  #stop(event: Extract<CanonicalEvent, { type: 'content_block_stop' }>): void {
    this.#settle()
    const { start, open, used } = this.#block!
    if (open) this.#close()
    else if (!used) {
      this.#emit(start)
      this.#emit(event)
    }
    this.#block = undefined
  }

  #push(text: unknown): void {
    if (typeof text !== 'string') return
    this.#held += text
    while (this.#step(false)) continue
  }

  /** Nothing follows in this block: what is held is what it is. */
  #settle(): void {
    while (this.#step(true)) continue
  }

  /** Looks at what is held as far as it can be told what it is; whether there is more to look at. */
  #step(last: boolean): boolean {
    switch (this.#mode) {
      case 'start':
        return this.#lookFor(last)
      case 'before':
        return this.#before(last)
      case 'inside':
        return this.#inside(last)
      case 'after':
        this.#say('text', this.#take(this.#held.length))
        return false
    }
  }

  #lookFor(last: boolean): boolean {
    const opens = this.#held.indexOf(this.#opening)
    const closes = this.#held.indexOf(this.#closing)
    const begins = this.#keptLength
    if (opens >= 0 && (closes < 0 || opens < closes)) this.#mode = 'before'
    else if (closes >= 0 && begins + closes <= this.#lookAhead) {
      this.#mode = 'inside'
      this.#block!.used = true
    } else if (last || begins + this.#held.length >= this.#lookAhead + this.#closing.length) this.#mode = 'before'
    else {
      const piece = this.#take(this.#held.length - this.#closing.length + 1)
      if (piece !== '') this.#kept.push(piece)
      this.#keptLength += piece.length
      return false
    }
    this.#held = this.#kept.join('') + this.#held
    this.#kept = []
    return true
  }

  #before(last: boolean): boolean {
    const opens = this.#held.indexOf(this.#opening)
    const until = opens >= 0 ? opens : this.#held.length - (last ? 0 : beginningOf(this.#opening, this.#held))
    const isBlank = !this.#block!.used && this.#held.slice(0, until).trim() === ''
    if (opens < 0) {
      // White space alone waits for what follows.
      if (last || !isBlank || until > MAX_SPACE) this.#write('text', this.#take(until))
      return false
    }
    const text = this.#take(until)
    if (!isBlank) this.#write('text', text)
    this.#enter('inside', this.#opening.length)
    return true
  }

  #inside(last: boolean): boolean {
    if (this.#assumed && this.#bare) {
      // A model that begins inside its thoughts may say so.
      const shown = this.#held.trimStart()
      if (shown.startsWith(this.#opening)) {
        this.#assumed = undefined
        this.#enter('inside', this.#held.indexOf(this.#opening) + this.#opening.length)
      } else if (!last && this.#held.length < MAX_SPACE && this.#opening.startsWith(shown)) return false
    }
    const closes = this.#held.indexOf(this.#closing)
    const until = closes >= 0 ? closes : this.#held.length - (last ? 0 : beginningOf(this.#closing, this.#held))
    this.#say('thinking', this.#take(until))
    if (closes < 0) return false
    this.#assumed = undefined
    this.#enter('after', this.#closing.length)
    return true
  }

  /** Goes on behind a tag. */
  #enter(mode: Mode, behind: number): void {
    this.#take(behind)
    this.#close()
    this.#block!.used = true
    this.#mode = mode
    this.#bare = true
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, Math.max(0, length))
    this.#held = this.#held.slice(taken.length)
    return taken
  }

  /** Writes what stands behind a tag, without the white space before it. */
  #say(kind: 'text' | 'thinking', given: string): void {
    const text = this.#bare && this.#block!.used ? given.trimStart() : given
    if (text === '') return
    this.#bare = false
    if (this.#assumed) {
      this.#assumedLength += text.length
      if (this.#assumedLength <= MAX_HELD) this.#assumed.push(text)
    }
    this.#write(kind, text)
  }

  #write(kind: 'text' | 'thinking', what: string | BlockDelta): void {
    if (what === '') return
    const block = this.#block!
    if (block.open !== kind) {
      this.#close()
      block.open = kind
      block.used = true
      const { index, content_block } = block.start
      const own: ContentBlock =
        kind === 'text' ? { ...content_block, text: '' } : { type: 'thinking', thinking: '', signature: '' }
      this.#emit({ type: 'content_block_start', index, content_block: own })
    }
    const said: BlockDelta = kind === 'text' ? { type: 'text_delta', text: String(what) } : thought(String(what))
    this.#delta(typeof what === 'string' ? said : what)
  }

  #close(): void {
    const block = this.#block!
    if (block.open === 'thinking') this.#delta({ type: 'signature_delta', signature: this.#signature })
    if (block.open) this.#emit({ type: 'content_block_stop', index: block.start.index })
    block.open = undefined
  }

  #delta(delta: BlockDelta): void {
    this.#emit({ type: 'content_block_delta', index: this.#block!.start.index, delta })
  }

  /** The answer is whole, and no tag has shown that it began with thoughts. */
  #repeat(): void {
    const text = this.#assumed?.join('') ?? ''
    this.#assumed = undefined
    if (text === '' || this.#assumedLength > MAX_HELD) return
    this.#block = {
      start: { type: 'content_block_start', index: 0, content_block: EMPTY },
      open: undefined,
      used: true,
    }
    this.#write('text', text)
    this.#close()
    this.#block = undefined
  }
}

const EMPTY: ContentBlock = { type: 'text', text: '' }

function thought(thinking: string): BlockDelta {
  return { type: 'thinking_delta', thinking }
}

/** How many characters at the end of a text may be the beginning of the tag. */
function beginningOf(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--)
    if (text.endsWith(tag.slice(0, length))) return length
  return 0
}
