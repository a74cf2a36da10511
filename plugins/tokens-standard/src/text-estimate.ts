/** What the parts of a text count for, in tokens. */
export interface TextWeights {
  /** A word of Latin letters, each of its letters from the 17th on, and each capital behind a small letter. */
  readonly word: number
  readonly longWordLetter: number
  readonly innerCapital: number
  /** Up to three digits. */
  readonly digits: number
  /** A run of punctuation, and each of its characters from the second on. */
  readonly punctuation: number
  readonly morePunctuation: number
  /** A run of line ends and tabs; spaces belong to what follows them. */
  readonly lines: number
  /** A letter of Latin with accents or of Cyrillic, of Greek, Hebrew or Arabic, and of a script beyond those. */
  readonly alphabetLetter: number
  readonly scriptLetter: number
  readonly rareLetter: number
  /** An arrow, a line of a box, a typographic sign. */
  readonly symbol: number
  /** A character of East Asia, and half an emoji. */
  readonly eastAsian: number
}

/** Fitted to source code, Markdown, recorded requests and six languages; see docs/design/tokens.md. */
export const CL100K_WEIGHTS: TextWeights = {
  word: 1.13,
  longWordLetter: 0.3,
  innerCapital: 1.39,
  digits: 1.11,
  punctuation: 0.63,
  morePunctuation: 0.18,
  lines: 1.04,
  alphabetLetter: 0.43,
  scriptLetter: 0.95,
  rareLetter: 1.25,
  symbol: 0.9,
  eastAsian: 1.05,
}

/** As {@link CL100K_WEIGHTS}, for the larger vocabulary. */
export const O200K_WEIGHTS: TextWeights = {
  word: 0.96,
  longWordLetter: 0.3,
  innerCapital: 1.19,
  digits: 1.13,
  punctuation: 0.79,
  morePunctuation: 0.29,
  lines: 1.14,
  alphabetLetter: 0.23,
  scriptLetter: 0.36,
  rareLetter: 0.42,
  symbol: 0.9,
  eastAsian: 0.73,
}

/** A longer text is looked at in places, which stand for all of it. */
const LONGEST_WHOLE = 4096
const PLACES = 16
const PLACE_LENGTH = 128

/** How much of a text {@link estimateText} looks at, in characters. */
export function estimateCost(text: string): number {
  return text.length <= LONGEST_WHOLE ? text.length : PLACES * PLACE_LENGTH
}

/** A guess at the tokens of a text: a few hundredths off for usual texts, by a factor below two for others. */
export function estimateText(text: string, weights: TextWeights): number {
  const { length } = text
  if (length <= LONGEST_WHOLE) return scan(text, 0, length, weights)
  const step = (length - PLACE_LENGTH) / (PLACES - 1)
  let tokens = 0
  for (let place = 0; place < PLACES; place++) {
    const from = Math.floor(place * step)
    tokens += scan(text, from, from + PLACE_LENGTH, weights)
  }
  return (tokens / (PLACES * PLACE_LENGTH)) * length
}

const CAPITAL = 1
const SMALL = 2
const DIGIT = 3
const SPACE = 4
const LINE = 5
const PUNCTUATION = 6
const ALPHABET = 7
const SCRIPT = 8
const RARE = 9
const SYMBOL = 10
const EAST_ASIAN = 11

/** One loop over the characters: no list of words is made. */
function scan(text: string, from: number, to: number, weights: TextWeights): number {
  let tokens = 0
  let before = 0
  let run = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    const kind = code < 128 ? KINDS[code]! : kindOf(code)
    const continues = kind === before || (kind <= SMALL && before > 0 && before <= SMALL)
    run = continues ? run + 1 : 1
    switch (kind) {
      case CAPITAL:
      case SMALL:
        if (!continues) tokens += weights.word
        else if (run > 16) tokens += weights.longWordLetter
        if (kind === CAPITAL && before === SMALL) tokens += weights.innerCapital
        break
      case DIGIT:
        if (run % 3 === 1) tokens += weights.digits
        break
      case SPACE:
        break
      case LINE:
        if (run === 1) tokens += weights.lines
        break
      case PUNCTUATION:
        tokens += run === 1 ? weights.punctuation : weights.morePunctuation
        break
      case ALPHABET:
        tokens += weights.alphabetLetter
        break
      case SCRIPT:
        tokens += weights.scriptLetter
        break
      case RARE:
        tokens += weights.rareLetter
        break
      case SYMBOL:
        tokens += weights.symbol
        break
      default:
        tokens += weights.eastAsian
    }
    before = kind
  }
  return Math.max(tokens, to > from ? 1 : 0)
}

/** By the blocks of Unicode. */
function kindOf(code: number): number {
  if (code >= 0x2e80) return EAST_ASIAN
  if (code >= 0x2000) return SYMBOL
  if (code < 0x250 || (code >= 0x400 && code < 0x530) || code >= 0x1e00) return ALPHABET
  return code < 0x900 ? SCRIPT : RARE
}

const KINDS = new Uint8Array(128).fill(PUNCTUATION)
KINDS.fill(CAPITAL, 65, 91).fill(SMALL, 97, 123).fill(DIGIT, 48, 58)
KINDS[32] = SPACE
for (const line of [9, 10, 13]) KINDS[line] = LINE
