import { CcrError } from './errors.ts'

/** A byte range `[start, end)`. */
export type Span = readonly [number, number]

/** The top-level fields of an object, and where the values of each stand. */
export type Fields = Map<string, Span[]>

/** Deepest nesting of a request body. */
export const MAX_DEPTH = 200

/** Most top-level fields of a body, of which a request has a few dozen; a small body has no room for as many. */
export const MAX_FIELDS = 2_000

/**
 * Most values of a body: objects, arrays, texts, numbers and the rest. A million tokens of the smallest tool calls are
 * half of that; parsing more of them would keep every other request waiting.
 */
export const MAX_VALUES = 500_000

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
 * Checks a whole body (RFC 8259) and finds its top-level fields. One loop with its state in local variables: methods
 * that call each other for every level take twice as long.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the byte at fault
 */
export function scanJson(bytes: Buffer, maxDepth: number): Fields {
  const fields: Fields = new Map()
  /** The bracket that ends each open level. */
  const closers = new Uint8Array(maxDepth + 1)
  let depth = 0
  let values = 0
  let count = 0
  let key = ''
  let start = 0
  let at = spaceEnd(bytes, 0)
  if (bytes[at] !== OBJECT) throw fault('the body is not a JSON object', at)
  for (;;) {
    if (closers[depth] === OBJECT_END) {
      const end = keyEnd(bytes, at)
      if (depth === 1) {
        if (++count > MAX_FIELDS) throw fault(`the body has more than ${MAX_FIELDS} fields`, at)
        key = textOf(bytes, at, end)
      }
      at = valueStart(bytes, end)
      if (depth === 1) start = at
    }
    if (++values > MAX_VALUES) throw fault(`the body holds more than ${MAX_VALUES} values`, at)
    const opening = bytes[at]
    if (opening === QUOTE) at = stringEnd(bytes, at)
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

/** Notes where a value of a key stands. */
export function addSpan(fields: Fields, key: string, span: Span): void {
  const spans = fields.get(key)
  if (spans) spans.push(span)
  else fields.set(key, [span])
}

function keyEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) throw fault('a key was expected', at)
  const end = stringEnd(bytes, at)
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

function stringEnd(bytes: Buffer, from: number): number {
  let at = from + 1
  for (;;) {
    // Beyond the last byte this looks up 0, a control character.
    while (KINDS[bytes[at]! | 0] === PLAIN) at++
    const byte = bytes[at]
    if (byte === BACKSLASH) at = escapeEnd(bytes, at)
    else if (byte === QUOTE) return at + 1
    else throw fault(byte === undefined ? 'a string does not end' : 'a control character stands in a string', at)
  }
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

/** The text of a key that was checked. */
export function textOf(bytes: Buffer, start: number, end: number): string {
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
