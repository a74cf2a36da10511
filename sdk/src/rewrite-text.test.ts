import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from './canonical.ts'
import { rewriteText, type TextReplacement } from './rewrite-text.ts'
import type { StreamTransform } from './stream.ts'

/** What a transform emits for the deltas of one block, and the text that had left it after each of them. */
function run(transform: StreamTransform, deltas: readonly string[]): { text: string; after: string[] } {
  const state = { text: '', after: [] as string[] }
  const emit = (event: CanonicalEvent): void => {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') state.text += event.delta.text
  }
  void transform.chunk({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, emit)
  for (const text of deltas) {
    void transform.chunk({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }, emit)
    state.after.push(state.text)
  }
  void transform.chunk({ type: 'content_block_stop', index: 0 }, emit)
  return state
}

/** The text cut at these places. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const edges = [0, ...cuts.map((one) => one % (text.length + 1)).sort((a, b) => a - b), text.length]
  return edges.slice(1).map((end, index) => text.slice(edges[index], end))
}

/** What the whole text would become; empty matches are passed over. */
function whole(text: string, pattern: RegExp, mark: (match: string) => string): string {
  return text.replace(new RegExp(pattern, 'g' + pattern.flags), (match) => (match === '' ? '' : mark(match)))
}

const PATTERNS: readonly RegExp[] = [
  /abc/,
  /ab|abcd|a/,
  /abcd|ab/,
  /a+b?/,
  /a*?b/,
  /(?:ab)+c/,
  /a{2,3}/,
  /a{2,}?b/,
  /a{0}b/,
  /[ab]c[^a]/,
  /[\]a]b/,
  /\bab\b/,
  /a\B/,
  /^ab/,
  /b$/,
  /^b/m,
  /b$/m,
  /a(?=bc)/,
  /a(?!b)/,
  /(?!abc)ab?/,
  /(?:a(?=b)|b)c?/,
  /(a)(b)?c/,
  /(?<first>a)b/,
  /AB/i,
  /a.c/s,
  /a\nb/,
  /\u{1F642}a|\p{Lu}/u,
  /./u,
  /../u,
  /\x61\u0062/,
  /a*/,
  /a(?:b(?:c(?:a|b)?)*)?c/,
  /<b>[^]*?<\/b>/,
]

describe('rewriteText', () => {
  it.each(PATTERNS)('gives what the whole text would become, however it is cut: %s', (pattern) => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '\n', 'A', '🙂', '<b>', '</b>', '\ud83d') })
    fc.assert(
      fc.property(letters, fc.array(fc.nat()), (text, cuts) => {
        const mark = (match: string): string => `[${match.length}]`
        const { text: out } = run(rewriteText(pattern, mark), pieces(text, cuts))
        expect(out).toBe(whole(text, pattern, mark))
      }),
    )
  })

  it('holds back of a text only what may still become it', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c') })
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 }),
        letters,
        (word, text) => {
          const { after } = run(
            rewriteText(word, (match) => match),
            [...text],
          )
          after.forEach((left, index) => {
            const held = text.slice(left.length, index + 1)
            expect(held === '' || (word !== held && word.startsWith(held))).toBe(true)
          })
        },
      ),
    )
  })

  it('does not hold back a match that nothing can make longer', () => {
    expect(run(rewriteText('key', '[key]'), ['a key', ' b']).after).toEqual(['a [key]', 'a [key] b'])
    expect(run(rewriteText(/\d+/, '#'), ['a 1', '2 b']).after).toEqual(['a ', 'a # b'])
  })

  it('gives a function the match and its groups, and takes a text as it is', () => {
    const swap: TextReplacement = (_, first, second) => `${second}${first}`
    expect(run(rewriteText(/(a)(b)/, swap), ['a', 'b']).text).toBe('ba')
    expect(run(rewriteText('a.b', '$&'), ['a.', 'b axb']).text).toBe('$& axb')
  })

  it('keeps blocks apart, and every other event in its place', () => {
    const seen: CanonicalEvent[] = []
    const transform = rewriteText('ab', 'X')
    const delta = (index: number, text: string): CanonicalEvent => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'text_delta', text },
    })
    const events: CanonicalEvent[] = [
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'a' } },
      { type: 'ping' },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      delta(1, 'ba'),
    ]
    for (const event of events) void transform.chunk(event, (one) => void seen.push(one))
    void transform.flush?.((one) => void seen.push(one))
    expect(seen).toEqual([
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'ping' },
      delta(0, 'a'),
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      delta(1, 'b'),
      delta(1, 'a'),
    ])
  })

  it.each([
    ['a lookbehind', /(?<=a)b/],
    ['a lookbehind', /(?<!a)b/],
    ['a back reference', /(a)\1/],
    ['a back reference', /(?<x>a)\k<x>/],
    ["the flag 'v'", new RegExp('a', 'v')],
  ])('refuses %s', (what, pattern) => {
    expect(() => rewriteText(pattern, '')).toThrow(expect.objectContaining({ code: 'CCR_PLUGIN_OPTIONS' }))
    expect(() => rewriteText(pattern, '')).toThrow(what)
  })

  it('does not hold back without bound', () => {
    const transform = rewriteText(/<[^>]*>/, '', { maxHeld: 10 })
    expect(() => run(transform, ['<1234', '56789', '0'])).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })
})
