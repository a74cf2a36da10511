import { MAX_DEPTH, MAX_VALUES } from './json-scan.ts'

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92

/**
 * Whether a JSON text may be parsed: what is nested deeper than a request may be cannot be written again, which goes
 * from level to level, and more values than a request may hold keep every other exchange waiting. What is no JSON is
 * for the parser to say.
 */
export function isBounded(text: string): boolean {
  // A value has a comma or an opening bracket before it, the first one of all aside.
  if (text.length < 2 * MAX_VALUES && !mayBeDeep(text, MAX_DEPTH)) return true
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = stringEnd(text, at)
    else if (code === COMMA) values++
    // Brackets, square and curly, whose codes differ in one bit; an empty pair has nothing in it.
    else if ((code | 32) === 123) {
      if (++depth > MAX_DEPTH) return false
      if (text.charCodeAt(at + 1) !== code + 2) values++
    } else if ((code | 32) === 125) depth--
    if (values > MAX_VALUES) return false
  }
  return true
}

/** Whether a text has more opening brackets, those inside of strings too, than it may have levels. */
export function mayBeDeep(text: string, maxDepth: number): boolean {
  if (text.length <= maxDepth) return false
  let open = 0
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (++open > maxDepth) return true
  return false
}

/** Where the quote stands that ends the string of this one, or where the text does; long strings cost one search. */
export function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text.charCodeAt(first - 1) === BACKSLASH) first--
    if ((end - first) % 2 === 0) return end
  }
  return text.length
}
