import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CountMemory, type Counted, type Known } from './memory.ts'

const exactly = (tokens: number): Known => ({ atLeast: tokens, atMost: tokens, estimate: tokens })
/** Of the values alone, since what a memory holds is compared and not the object that holds it. */
const copy = (counted: Counted): Counted =>
  typeof counted === 'string' ? `${counted} `.slice(0, -1) : (JSON.parse(JSON.stringify(counted)) as Counted)

describe('the memory', () => {
  // Long texts of few kinds, so that many have the same sample.
  const alike = fc
    .tuple(fc.nat({ max: 300 }), fc.constantFrom('a', 'b'))
    .map(([at, letter]) => `${'x'.repeat(at)}${letter}${'x'.repeat(300 - at)}`)
  const counted = fc.oneof(
    fc.string(),
    alike,
    fc.jsonValue().map((json) => ({ json })),
    alike.map((content) => ({ json: { file: 'a', content } })),
  )

  it('never takes a value for another one, whatever was kept', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(counted, fc.nat())), counted, (kept, asked) => {
        const memory = new CountMemory(1_000_000)
        const model = new Map<string, number>()
        for (const [value, tokens] of kept) {
          memory.set(value, 10, exactly(tokens))
          model.set(JSON.stringify(value), tokens)
        }
        for (const value of [asked, ...kept.map(([one]) => one)]) {
          const found = memory.get(copy(value))
          if (found) expect(found).toEqual(exactly(model.get(JSON.stringify(value))!))
        }
      }),
    )
  })

  it('knows what it was told, and what it was told last', () => {
    fc.assert(
      fc.property(counted, fc.nat(), fc.nat(), (value, first, second) => {
        const memory = new CountMemory(1_000_000)
        expect(memory.get(value)).toBeUndefined()
        memory.set(value, 10, exactly(first))
        expect(memory.get(copy(value))).toEqual(exactly(first))
        memory.set(copy(value), 10, exactly(second))
        expect(memory.get(value)).toEqual(exactly(second))
      }),
    )
  })

  it('keeps values apart that differ in one place', () => {
    const memory = new CountMemory(1_000_000)
    const texts = Array.from({ length: 8 }, (_, at) => `${'x'.repeat(500 + at)}y${'x'.repeat(500 - at)}`)
    texts.forEach((text, index) => memory.set(text, text.length, exactly(index)))
    expect(texts.map((text) => memory.get(text)?.estimate)).toEqual(texts.map((_, index) => index))
  })

  it.each(['', 'a', 'some words'])('keeps the text %j apart from the JSON value, which has quotes', (text) => {
    const memory = new CountMemory(10_000)
    memory.set({ json: text }, 2, exactly(3))
    expect(memory.get(text)).toBeUndefined()
    memory.set(text, 1, exactly(1))
    expect([memory.get(text), memory.get({ json: text })]).toEqual([exactly(1), exactly(3)])
  })

  it('forgets what was not asked for, and never what was', () => {
    const memory = new CountMemory(20_000)
    memory.set('always asked for', 16, exactly(1))
    for (let index = 0; index < 1000; index++) {
      memory.set(`text ${index}`, 900, exactly(index))
      expect(memory.get('always asked for')).toEqual(exactly(1))
    }
    const remembered = Array.from({ length: 1000 }, (_, index) => memory.get(`text ${index}`)).filter(Boolean)
    expect(remembered.length).toBeGreaterThan(0)
    expect(remembered.length).toBeLessThan(20)
  })

  it('does not keep a value that would push out all others', () => {
    const memory = new CountMemory(1000)
    memory.set('small', 5, exactly(1))
    memory.set('large', 600, exactly(2))
    expect(memory.get('large')).toBeUndefined()
    expect(memory.get('small')).toEqual(exactly(1))
  })
})
