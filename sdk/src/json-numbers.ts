import { randomBytes } from 'node:crypto'
import { stringEnd } from './json-bounds.ts'

/** Digits in a row from which on a number may not be what a `number` makes of it. */
const LONG = 16

/** Stands before the digits of a number in the place of which it is read or written; no text can hold it. */
const MARK = randomBytes(16).toString('hex')
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g')

/** {@link writeJson} is at work, and whether it met such a number. */
let writing = false
let met = false

/**
 * As `JSON.parse`, and what holds a number of 16 or more digits in a row that would change, such as an integer of 64
 * bits, knows its digits: {@link writeJson} writes them as they were. A copy by spreading loses them, so that no change
 * is undone.
 *
 * @throws SyntaxError as `JSON.parse`
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  const marked = mayHoldLongNumber(text) ? markNumbers(text) : undefined
  return marked === undefined ? value : restore({ value: JSON.parse(marked) as unknown })
}

/** As `JSON.stringify`, with the digits of numbers as {@link parseJson} read them. */
export function writeJson(value: unknown): string {
  writing = true
  met = false
  try {
    const text = JSON.stringify(value)
    return met ? text.replace(MARKED, '$1') : text
  } finally {
    writing = false
  }
}

/**
 * Whether so many characters of a number stand where a number may, and not in the midst of a text, as most do. A run of
 * so many digits has one at one of the places looked at, so that a text is hardly looked at.
 */
function mayHoldLongNumber(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigit(text.charCodeAt(at))) continue
    let from = at
    while (from > 0 && OF_NUMBER.includes(text.charAt(from - 1))) from--
    const first = from
    while (at + 1 < text.length && OF_NUMBER.includes(text.charAt(at + 1))) at++
    if (at - first + 1 < LONG || !`,]}${SPACE}`.includes(text.charAt(at + 1))) continue
    while (from > 0 && SPACE.includes(text.charAt(from - 1))) from--
    // No character stands before the first and behind the last one, and every text includes that.
    if ('[:,'.includes(text.charAt(from - 1))) return true
  }
  return false
}

const OF_NUMBER = '-+.eE0123456789'
const SPACE = ' \n\r\t'

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** The text with the numbers that would change as marked texts; nothing when there are none. */
function markNumbers(text: string): string | undefined {
  let marked = ''
  let found = false
  for (let from = 0; from < text.length;) {
    const quote = text.indexOf('"', from)
    const plain = text.slice(from, quote < 0 ? text.length : quote)
    const kept = plain.length < LONG ? plain : plain.replace(/-?\d[\d.eE+-]*/g, markNumber)
    found ||= kept !== plain
    from = quote < 0 ? text.length : stringEnd(text, quote) + 1
    marked += quote < 0 ? kept : kept + text.slice(quote, from)
  }
  return found ? marked : undefined
}

function markNumber(digits: string): string {
  return digits.length < LONG || String(Number(digits)) === digits ? digits : `"${MARK}${digits}"`
}

type Node = Record<string, unknown>

/** The value with its numbers back, each known to what holds it. Not recursive, because answers may be of any depth. */
function restore(root: { readonly value: unknown }): unknown {
  const open: Node[] = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    const numbers = new Map<string, string>()
    for (const key of Object.keys(node)) {
      const part = node[key]
      if (typeof part === 'object' && part !== null) open.push(part as Node)
      if (typeof part !== 'string' || !part.startsWith(MARK)) continue
      const digits = part.slice(MARK.length)
      node[key] = Number(digits)
      numbers.set(key, digits)
    }
    if (numbers.size > 0) know(node, numbers)
  }
  return root.value
}

/** A field called `toJSON` is data, and stays what it is. */
function know(node: Node, numbers: ReadonlyMap<string, string>): void {
  if (Object.hasOwn(node, 'toJSON')) return
  const toJSON = (): unknown => {
    if (!writing) return node
    met = true
    const copy = (Array.isArray(node) ? [...(node as readonly unknown[])] : { ...node }) as Node
    for (const [key, digits] of numbers) if (copy[key] === Number(digits)) copy[key] = MARK + digits
    return copy
  }
  Object.defineProperty(node, 'toJSON', { value: toJSON })
}
