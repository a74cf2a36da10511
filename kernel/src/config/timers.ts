import { createSettings, type Timeouts } from '@ccr/sdk/kernel'
import type { Fault } from './fault.ts'
import { isPlainObject } from './plain-data.ts'

/** Clients give up on a silent stream after this time. */
const CLIENT_IDLE_MS = 300_000

/** Pairs of which the first must not exceed the second, because it could never fire. */
const ORDERED: readonly (readonly [keyof Timeouts, keyof Timeouts])[] = [
  ['connect', 'total'],
  ['connect', 'totalStream'],
  ['firstEvent', 'total'],
  ['firstEvent', 'totalStream'],
  ['idle', 'totalStream'],
  ['progress', 'totalStream'],
  ['clientHeaders', 'clientBody'],
]

/** The first timer that contradicts another one. `config` must fit its schema. */
export function timerFault(config: Readonly<Record<string, unknown>>): Fault | undefined {
  const given = givenTimeouts(config)
  const timeouts = createSettings({ timeouts: given }).timeouts
  for (const [first, second] of ORDERED) {
    if (timeouts[first] <= timeouts[second]) continue
    const pointer = `/timeouts/${first in given ? first : second}`
    const fact = `is out of order: ${first} (${timeouts[first]} ms) must not exceed ${second} (${timeouts[second]} ms)`
    return { pointer, fact }
  }
  return undefined
}

/** What is allowed but rarely meant. */
export function timerWarnings(config: Readonly<Record<string, unknown>>): readonly Fault[] {
  const given = givenTimeouts(config)
  const { idle, progress } = createSettings({ timeouts: given }).timeouts
  const warnings: Fault[] = []
  if (idle >= CLIENT_IDLE_MS) {
    const fact = `is ${idle} ms, but clients give up after ${CLIENT_IDLE_MS} ms of silence`
    warnings.push({ pointer: '/timeouts/idle', fact })
  }
  if (idle > progress) {
    const pointer = 'idle' in given ? '/timeouts/idle' : '/timeouts/progress'
    const fact = `has no effect: progress (${progress} ms) ends a stream before idle (${idle} ms) does`
    warnings.push({ pointer, fact })
  }
  return warnings
}

function givenTimeouts(config: Readonly<Record<string, unknown>>): Partial<Timeouts> {
  const given = config['timeouts']
  return isPlainObject(given) ? (given as Partial<Timeouts>) : {}
}
