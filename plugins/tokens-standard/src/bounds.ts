import { tokenParts, type CanonicalRequest, type TokenBounds } from '@ccr/sdk'
import type { Choice } from './choice.ts'
import type { Counted, Known } from './memory.ts'
import { partText } from './part-text.ts'
import { estimateCost, estimateText } from './text-estimate.ts'

/** Parts that are looked at; of what comes behind them nothing is known. */
const MOST_PARTS = 4000
/** Characters that are compared with what is remembered; of texts behind them only the length is looked at. */
const MOST_COMPARED = 2 * 1024 * 1024
/** Characters of JSON never seen before that are written out. */
const MOST_JSON = 128 * 1024
/** Characters that are looked at for an estimate; texts behind them are taken to be like those before. */
const MOST_SCANNED = 64 * 1024

/** What is known of a request, and how much of it is only estimated. */
export interface PartialCount extends TokenBounds {
  /** The estimate of what was not counted. */
  readonly uncounted: number
}

/**
 * What is known of a request at once. A text that was counted has its count; of any other, a tokenizer makes at most a
 * token of each byte of UTF-8, and at least as many as its longest token needs. The work has a bound, whatever the size
 * of the request.
 *
 * @param until no more is looked at once there are more tokens for sure
 */
export function boundsOf(request: CanonicalRequest, choice: Choice, until = Infinity): PartialCount {
  const total = new Total()
  const look = createLook(choice)
  let parts = 0
  for (const list of tokenParts(request)) {
    parts += list.length
    if (parts > MOST_PARTS || total.atLeast > until) {
      total.add(ANYTHING)
      break
    }
    for (const part of list) {
      if (typeof part === 'number') total.addNumber(part)
      else total.add(look(part))
    }
  }
  return total.bounds()
}

class Total {
  atLeast = 0
  #atMost = 0
  #estimate = 0
  #uncounted = 0

  add({ atLeast, atMost, estimate }: Known): void {
    this.atLeast += atLeast
    this.#atMost += atMost
    this.#estimate += estimate
    if (atLeast !== atMost) this.#uncounted += estimate
  }

  addNumber(tokens: number): void {
    this.atLeast += tokens
    this.#atMost += tokens
    this.#estimate += tokens
  }

  bounds(): PartialCount {
    const estimate = Math.round(this.#estimate)
    return { atLeast: this.atLeast, atMost: this.#atMost, estimate, uncounted: this.#uncounted }
  }
}

const NOTHING: Known = { atLeast: 0, atMost: 0, estimate: 0 }
const ANYTHING: Known = { atLeast: 0, atMost: Infinity, estimate: 0 }

/** Looks at one part after the other, until what may be looked at is used up. */
function createLook({ tokenizer: { maxTokenBytes }, memory, weights }: Choice): (part: Counted) => Known {
  let compared = 0
  let json = 0
  let scanned = 0
  let characters = 0
  let tokens = 0

  return (part) => {
    if (compared > MOST_COMPARED) return typeof part === 'string' ? byLength(part) : ANYTHING
    const known = memory.get(part)
    if (known) {
      compared += typeof part === 'string' ? part.length : 0
      return known
    }
    if (typeof part !== 'string' && json > MOST_JSON) return ANYTHING
    const text = partText(part)
    if (text === '') return NOTHING
    compared += text.length
    if (typeof part !== 'string') json += text.length
    if (scanned > MOST_SCANNED) return byLength(text)
    const estimate = estimateText(text, weights)
    scanned += estimateCost(text)
    characters += text.length
    tokens += estimate
    const found = between(text, Buffer.byteLength(text), estimate)
    memory.set(part, text.length, found)
    return found
  }

  function byLength(text: string): Known {
    return between(text, text.length * MOST_BYTES, (text.length * tokens) / Math.max(1, characters))
  }

  /** A text has at least as many bytes as characters. */
  function between(text: string, bytes: number, estimate: number): Known {
    const atLeast = maxTokenBytes === undefined ? 0 : Math.ceil(text.length / maxTokenBytes)
    const atMost = maxTokenBytes === undefined ? Infinity : bytes
    return { atLeast, atMost, estimate: Math.min(atMost, Math.max(atLeast, estimate)) }
  }
}

/** Bytes of UTF-8 that a unit of UTF-16 takes at most. */
const MOST_BYTES = 3
