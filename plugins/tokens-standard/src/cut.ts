/**
 * Where a piece of a text ends that begins at `from` and has at most `most` characters: at the last {@link isBoundary}.
 * Where there is none, such as within a word of that length, the piece ends all the same, though never inside a
 * character.
 */
export function pieceEnd(text: string, from: number, most: number): number {
  const last = from + most
  if (last >= text.length) return text.length
  for (let at = last; at > from; at--) {
    if (isBoundary(text, at)) return at
  }
  return hardEnd(text, from, last)
}

/**
 * As {@link pieceEnd}, for a piece in which every part between two such places has at most `longest` characters: the
 * time for a word grows with the square of its length.
 */
export function evenPieceEnd(text: string, from: number, most: number, longest: number): number {
  const last = Math.min(from + most, text.length)
  let boundary = from
  for (let at = from + 1; at < last; at++) {
    if (isBoundary(text, at)) boundary = at
    else if (at - boundary >= longest) return boundary > from ? boundary : hardEnd(text, from, at)
  }
  return last === text.length ? last : boundary > from ? boundary : hardEnd(text, from, last)
}

function hardEnd(text: string, from: number, at: number): number {
  return isHighSurrogate(text.charCodeAt(at - 1)) && at - 1 > from ? at - 1 : at
}

/**
 * Whether every standard tokenizer begins a new token at a place, so that the pieces on both sides have as many tokens
 * as the whole: behind a letter or digit, before white space or punctuation. No pattern that splits a text into words
 * reaches across that. Source: the patterns of https://github.com/openai/tiktoken
 */
export function isBoundary(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1)
  const after = text.charCodeAt(at)
  if (isDigit(before)) return isLatinLetter(after) || isBreak(after)
  return (isLatinLetter(before) || isEastAsianLetter(before)) && isBreak(after)
}

/** White space and punctuation. An apostrophe may belong to the word before it. */
function isBreak(code: number): boolean {
  if (code < 128) return code !== 0x27 && !isLatinLetter(code) && !isDigit(code)
  return EAST_ASIAN_PUNCTUATION.has(code)
}

/** `、。！（），．：；？` */
const EAST_ASIAN_PUNCTUATION = new Set([0x3001, 0x3002, 0xff01, 0xff08, 0xff09, 0xff0c, 0xff0e, 0xff1a, 0xff1b, 0xff1f])

function isLatinLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Hiragana, katakana, the unified ideographs and hangul: those that are letters beyond doubt. */
function isEastAsianLetter(code: number): boolean {
  return (
    (code >= 0x3041 && code <= 0x3096) ||
    (code >= 0x30a1 && code <= 0x30fa) ||
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0xac00 && code <= 0xd7a3)
  )
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
