import type { JsonObject } from './canonical.ts'
import { CcrError } from './errors.ts'
import { mayBeDeep } from './json-bounds.ts'
import { parseJson } from './json-numbers.ts'
import { findFields } from './json-scan-simd.ts'
import { type Fields, MAX_DEPTH, scanJson, type Span } from './json-scan.ts'

export type { Span }

/** A JSON object that was checked, and may not have been parsed yet. */
export interface JsonDocument {
  /** Its fields, those of a large body parsed when they are first read. */
  readonly value: JsonObject
  /** Whether the value of a top-level key is an array, without parsing it. */
  isArray(key: string): boolean
  /** Whether it is an array that holds nothing, without parsing it. */
  isEmptyArray(key: string): boolean
  /** Where the values of a top-level key stand, in order; a key may occur more than once, the last one counts. */
  spansOf(key: string): readonly Span[]
  /** Lets go of what was parsed of a large body; who reads it again has it parsed again. */
  forget(): void
}

/** From this size on, one pass over the bytes costs less than parsing them all. */
const LARGE_BYTES = 8 * 1024

const ARRAY = 91
const ARRAY_END = 93
const SPACE = 32

/**
 * Reads a JSON object that is at most 200 levels deep and free of `__proto__` keys. A large body is checked in one pass
 * over its bytes (RFC 8259) that finds the top-level fields, and these are parsed when first read, so that a body which
 * is only passed on is never parsed.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the byte at fault
 */
export function readJson(bytes: Buffer): JsonDocument {
  return bytes.length < LARGE_BYTES ? new SmallDocument(bytes) : readLarge(bytes)
}

/** Parsed whole, and kept so. */
class SmallDocument implements JsonDocument {
  readonly value: JsonObject
  readonly #bytes: Buffer
  #fields: Fields | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const text = bytes.toString('utf8')
    if (text.includes('__proto__') || text.includes('\\u00') || mayBeDeep(text, MAX_DEPTH)) this.#scan()
    this.value = this.#parse(text) as JsonObject
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.#scan()
  }

  isArray(key: string): boolean {
    return Array.isArray(this.value[key])
  }

  isEmptyArray(key: string): boolean {
    const list = this.value[key]
    return Array.isArray(list) && list.length === 0
  }

  spansOf(key: string): readonly Span[] {
    return this.#scan().get(key) ?? []
  }

  forget(): void {
    // There is nothing that could be parsed again.
  }

  /** What is wrong with a body that does not parse, the scan says. */
  #parse(text: string): unknown {
    try {
      return parseJson(text)
    } catch (cause) {
      this.#scan()
      throw new CcrError('CCR_REQUEST_INVALID', 'the request body is not valid JSON', { cause })
    }
  }

  #scan(): Fields {
    return (this.#fields ??= scanJson(this.#bytes, MAX_DEPTH))
  }
}

function readLarge(bytes: Buffer): JsonDocument {
  const fields = findFields(bytes, MAX_DEPTH) ?? scanJson(bytes, MAX_DEPTH)
  const value: Record<string, unknown> = {}
  const parts = new Map<string, unknown>()
  for (const [key, spans] of fields) {
    const [start, end] = spans.at(-1)!
    const get = (): unknown => {
      if (!parts.has(key)) parts.set(key, parseJson(bytes.toString('utf8', start, end)))
      return parts.get(key)
    }
    Object.defineProperty(value, key, { enumerable: true, get })
  }
  const startOf = (key: string): number => fields.get(key)?.at(-1)?.[0] ?? bytes.length
  const isArray = (key: string): boolean => bytes[startOf(key)] === ARRAY
  const isEmptyArray = (key: string): boolean => {
    let at = startOf(key) + 1
    // What JSON has between values are the space and three controls.
    while (bytes[at]! <= SPACE) at++
    return isArray(key) && bytes[at] === ARRAY_END
  }
  return { value, isArray, isEmptyArray, spansOf: (key) => fields.get(key) ?? [], forget: () => parts.clear() }
}
