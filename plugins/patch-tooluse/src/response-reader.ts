import { CcrError, MAX_HELD, parseObject, writeJson } from '@ccr/sdk'

/** The beginning of arguments whose first field is the response. */
const BEGINNING = /^\s*\{\s*"response"\s*:\s*"/
/** What is looked at for that beginning; nobody writes so much white space. */
const MAX_BEGINNING = 256

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ...['"', '\\', '/'].map((character) => [character, character] as const),
  ...Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
])

/**
 * Reads the field `response` out of arguments as they arrive, in pieces that are cut anywhere. Arguments that begin
 * otherwise are read when they are complete.
 */
export class ResponseReader {
  readonly #pieces: string[] = []
  #length = 0
  #state: 'before' | 'inside' | 'behind' = 'before'
  /** What was not read yet: an escape or a character may be cut. */
  #rest = ''
  #said: string[] = []
  /** The arguments were no JSON object. */
  broken = false

  /** The text that this piece adds. */
  push(piece: unknown): string {
    if (typeof piece !== 'string') return ''
    this.#length += piece.length
    if (this.#length > MAX_HELD)
      throw new CcrError('CCR_STREAM_LIMIT', `the answer is larger than ${MAX_HELD} characters; it was given up`)
    this.#pieces.push(piece)
    if (this.#state === 'behind') return ''
    this.#rest += piece
    if (this.#state === 'before') {
      const found = BEGINNING.exec(this.#rest)?.[0]
      if (found === undefined) {
        if (this.#rest.length > MAX_BEGINNING) this.#state = 'behind'
        return ''
      }
      this.#rest = this.#rest.slice(found.length)
      this.#state = 'inside'
    }
    return this.#keep(this.#read())
  }

  /** The text that is known only now that the arguments are complete. */
  end(): string {
    const whole = this.#pieces.join('')
    const input = whole.trim() === '' ? {} : parseObject(whole)
    if (!input) {
      this.broken = true
      return ''
    }
    const text = textOf(input)
    const said = this.#said.join('')
    return text.startsWith(said) ? text.slice(said.length) : ''
  }

  #keep(text: string): string {
    if (text !== '') this.#said.push(text)
    return text
  }

  #read(): string {
    const text = this.#rest
    let out = ''
    let at = 0
    while (at < text.length) {
      const character = text[at]!
      if (character === '"') {
        this.#state = 'behind'
        break
      }
      const [read, length] = character === '\\' ? escapeAt(text, at) : [character, 1]
      if (length === 0) break
      if (read === undefined) {
        this.#state = 'behind'
        break
      }
      // Half of a character waits for the other.
      if (isHigh(read) && at + length >= text.length) break
      if (isHigh(read) && text[at + length] === '\\') {
        const [low, more] = escapeAt(text, at + length)
        if (more === 0) break
        if (low !== undefined) {
          out += read + low
          at += length + more
          continue
        }
      }
      out += read
      at += length
    }
    this.#rest = this.#state === 'behind' ? '' : text.slice(at)
    return out
  }
}

/** What an escape stands for and how long it is: nothing for none that JSON knows, a length of 0 while it is cut. */
function escapeAt(text: string, at: number): readonly [string | undefined, number] {
  const kind = text[at + 1]
  if (kind === undefined) return [undefined, 0]
  if (kind !== 'u') return [ESCAPES.get(kind), 2]
  const digits = text.slice(at + 2, at + 6)
  if (!/^[\da-fA-F]*$/.test(digits)) return [undefined, 6]
  return digits.length < 4 ? [undefined, 0] : [String.fromCharCode(parseInt(digits, 16)), 6]
}

function isHigh(character: string): boolean {
  const code = character.charCodeAt(0)
  return code >= 0xd800 && code <= 0xdbff
}

/** What the user is to read of arguments; a model may have called the field otherwise. */
function textOf(input: Record<string, unknown>): string {
  const { response } = input
  if (typeof response === 'string') return response
  if (response !== undefined && response !== null) return writeJson(response)
  return Object.values(input)
    .filter((value) => typeof value === 'string')
    .join('\n')
}
