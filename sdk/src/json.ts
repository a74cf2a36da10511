import type { JsonObject } from './canonical.ts'
import { CcrError } from './errors.ts'

/** A byte range `[start, end)`. */
export type Span = readonly [number, number]

/** A JSON object that was checked, and may not have been parsed yet. */
export interface JsonDocument {
  /** Its fields, those of a large body parsed when they are first read. */
  readonly value: JsonObject
  /** Whether the value of a top-level key is an array, without parsing it. */
  isArray(key: string): boolean
  /** Where the values of a top-level key stand, in order; a key may occur more than once, the last one counts. */
  spansOf(key: string): readonly Span[]
  /** Lets go of what was parsed of a large body; who reads it again has it parsed again. */
  forget(): void
}

/** Deepest nesting of a request body. */
export const MAX_DEPTH = 200

/** From this size on, one pass over the bytes costs less than parsing them all. */
const LARGE_BYTES = 8 * 1024

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const UNDERSCORE = 95
const ARRAY = 91
const ARRAY_END = 93
const OBJECT = 123
const OBJECT_END = 125

/**
 * Reads a JSON object that is at most `maxDepth` deep and free of `__proto__` keys. A large body is checked in one pass
 * over its bytes (RFC 8259) that finds the top-level fields, and these are parsed when first read, so that a body which
 * is only passed on is never parsed.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the byte at fault
 */
export function readJson(bytes: Buffer, maxDepth = MAX_DEPTH): JsonDocument {
  return bytes.length < LARGE_BYTES ? new SmallDocument(bytes, maxDepth) : readLarge(bytes, maxDepth)
}

/** Parsed whole, and kept so. */
class SmallDocument implements JsonDocument {
  readonly value: JsonObject
  readonly #bytes: Buffer
  readonly #maxDepth: number
  #fields: Fields | undefined

  constructor(bytes: Buffer, maxDepth: number) {
    this.#bytes = bytes
    this.#maxDepth = maxDepth
    const text = bytes.toString('utf8')
    if (text.includes('__proto__') || text.includes('\\u00') || mayBeDeep(text, maxDepth)) this.#scan()
    this.value = this.#parse(text) as JsonObject
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.#scan()
  }

  isArray(key: string): boolean {
    return Array.isArray(this.value[key])
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
      return JSON.parse(text)
    } catch (cause) {
      this.#scan()
      throw new CcrError('CCR_REQUEST_INVALID', 'the request body is not valid JSON', { cause })
    }
  }

  #scan(): Fields {
    return (this.#fields ??= scan(this.#bytes, this.#maxDepth))
  }
}

function readLarge(bytes: Buffer, maxDepth: number): JsonDocument {
  const fields = scan(bytes, maxDepth)
  const value: Record<string, unknown> = {}
  const parts = new Map<string, unknown>()
  for (const [key, spans] of fields) {
    const [start, end] = spans.at(-1)!
    const get = (): unknown => {
      if (!parts.has(key)) parts.set(key, JSON.parse(bytes.toString('utf8', start, end)))
      return parts.get(key)
    }
    Object.defineProperty(value, key, { enumerable: true, get })
  }
  const isArray = (key: string): boolean => bytes[fields.get(key)?.at(-1)?.[0] ?? bytes.length] === ARRAY
  return { value, isArray, spansOf: (key) => fields.get(key) ?? [], forget: () => parts.clear() }
}

/** Whether a body has more opening brackets, those inside of strings too, than it may have levels. */
function mayBeDeep(text: string, maxDepth: number): boolean {
  let open = 0
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (++open > maxDepth) return true
  return false
}

type Fields = Map<string, Span[]>

/**
 * Checks the whole body and finds its top-level fields. One loop with its state in local variables: methods that call
 * each other for every level take twice as long.
 */
function scan(bytes: Buffer, maxDepth: number): Fields {
  const fields: Fields = new Map()
  /** The bracket that ends each open level. */
  const closers = new Uint8Array(maxDepth + 1)
  let depth = 0
  let key = ''
  let start = 0
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = spaceEnd(bytes, 0)
  if (bytes[at] !== OBJECT) throw fault('the body is not a JSON object', at)
  for (;;) {
    if (closers[depth] === OBJECT_END) {
      const end = keyEnd(bytes, view, at)
      if (depth === 1) key = textOf(bytes, at, end)
      at = valueStart(bytes, end)
      if (depth === 1) start = at
    }
    const opening = bytes[at]
    if (opening === QUOTE) at = stringEnd(bytes, view, at)
    else if (opening === OBJECT || opening === ARRAY) {
      if (++depth > maxDepth) throw fault(`the body is nested deeper than ${maxDepth} levels`, at)
      closers[depth] = opening === OBJECT ? OBJECT_END : ARRAY_END
      at = spaceEnd(bytes, at + 1)
      if (bytes[at] !== closers[depth]) continue
      depth--
      at++
    } else at = scalarEnd(bytes, at)
    // A value has ended, and with it perhaps the levels around it.
    for (;;) {
      if (depth === 1) addSpan(fields, key, [start, at])
      at = spaceEnd(bytes, at)
      if (depth === 0) {
        if (at < bytes.length) throw fault('something follows the JSON object', at)
        return fields
      }
      if (bytes[at] !== closers[depth]) break
      depth--
      at++
    }
    if (bytes[at] !== COMMA) throw fault(`',' or '${String.fromCharCode(closers[depth]!)}' was expected`, at)
    at = spaceEnd(bytes, at + 1)
  }
}

