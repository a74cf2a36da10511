import { describe, expect, it } from 'vitest'
import { spelledAs } from './spelled-as.ts'

describe('the known name that is meant', () => {
  it.each([
    ['Fast', ['fast'], 'fast'],
    ['fast', ['Fast', 'fast'], 'fast'],
    ['FAST', ['Fast', 'fast'], 'Fast'],
    ['faster', ['fast'], undefined],
  ])('by %j among %j is %j', (written, known, meant) => {
    expect(spelledAs(written, known)).toBe(meant)
  })
})
