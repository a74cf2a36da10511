import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matcherOf } from './wildcard.ts'

describe('a matcher', () => {
  it('takes any text for a star, and the whole text for a pattern', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (text, other) => {
        const fits = (pattern: string, of: string): boolean => matcherOf([pattern])(of)
        expect(fits(text, text)).toBe(true)
        expect(fits(text, text.toUpperCase())).toBe(true)
        expect(fits('*', other)).toBe(true)
        expect(fits(`${text}*`, text + other)).toBe(true)
        expect(fits(`*${text}`, other + text)).toBe(true)
      }),
    )
  })

  it('does as a regular expression would, without taking its time', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(pattern, letters, (model, text) => {
        expect(matcherOf([model])(text)).toBe(new RegExp(`^${model.replaceAll('*', '.*')}$`).test(text))
      }),
    )
    // Clients choose this text: trying every place for every star would take longer than anybody lives.
    expect(matcherOf(['*a*a*a*a*b'])('a'.repeat(1_000_000))).toBe(false)
  })

  it('needs one of several patterns, and fits nothing without any', () => {
    expect(matcherOf(['x', 'GLM-*'])('glm-4.6')).toBe(true)
    expect(matcherOf(['x', 'y*'])('glm-4.6')).toBe(false)
    expect(matcherOf([])('')).toBe(false)
  })
})
