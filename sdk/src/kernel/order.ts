import { CcrError } from '../errors.ts'

/** Something with a place in a row. `names` are what others' `before` and `after` may call it. */
export interface Orderable {
  readonly names: readonly string[]
  /** Position of its stage; lower comes first. */
  readonly stage: number
  readonly before?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
}

/**
 * Stages first, then `before`/`after` edges, then the given order. Names that are absent are ignored.
 *
 * @throws CcrError `CCR_PLUGIN_CYCLE` naming the ring
 */
export function inOrder<T extends Orderable>(items: readonly T[]): T[] {
  const rows = items
    .map((item, given) => ({ item, given }))
    .sort((a, b) => a.item.stage - b.item.stage || a.given - b.given)
  const followers = rows.map(() => new Set<number>())
  const waiting = rows.map(() => 0)
  const link = (first: number, second: number): void => {
    if (first === second || rows[first]!.item.stage !== rows[second]!.item.stage || followers[first]!.has(second))
      return
    followers[first]!.add(second)
    waiting[second]!++
  }
  const named = (name: string): number[] => rows.flatMap((row, index) => (row.item.names.includes(name) ? [index] : []))
  rows.forEach(({ item }, index) => {
    for (const name of item.before ?? []) for (const other of named(name)) link(index, other)
    for (const name of item.after ?? []) for (const other of named(name)) link(other, index)
  })
  const sorted: T[] = []
  const done = new Set<number>()
  while (done.size < rows.length) {
    const next = rows.findIndex((_, index) => !done.has(index) && waiting[index] === 0)
    if (next < 0) throw cycle(rows.flatMap((row, index) => (done.has(index) ? [] : [row.item.names[0]!])))
    done.add(next)
    sorted.push(rows[next]!.item)
    for (const follower of followers[next]!) waiting[follower]!--
  }
  return sorted
}

function cycle(names: readonly string[]): CcrError {
  const ring = [...names, names[0]].join(' -> ')
  return new CcrError('CCR_PLUGIN_CYCLE', `before/after or required services form a cycle: ${ring}; remove one`)
}
