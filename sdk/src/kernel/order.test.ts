import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inOrder, type Orderable } from './order.ts'

const row = (name: string, more: Partial<Orderable> = {}): Orderable & { names: string[] } => ({
  stage: 0,
  ...more,
  names: [name],
})
const names = (rows: readonly Orderable[]): string[] => rows.map((one) => one.names[0]!)

describe('inOrder', () => {
  it('puts stages first, then before/after, then the given order', () => {
    const sorted = inOrder([
      row('late', { stage: 1 }),
      row('a', { after: ['b'] }),
      row('b'),
      row('z', { before: ['b', 'absent'] }),
      row('c'),
    ])
    expect(names(sorted)).toEqual(['z', 'b', 'a', 'c', 'late'])
  })

  it('names the ring of a cycle', () => {
    const rows = [row('a', { before: ['b'] }), row('b', { before: ['c'] }), row('c', { before: ['a'] })]
    expect(() => inOrder(rows)).toThrow(/a -> b -> c -> a/)
  })

  it('keeps the given order of any rows without edges', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2), { maxLength: 20 }), (stages) => {
        const rows = stages.map((stage, index) => row(String(index), { stage }))
        const expected = [0, 1, 2].flatMap((stage) => rows.filter((one) => one.stage === stage))
        expect(inOrder(rows)).toEqual(expected)
      }),
    )
  })

  it('honours every edge of any acyclic placement', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { minLength: 10, maxLength: 10 }),
        fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
        (edges, keys) => {
          // An edge only ever points to a higher name, so that there is no ring; the rows come in any order.
          const rows = edges.map((after, index) =>
            row(String(index), { after: after.filter((other) => other < index).map(String) }),
          )
          const shuffled = rows
            .map((one, index) => ({ one, key: keys[index]! }))
            .sort((a, b) => a.key - b.key)
            .map(({ one }) => one)
          const sorted = names(inOrder(shuffled))
          for (const { names: own, after = [] } of rows)
            for (const other of after) expect(sorted.indexOf(other)).toBeLessThan(sorted.indexOf(own[0]!))
        },
      ),
    )
  })
})