function addSpan(fields: Fields, key: string, span: Span): void {
  const spans = fields.get(key)
  if (spans) spans.push(span)
  else fields.set(key, [span])
}

function keyEnd(bytes: Buffer, view: DataView, at: number): number {
  if (bytes[at] !== QUOTE) throw fault('a key was expected', at)
  const end = stringEnd(bytes, view, at)
  // `"__proto__"` is 11 bytes plain; an escape in the key makes it longer.
  const resembles = end - at >= 11 && (bytes[at + 1] === UNDERSCORE || bytes[at + 1] === BACKSLASH)
  if (resembles && textOf(bytes, at, end) === '__proto__') throw fault("the key '__proto__' is not accepted", end)
  return end
}

function valueStart(bytes: Buffer, from: number): number {
  const at = spaceEnd(bytes, from)
  if (bytes[at] !== COLON) throw fault("':' was expected", at)
  return spaceEnd(bytes, at + 1)
}

function stringEnd(bytes: Buffer, view: DataView, from: number): number {
  const lastFour = bytes.length - 4
  let at = from + 1
  for (;;) {
    let special = 0
    while (at <= lastFour && (special = specialOf(view.getInt32(at, true))) === 0) at += 4
    if (special !== 0) at += (31 - Math.clz32(special & -special)) >> 3
    // Beyond the last byte this looks up 0, a control character.
    else while (KINDS[bytes[at]! | 0] === PLAIN) at++
    const byte = bytes[at]
    if (byte === BACKSLASH) at = ESCAPES[bytes[at + 1]! | 0] === SHORT ? at + 2 : escapeEnd(bytes, at)
    else if (byte === QUOTE) return at + 1
    else throw fault(byte === undefined ? 'a string does not end' : 'a control character stands in a string', at)
  }
}

/**
 * Marks those of four bytes that are not plain by their highest bit; of the marks only the lowest is sure. The quote,
 * 0x22, is tested with the control characters: what they differ in from the space is turned around. Four bytes at a
 * time take half the time of one by one. Source: https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord
 */
function specialOf(four: number): number {
  const turned = four ^ 0x02020202
  const backslash = four ^ 0x5c5c5c5c
  return (((turned - 0x21212121) & ~turned) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080
}

function escapeEnd(bytes: Buffer, from: number): number {
  const at = from + 2
  const kind = ESCAPES[bytes[from + 1]! | 0]
  if (kind === SHORT) return at
  if (kind !== HEXADECIMAL) throw fault('an escape is unknown', at - 1)
  for (let digit = at; digit < at + 4; digit++) if (!isHex(bytes[digit])) throw fault('a \\u escape is broken', digit)
  return at + 4
}

function scalarEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && ENDS[bytes[at]!] === 0) at++
  if (!SCALAR.test(bytes.toString('latin1', from, at))) throw fault('a value was expected', from)
  return at
}

function spaceEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at]! <= 32 && isSpace(bytes[at]!)) at++
  return at
}

function textOf(bytes: Buffer, start: number, end: number): string {
  return JSON.parse(bytes.toString('utf8', start, end)) as string
}

function fault(fact: string, at: number): CcrError {
  return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${fact} at byte ${at}`)
}

const PLAIN = 0
const SPECIAL = 1
/** Whether a byte inside a string is plain, or a control character, a quote or a backslash. */
const KINDS = new Uint8Array(256).fill(SPECIAL, 0, 32)
KINDS[QUOTE] = SPECIAL
KINDS[BACKSLASH] = SPECIAL

const SHORT = 1
const HEXADECIMAL = 2
/** What follows a backslash: nothing else may. */
const ESCAPES = new Uint8Array(256)
for (const one of '"\\/bfnrt') ESCAPES[one.charCodeAt(0)] = SHORT
ESCAPES[117] = HEXADECIMAL

const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/
const ENDS = new Uint8Array(256)
for (const one of ' \n\r\t,]}:[{"') ENDS[one.charCodeAt(0)] = 1

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102))
}
