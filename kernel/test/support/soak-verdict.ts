import type { SoakOptions, SoakResult } from './soak.ts'

/** One thing that must hold, and what was seen. */
export interface Verdict {
  readonly what: string
  readonly bound: string
  readonly seen: string
  readonly holds: boolean
}

const MIB = 2 ** 20
const MEMORY_BYTES = 20 * MIB
/** Marker and companion. */
const ENTRIES = 2
/** Of each of the two: the code that runs, the code before it, and one that was refused. */
const MODULES = 3 * ENTRIES
/** A handle that leaks at a change shows hundreds of times. */
const RESOURCES = 5

/** Judges a soak. */
export function judgeSoak({ swaps }: SoakOptions, result: SoakResult): readonly Verdict[] {
  const { flaws, measures } = result
  const [first, last] = [measures[0], measures.at(-1)]
  if (!first || !last) return [{ what: 'measured', bound: 'twice', seen: 'never', holds: false }]
  const broken = Math.floor(swaps / 9)
  const grown = growth(first.resources, last.resources)
  const zero = (what: string, count: number): Verdict => ({ what, bound: '0', seen: `${count}`, holds: count === 0 })
  const exactly = (what: string, bound: number, seen: number): Verdict => ({
    what,
    bound: `${bound}`,
    seen: `${seen}`,
    holds: seen === bound,
  })
  const below = (what: string, bound: number, seen: number, show: (value: number) => string = String): Verdict => ({
    what,
    bound: `< ${show(bound)}`,
    seen: show(seen),
    holds: seen < bound,
  })
  return [
    exactly('changes taken', swaps - broken, result.taken),
    exactly('broken changes refused with their fault', broken, result.refused),
    zero('changes that ended otherwise', result.surprises.length),
    exactly('exchanges, by the state that all versions share', result.exchanges, last.requests),
    exactly('exchanges, by the upstream', result.exchanges, result.sent),
    zero('failed exchanges', flaws.failed),
    zero('cut streams', flaws.cut),
    zero('exchanges that saw two generations, or one that never was', flaws.mixed),
    zero('exchanges that began after a change and did not see it', result.stale),
    zero('calls into a disposed instance', last.callsAfterDisposal),
    exactly('instances alive when all drained', ENTRIES, last.activated - last.disposed),
    exactly('instances that do their live work then', ENTRIES, last.working),
    zero('instances alive when the router had ended', result.aliveAtEnd),
    zero('exit code', result.exitCode ?? NaN),
    below('versions of the code in memory', MODULES + 1, last.modules),
    below('growth of heapUsed + external', MEMORY_BYTES, last.memoryBytes - first.memoryBytes, inMib),
    below('growth of active handles, of the type that grew most', RESOURCES + 1, grown),
    zero('more listeners', last.listeners - first.listeners),
    zero('errors in the log, but for refused changes', result.errors.length),
  ]
}

/** How much the type grew that grew most; requests of the file system come and go. */
function growth(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): number {
  const types = Object.keys(after).filter((type) => !type.startsWith('FSReq'))
  return Math.max(0, ...types.map((type) => after[type]! - (before[type] ?? 0)))
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

/** The verdicts as a Markdown table. */
export function renderVerdicts(verdicts: readonly Verdict[]): string {
  return [
    '| What | Bound | Seen | Holds |',
    '|---|---:|---:|---|',
    ...verdicts.map(({ what, bound, seen, holds }) => `| ${what} | ${bound} | ${seen} | ${holds ? 'yes' : '**no**'} |`),
  ].join('\n')
}
