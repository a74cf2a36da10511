/** What was counted: a text, or a value that is read as JSON. */
export type Counted = string | { readonly json: unknown }

/** What is known of the tokens of a value; they were counted where both bounds are the same. */
export interface Known {
  readonly atLeast: number
  readonly atMost: number
  readonly estimate: number
}

interface Entry {
  readonly value: unknown
  /** The text "a" has other tokens than the value "a", which is written with its quotes. */
  readonly isText: boolean
  readonly characters: number
  known: Known
  /** Another value with the same sample. */
  readonly next: Entry | undefined
}

/** What an entry takes beside its value, in characters. */
const OVERHEAD = 100
/** Values with one sample that are kept apart. */
const LONGEST_CHAIN = 8

/**
 * What is known of the tokens of values that were seen before. A value is found by a sample of it and then compared
 * whole, which costs a tenth of hashing it: no two values are ever taken for each other. When half of the bound is
 * full, what was not asked for since the last time is forgotten.
 */
export class CountMemory {
  readonly #half: number
  #young = new Map<number, Entry>()
  #old = new Map<number, Entry>()
  #characters = 0

  /** @param mostCharacters of all values that are kept */
  constructor(mostCharacters: number) {
    this.#half = mostCharacters / 2
  }

  /** What is known of a value. */
  get(counted: Counted): Known | undefined {
    const value = valueOf(counted)
    return this.#find(sampleOf(value), value, typeof counted === 'string')?.known
  }

  /** Keeps what is known of a value; one that alone would fill the memory is not kept. */
  set(counted: Counted, characters: number, known: Known): void {
    const value = valueOf(counted)
    if (characters + OVERHEAD > this.#half) return
    const sample = sampleOf(value)
    const isText = typeof counted === 'string'
    const entry = this.#find(sample, value, isText)
    if (entry) entry.known = known
    else this.#add(sample, { value, isText, characters, known, next: undefined })
  }

  #find(sample: number, value: unknown, isText: boolean): Entry | undefined {
    const young = find(this.#young.get(sample), value, isText)
    if (young) return young
    const old = find(this.#old.get(sample), value, isText)
    return old && this.#add(sample, old)
  }

  #add(sample: number, entry: Entry): Entry {
    if (this.#characters + entry.characters + OVERHEAD > this.#half) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    const chain = this.#young.get(sample)
    const added = { ...entry, next: lengthOf(chain) < LONGEST_CHAIN ? chain : undefined }
    this.#young.set(sample, added)
    this.#characters += entry.characters + OVERHEAD
    return added
  }
}

function valueOf(counted: Counted): unknown {
  return typeof counted === 'string' ? counted : counted.json
}

function find(chain: Entry | undefined, value: unknown, isText: boolean): Entry | undefined {
  for (let entry = chain; entry; entry = entry.next)
    if (entry.isText === isText && isSame(entry.value, value)) return entry
  return undefined
}

function lengthOf(chain: Entry | undefined): number {
  let length = 0
  for (let entry = chain; entry; entry = entry.next) length++
  return length
}

/** Whether two values have the same JSON. Values with their keys in another order count as different. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const keys = Object.keys(one)
  const others = Object.keys(other)
  if (keys.length !== others.length) return false
  return keys.every((key, index) => {
    return key === others[index] && isSame((one as Fields)[key], (other as Fields)[key])
  })
}

type Fields = Readonly<Record<string, unknown>>

/** Characters of a text that its sample is made of, at the beginning, at the end, and between them. */
const SAMPLED = 8
/** Levels, and fields of a level, that the sample of a JSON value is made of. */
const LEVELS = 3
const FIELDS = 8

function sampleOf(value: unknown, level = 0): number {
  if (typeof value === 'string') return sampleOfText(value)
  if (typeof value === 'number') return value | 0
  if (typeof value !== 'object' || value === null) return value === true ? 1 : 0
  const keys = Object.keys(value)
  let sample = keys.length + 7
  if (level === LEVELS) return sample
  for (let index = 0; index < keys.length && index < FIELDS; index++) {
    const key = keys[index]!
    sample = mix(mix(sample, sampleOfText(key)), sampleOf((value as Fields)[key], level + 1))
  }
  return sample
}

function sampleOfText(text: string): number {
  const { length } = text
  let sample = length
  if (length <= 3 * SAMPLED) {
    for (let at = 0; at < length; at++) sample = mix(sample, text.charCodeAt(at))
    return sample
  }
  const step = Math.floor(length / SAMPLED)
  for (let at = 0; at < SAMPLED; at++) {
    sample = mix(sample, text.charCodeAt(at))
    sample = mix(sample, text.charCodeAt(at * step))
    sample = mix(sample, text.charCodeAt(length - 1 - at))
  }
  return sample
}

function mix(sample: number, more: number): number {
  return Math.imul(sample ^ more, 0x9e3779b1) ^ (sample >>> 15)
}
