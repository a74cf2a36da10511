import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evenPieceEnd, isBoundary, pieceEnd } from './cut.ts'
import { ENCODINGS } from './encodings.ts'
import { createCounter } from './standard-counter.ts'

const word = fc.constantFrom(
  ...['route', 'Größe', "don't", "l'été", '漢字', 'かな', '한국어', '日本語です。', 'слово', 'ａｂｃ', '🙂', '👩‍👩‍👧', 'é'],
  ...['1234567', 'x1y22', 'snake_case', 'camelCase', 'HTTPServer', '<|endoftext|>', '<|im_start|>', '\ud800'],
)
const gap = fc.constantFrom(
  ...[' ', '  ', '\n', '\n\n  ', '\t', '\r\n', '', ', ', '. ', '"', '":"', '();\n', '/', '、', '！', "'s "],
)
const text = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, { weight: 4, arbitrary: gap }, fc.string()))
  .map((all) => all.join(''))

function isWellFormed(one: string): boolean {
  return !/\p{Surrogate}/u.test(one)
}

/** The pieces of a text, as `end` cuts it. */
function pieces(whole: string, end: (from: number) => number): readonly string[] {
  const found: string[] = []
  for (let from = 0; from < whole.length;) {
    const to = end(from)
    found.push(whole.slice(from, to))
    from = to
  }
  return found
}

describe('a cut text', () => {
  it('is whole again, in pieces of bounded length, none of which ends inside a character', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 40 }), fc.integer({ min: 2, max: 40 }), (whole, most, longest) => {
        for (const found of [
          pieces(whole, (from) => pieceEnd(whole, from, most)),
          pieces(whole, (from) => evenPieceEnd(whole, from, most, longest)),
        ]) {
          expect(found.join('')).toBe(whole)
          for (const piece of found) expect(piece.length > 0 && piece.length <= most).toBe(true)
          if (isWellFormed(whole)) expect(found.every(isWellFormed)).toBe(true)
        }
      }),
    )
  })

  it.each(ENCODINGS)('has as many tokens of %s as its pieces, cut at any boundary', async (encoding) => {
    const count = await createCounter({ encoding })
    fc.assert(
      fc.property(text, (whole) => {
        const tokens = count(whole)
        for (let at = 1; at < whole.length; at++) {
          if (isBoundary(whole, at)) expect(count(whole.slice(0, at)) + count(whole.slice(at))).toBe(tokens)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('has places enough to be cut at in prose, code, data and languages without spaces', () => {
    for (const sample of ['the cat sat.', 'if (a) b()', '{"a":"b"}', '漢字、漢字。', 'q1w2e3r4', 'bash -c "x"']) {
      expect([...sample].some((_, at) => isBoundary(sample, at))).toBe(true)
    }
  })
})

describe('a place where every tokenizer begins a new token', () => {
  const isOne = (marked: string): boolean => isBoundary(marked.replace('|', ''), marked.indexOf('|'))

  it.each([
    ...['a| b', 'z|.', 'A|(', 'Z|\n', 'm|"', 'a|、', '1|a', '9|Z', '0|.', '5| ', '7|。', '漢|、', '一| ', '鿿|.'],
    ...['ぁ|。', 'ゖ|,', 'ァ|？', 'ヺ|！', '가|（', '힣|：', 'か|\u007f'],
  ])('is %j', (marked) => {
    expect(isOne(marked)).toBe(true)
  })

  it.each([
    ...["n|'t", "1|'", 'a|b', 'a|1', '1|2', ' |a', ' | ', '.|.', '(|a', '@|.', '[|.', '`|.', '{|.', '/|.', ':|.'],
    ...[
      '1|漢',
      '漢|a',
      '漢|字',
      '漢|1',
      'é|.',
      'я|.',
      '🙂|.',
      'a|é',
      'a|\u0080',
      'a|🙂',
      '。|。',
      '\u3040|.',
      '\u3097|.',
    ],
    ...['\u30a0|.', '\u30fb|.', '\u4dff|.', '\ua000|.', '\uabff|.', '\ud7a4|.'],
  ])('is not %j', (marked) => {
    expect(isOne(marked)).toBe(false)
  })

  it.each<[string, number, number, number]>([
    ['ab cd ef', 0, 8, 8],
    ['ab cd ef', 0, 7, 5],
    ['ab cd ef', 0, 5, 5],
    ['ab cd ef', 0, 4, 2],
    ['ab cd ef', 2, 4, 5],
    ['abcdefgh', 0, 5, 5],
    ['🙂🙂🙂', 0, 3, 2],
    ['🙂🙂🙂', 0, 1, 1],
  ])('is where %j from %i on is cut for pieces of %i: %i', (whole, from, most, end) => {
    expect(pieceEnd(whole, from, most)).toBe(end)
  })

  it.each<[string, number, number, number]>([
    ['ab cd ef', 8, 9, 8],
    ['ab cd ef', 7, 9, 5],
    ['abcdefgh', 8, 4, 4],
    ['ab cdefgh', 9, 4, 2],
    ['🙂🙂🙂🙂', 8, 3, 2],
    ['abcdefgh', 5, 9, 5],
  ])('is near where %j is cut for pieces of %i that hold no run of %i: %i', (whole, most, longest, end) => {
    expect(evenPieceEnd(whole, 0, most, longest)).toBe(end)
  })
})

describe('a standard counter', () => {
  it.each([
    ['spaces', ' '],
    ['letters', 'a'],
    ['ideographs', '漢字'],
  ])('ends with a run of 200,000 %s, whose whole would take minutes', async (_, unit) => {
    const count = await createCounter({ encoding: 'cl100k_base' })
    const run = unit.repeat(200_000 / unit.length)
    expect(count(run)).toBeGreaterThan(run.length / 128)
    expect(count(run)).toBeLessThanOrEqual(Buffer.byteLength(run))
  })

  it('takes special tokens for text', async () => {
    const count = await createCounter({ encoding: 'cl100k_base' })
    expect(count('<|endoftext|>')).toBeGreaterThan(1)
    expect(count('a <|im_start|> b <|fim_prefix|>')).toBeGreaterThan(5)
  })
})
