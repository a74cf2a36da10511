import type { JsonObject } from './canonical.ts'
import { CcrError } from './errors.ts'

/** A byte range `[start, end)`. */
export type Span = readonly [number, number]

export interface JsonDocument {
  /** Its fields, those of a large body parsed when they are first read. */
  readonly value: JsonObject
  /** Whether the value of a top-level key is an array, without parsing it. */
  isArray(key: string): boolean
  /** Where the values of a top-level key stand, in order; a key may occur more than once, the last one counts. */
  spansOf(key: string): readonly Span[]
}

/** Deepest nesting of a request body. */
export const MAX_DEPTH = 200

/** From this size on, one pass over the bytes costs less than parsing them all. */
const LARGE_BYTES = 256 * 1024

const QUOTE = 34
const BACKSLASH = 92

/**
 * Reads a JSON object that is at most `maxDepth` deep and free of `__proto__` keys. A large body is checked in one pass
 * over its bytes (RFC 8259) that finds the top-level fields, and these are parsed when first read, so that a body which
 * is only passed on is never parsed.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the byte at fault
 */
export function readJson(bytes: Buffer, maxDepth = MAX_DEPTH): JsonDocument {
  return bytes.length < LARGE_BYTES ? readSmall(bytes, maxDepth) : readLarge(bytes, maxDepth)
}

function readSmall(bytes: Buffer, maxDepth: number): JsonDocument {
  let fields: Fields | undefined
  const scan = (): Fields => (fields ??= new Scan(bytes, maxDepth).fields())
  const text = bytes.toString('utf8')
  const escapes = text.includes('\\u00')
  if (escapes || text.includes('__proto__')) scan()
  const value = parsed(text, scan) as JsonObject
  if (typeof value !== 'object' || value === null || Array.isArray(value)) scan()
  if (mayBeDeep(bytes, maxDepth) && isDeep(value, maxDepth)) scan()
  const isOnly = (key: string): boolean => !escapes && text.indexOf(`"${key}"`, text.indexOf(`"${key}"`) + 1) < 0
  const spansOf = (key: string): readonly Span[] => (isOnly(key) && firstSpan(bytes, key)) || (scan().get(key) ?? [])
  return { value, isArray: (key) => Array.isArray(value[key]), spansOf }
}

function readLarge(bytes: Buffer, maxDepth: number): JsonDocument {
  const fields = new Scan(bytes, maxDepth).fields()
  const value: Record<string, unknown> = {}
  for (const [key, spans] of fields) {
    const [start, end] = spans.at(-1)!
    let part: unknown
    let pending = true
    const get = (): unknown => {
      if (pending) {
        part = JSON.parse(bytes.toString('utf8', start, end))
        pending = false
      }
      return part
    }
    Object.defineProperty(value, key, { enumerable: true, get })
  }
  const isArray = (key: string): boolean => bytes[fields.get(key)?.at(-1)?.[0] ?? bytes.length] === 91
  return { value, isArray, spansOf: (key) => fields.get(key) ?? [] }
}

/** What is wrong with a body that does not parse, the scan says. */
function parsed(text: string, scan: () => Fields): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    scan()
    throw new CcrError('CCR_REQUEST_INVALID', 'the request body is not valid JSON', { cause })
  }
}

/** Whether a body may be too deep: brackets inside of strings count too. */
function mayBeDeep(bytes: Buffer, maxDepth: number): boolean {
  let open = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    // The four brackets and few other bytes have these bits.
    if ((byte & 0xd9) !== 0x59) continue
    if (byte === 123 || byte === 91) {
      if (++open > maxDepth) return true
    } else if (byte === 125 || byte === 93) open--
  }
  return false
}

function isDeep(root: object, maxDepth: number): boolean {
  let level = [root]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) return true
    const next: object[] = []
    for (const node of level) {
      for (const part of Object.values(node)) if (typeof part === 'object' && part !== null) next.push(part as object)
    }
    level = next
  }
  return false
}

/** The value of the first key of a valid body, when it is this one and a plain string, as clients write `model`. */
function firstSpan(bytes: Buffer, key: string): readonly Span[] | undefined {
  const head = FIRST_FIELD.exec(bytes.toString('latin1', 0, 512))
  if (head?.[2] !== key) return undefined
  const start = head[1]!.length
  return [[start, start + head[3]!.length]]
}

const FIRST_FIELD = /^(\s*\{\s*"([a-z_]+)"\s*:\s*)("[^"\\]*")/

type Fields = Map<string, Span[]>

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
    let at = this.#at + 1
    for (;;) {
      // Beyond the last byte the kind is undefined, which ends the run too.
      let kind = KINDS[bytes[at]!]
      while (kind === PLAIN) kind = KINDS[bytes[++at]!]
      if (kind === QUOTE) {
        this.#at = at + 1
        return
      }
      if (kind === undefined) throw this.#fault('a string does not end', at)
      if (kind !== BACKSLASH) throw this.#fault('a control character stands in a string', at)
      const escape = bytes[++at]
      if (escape === 117) {
        for (const end = at + 4; at < end;) if (!isHex(bytes[++at])) throw this.#fault('a \\u escape is broken', at)
      } else if (escape === undefined || !ESCAPES.has(escape)) throw this.#fault('an escape is unknown', at)
      at++
    }
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

const PLAIN = 0
const CONTROL = 1
/** What a byte is inside a string: plain, a control character, a quote or a backslash. */
const KINDS = new Uint8Array(256).fill(CONTROL, 0, 32)
KINDS[QUOTE] = QUOTE
KINDS[BACKSLASH] = BACKSLASH

const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/
const ESCAPES = new Set([...'"\\/bfnrt'].map((one) => one.charCodeAt(0)))
const ENDS = new Set([...' \n\r\t,]}:[{"'].map((one) => one.charCodeAt(0)))

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102))
}
