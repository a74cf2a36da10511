import { parseJson, parseObject, type JsonObject } from '@ccr/sdk'
import { jsonrepair } from 'jsonrepair'

/**
 * The object that a model meant by arguments which are none: relaxed JSON, JSON in a code block or in a string, an
 * object whose last brackets are missing or too many. Nothing where the text is no object however it is read, or ends
 * in the midst of a value: what may have been cut is never completed.
 */
export function repairArguments(given: string): JsonObject | undefined {
  const text = unwrapped(given.trim()).replace(FENCES, '')
  if (text === 'null') return {}
  const known = parseObject(text) ?? withoutExtraBrackets(text)
  if (known) return known
  if (isCut(text)) return undefined
  try {
    return parseObject(jsonrepair(text))
  } catch {
    return undefined
  }
}

/** Most brackets too many. */
const MAX_EXTRA = 3

/** The library takes them for the end of a string where that holds brackets. */
function withoutExtraBrackets(text: string): JsonObject | undefined {
  let rest = text
  for (let extra = 0; extra < MAX_EXTRA && /[}\]]$/.test(rest); extra++) {
    rest = rest.slice(0, -1).trimEnd()
    const found = parseObject(rest)
    if (found) return found
  }
  return undefined
}

/** The marks of a code block. */
const FENCES = /^```\w*\s*|\s*```$/g

/** Some models write the object as the text of a string. */
function unwrapped(text: string): string {
  if (!text.startsWith('"')) return text
  try {
    const inner = parseJson(text)
    return typeof inner === 'string' ? inner.trim() : text
  } catch {
    return text
  }
}

/** What closes a text that such a quote opens. */
const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['`', '`'],
  ['\u201c', '\u201d'],
  ['\u2018', '\u2019'],
])

/** What a value may end with to which only brackets are missing. */
const END = /(?:["'`\u201d\u2019}\]\d]|\b(?:true|false|null|True|False|None))$/

/**
 * Whether a text may have been cut: it ends inside of a string, or brackets are missing behind something that is no
 * whole value. A quote opens a string where a value or key may begin, and closes it where one may end.
 */
function isCut(text: string): boolean {
  let depth = 0
  let closing: string | undefined
  let before = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (closing !== undefined) {
      if (character === '\\') at++
      else if (character === closing && mayEnd(text, at + 1)) closing = undefined
    } else if (QUOTES.has(character) && (before === '' || /[{[,:(\s]/.test(before) || isQuote(before)))
      closing = QUOTES.get(character)
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    if (character.trim() !== '') before = character
  }
  return closing !== undefined || (depth > 0 && !END.test(text))
}

function mayEnd(text: string, from: number): boolean {
  const next = /\S/.exec(text.slice(from, from + 64))?.[0]
  return next === undefined || /[,:}\])"'\n]/.test(next)
}

function isQuote(character: string): boolean {
  return [...QUOTES.values()].includes(character)
}
