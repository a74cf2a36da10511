import type { JsonObject } from './canonical.ts'
import { CcrError } from './errors.ts'

/** A byte range `[start, end)`. */
export type Span = readonly [number, number]

export interface JsonDocument {
  /** Its fields, those of a large body parsed when they are first read. */
  readonly value: JsonObject
  /** Where the values of a top-level key stand, in order; a key may occur more than once, the last one counts. */
  spansOf(key: string): readonly Span[]
}

/** Deepest nesting of a request body. */
export const MAX_DEPTH = 200

/** Below this many bytes, parsing the whole body costs less than preparing its fields for later. */
const EAGER_BYTES = 16 * 1024

const QUOTE = 34
const BACKSLASH = 92

/**
 * Reads a JSON object: one pass over the bytes checks that they are JSON (RFC 8259), at most `maxDepth` deep and free
 * of `__proto__` keys, and finds the top-level fields. The fields of a large body are parsed when first read, so that a
 * body which is only passed on is never parsed.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the byte at fault
 */
export function readJson(bytes: Buffer, maxDepth = MAX_DEPTH): JsonDocument {
  const fields = new Scan(bytes, maxDepth).fields()
  const spansOf = (key: string): readonly Span[] => fields.get(key) ?? []
  if (bytes.length < EAGER_BYTES) return { value: JSON.parse(bytes.toString('utf8')) as JsonObject, spansOf }
  const value: Record<string, unknown> = {}
  for (const [key, spans] of fields) {
    const [start, end] = spans.at(-1)!
    let parsed: unknown
    let pending = true
    Object.defineProperty(value, key, {
      enumerable: true,
      get: () => {
        if (pending) {
          parsed = JSON.parse(bytes.toString('utf8', start, end))
          pending = false
        }
        return parsed
      },
    })
  }
  return { value, spansOf }
}

class Scan {
  readonly #bytes: Buffer
  readonly #maxDepth: number
  #at = 0

  constructor(bytes: Buffer, maxDepth: number) {
    this.#bytes = bytes
    this.#maxDepth = maxDepth
  }

  fields(): Map<string, Span[]> {
    const fields = new Map<string, Span[]>()
    this.#space()
    if (this.#bytes[this.#at] !== 123) throw this.#fault('the body is not a JSON object')
    this.#object(1, fields)
    this.#space()
    if (this.#at < this.#bytes.length) throw this.#fault('something follows the JSON object')
    return fields
  }

  #value(depth: number): void {
    const byte = this.#bytes[this.#at]
    if (byte === QUOTE) this.#string()
    else if (byte === 123) this.#object(depth + 1, undefined)
    else if (byte === 91) this.#array(depth + 1)
    else this.#scalar()
  }

  #object(depth: number, fields: Map<string, Span[]> | undefined): void {
    if (depth > this.#maxDepth) throw this.#fault(`the body is nested deeper than ${this.#maxDepth} levels`)
    this.#at++
    this.#space()
    if (this.#bytes[this.#at] === 125) {
      this.#at++
      return
    }
    for (;;) {
      if (this.#bytes[this.#at] !== QUOTE) throw this.#fault('a key was expected')
      const from = this.#at
      this.#string()
      const key = fields || this.#mayPollute(from) ? this.#text(from) : ''
      if (key === '__proto__') throw this.#fault("the key '__proto__' is not accepted")
      this.#space()
      if (this.#bytes[this.#at] !== 58) throw this.#fault("':' was expected")
      this.#at++
      this.#space()
      const start = this.#at
      this.#value(depth)
      if (fields) {
        const spans = fields.get(key)
        if (spans) spans.push([start, this.#at])
        else fields.set(key, [[start, this.#at]])
      }
      this.#space()
      const byte = this.#bytes[this.#at++]
      if (byte === 125) return
      if (byte !== 44) throw this.#fault("',' or '}' was expected", this.#at - 1)
      this.#space()
    }
  }

  #array(depth: number): void {
    if (depth > this.#maxDepth) throw this.#fault(`the body is nested deeper than ${this.#maxDepth} levels`)
    this.#at++
    this.#space()
    if (this.#bytes[this.#at] === 93) {
      this.#at++
      return
    }
    for (;;) {
      this.#value(depth)
      this.#space()
      const byte = this.#bytes[this.#at++]
      if (byte === 93) return
      if (byte !== 44) throw this.#fault("',' or ']' was expected", this.#at - 1)
      this.#space()
    }
  }

  #string(): void {
    const bytes = this.#bytes
    const length = bytes.length
    let at = this.#at + 1
    for (; at < length; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        this.#at = at + 1
        return
      }
      if (byte === BACKSLASH) {
        at++
        const escape = bytes[at]!
        if (escape === 117) {
          for (const end = at + 4; at < end;) if (!isHex(bytes[++at])) throw this.#fault('a \\u escape is broken', at)
        } else if (!ESCAPES.has(escape)) throw this.#fault('an escape is unknown', at)
      } else if (byte < 32) throw this.#fault('a control character stands in a string', at)
    }
    throw this.#fault('a string does not end', length)
  }

  #scalar(): void {
    const start = this.#at
    while (this.#at < this.#bytes.length && !ENDS.has(this.#bytes[this.#at]!)) this.#at++
    const text = this.#bytes.toString('latin1', start, this.#at)
    if (!SCALAR.test(text)) throw this.#fault('a value was expected', start)
  }

  #space(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return
      this.#at++
    }
  }

  #text(from: number): string {
    return JSON.parse(this.#bytes.toString('utf8', from, this.#at)) as string
  }

  /** `"__proto__"` is 11 bytes plain; an escape in the key makes it longer. */
  #mayPollute(from: number): boolean {
    const length = this.#at - from
    return length >= 11 && (this.#bytes[from + 1] === 95 || this.#bytes[from + 1] === BACKSLASH)
  }

  #fault(fact: string, at = this.#at): CcrError {
    return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${fact} at byte ${at}`)
  }
}

const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/
const ESCAPES = new Set([...'"\\/bfnrt'].map((one) => one.charCodeAt(0)))
const ENDS = new Set([...' \n\r\t,]}:[{"'].map((one) => one.charCodeAt(0)))

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102))
}
