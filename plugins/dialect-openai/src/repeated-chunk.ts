import { parseObject } from '@ccr/sdk'
import type { ChatChunk } from './wire.ts'

/** The strings that are new in each chunk of a text. */
const TEXT = /"(content|reasoning_content|reasoning)": ?"((?:[^"\\]|\\.)*)"/
/** What stands in a text where JSON writes it as it is. */
const ESCAPED = /[^ !#-[\]-\uffff]/
/** Stands for any text; no chunk that holds it is learnt from. */
const ANY = 'any text at all'
/** Longer chunks, in characters, are rare and not learnt from. */
const LONGEST = 4096
/** So many chunks in a row that differ in more than their text, and nothing more is expected of the next. */
const TRIES = 8

/** A chunk taken apart at its text. */
interface Shape {
  readonly head: string
  readonly tail: string
  withText(text: string): ChatChunk
}

/**
 * Reads the chunks of one answer that differ from the one before in nothing but their text. Between the same head and
 * the same tail any other JSON string makes the same object but for that string, so that the rest is not parsed again,
 * which was a third of what the router's own code did for a chunk.
 */
export class RepeatedChunk {
  #shape: Shape | undefined
  #tries = TRIES

  /** The chunk, as JSON.parse would give it; nothing when it is not known to differ in its text alone. */
  read(json: string): ChatChunk | undefined {
    if (!this.#shape) return undefined
    const { head, tail, withText } = this.#shape
    const rest = json.length - tail.length
    // To cut and to compare takes half the time of startsWith and endsWith.
    if (rest < head.length || json.slice(0, head.length) !== head || json.slice(rest) !== tail) return undefined
    const written = json.slice(head.length, rest)
    const text = ESCAPED.test(written) ? parseString(written) : written
    if (text === undefined) return undefined
    this.#tries = TRIES
    // A copy: a part of a string keeps the whole of it, and whatever that was cut from.
    return withText(` ${text}`.slice(1))
  }

  /** Learns what the next chunks may be like from one that {@link read} did not know. */
  learn(json: string): void {
    if (this.#tries === 0 || json.length > LONGEST) return
    const shape = shapeOf(json)
    if (!shape) return
    this.#shape = shape
    this.#tries--
    if (this.#tries === 0) this.#shape = undefined
  }
}

function shapeOf(json: string): Shape | undefined {
  const found = TEXT.exec(json)
  if (!found || json.includes(ANY)) return undefined
  const [whole, key, written] = found as unknown as readonly [string, string, string]
  const end = found.index + whole.length - 1
  const head = json.slice(0, end - written.length)
  const tail = json.slice(end)
  // An escape could spell what no search finds.
  if (head.includes('\\u') || tail.includes('\\u')) return undefined
  // That it is found there again shows that the text is that of the delta, and the head ends inside of a string.
  const chunk = parseObject(head + ANY + tail)
  const choices: unknown = chunk?.['choices']
  if (!chunk || !Array.isArray(choices) || choices.length !== 1) return undefined
  const choice = choices[0] as Record<string, unknown> | null
  const delta = choice?.['delta'] as Record<string, unknown> | null | undefined
  if (!choice || !isFlat(chunk, 'choices') || !isFlat(choice, 'delta') || !delta || !isFlat(delta)) return undefined
  if (delta[key] !== ANY) return undefined
  // Every chunk is an object of its own, because stages may change what they are given. A key that is written out costs
  // a third of one that is computed.
  const withDelta = (delta: object): ChatChunk => ({ ...chunk, choices: [{ ...choice, delta }] }) as ChatChunk
  if (key === 'content') return { head, tail, withText: (content) => withDelta({ ...delta, content }) }
  return { head, tail, withText: (text) => withDelta({ ...delta, [key]: text }) }
}

/** Whether an object holds no other, but for what stands at one key. */
function isFlat(object: object, except?: string): boolean {
  return Object.entries(object).every(([key, value]) => key === except || typeof value !== 'object' || value === null)
}

/** What stands between the quotes of a JSON string; nothing when it is more, or less, than one. */
function parseString(written: string): string | undefined {
  try {
    return JSON.parse(`"${written}"`) as string
  } catch {
    return undefined
  }
}
