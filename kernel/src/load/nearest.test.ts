import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, nearestName, suggestion } from './nearest.ts'

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['a', '', 1],
    ['', 'abc', 3],
    ['route', 'roote', 1],
    ['route', 'ruote', 1],
    ['kitten', 'sitting', 3],
  ])('from %j to %j is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance)
  })

  it('is symmetric, and zero only for equal texts, for any two', () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') })
    fc.assert(
      fc.property(word, word, (from, to) => {
        expect(editDistance(from, to)).toBe(editDistance(to, from))
        expect(editDistance(from, to) === 0).toBe(from === to)
        expect(editDistance(from, to)).toBeLessThanOrEqual(Math.max(from.length, to.length))
      }),
    )
  })
})

describe('nearestName', () => {
  const names = ['Providers', 'Router', 'PORT', 'HOST', 'LOG', 'timeouts']
  it.each([
    ['Provider', 'Providers'],
    ['router', 'Router'],
    ['Rotuer', 'Router'],
    ['timeout', 'timeouts'],
    ['POTR', 'PORT'],
    ['StatusLine', undefined],
    ['x', undefined],
  ])('of %j is %j', (name, nearest) => {
    expect(nearestName(name, names)).toBe(nearest)
  })

  it('is suggested in a sentence, or not at all', () => {
    expect(suggestion('Roter', names)).toBe(' Did you mean Router?')
    expect(suggestion('nothing', names)).toBe('')
  })
})
