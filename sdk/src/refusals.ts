import type { Target } from './exchange.ts'
import type { AttemptFailure } from './failure.ts'
import { isOverflow } from './overflow.ts'

/** Most targets remembered; beyond it the one that taught longest ago is forgotten, and would be learned again. */
const MAX_TARGETS = 1000

const NONE: ReadonlySet<never> = new Set()

/** What is known of each target: the traits of a protocol, such as `temperature`, that it refused. */
export interface Refusals<Trait extends string> {
  /** All that this target is known to refuse; empty for one of which nothing is known. */
  refusedBy(target: Target): ReadonlySet<Trait>
  /**
   * Remembers the trait that `find` gives, for this target alone, and gives it back; nothing when `find` does.
   *
   * @param find the trait that a failure shows to be refused; given those already known, none of which is news
   */
  learn(target: Target, find: (known: ReadonlySet<Trait>) => Trait | undefined): Trait | undefined
}

/** A memory of what targets refuse, so that it costs one attempt and never a session; it holds 1,000 targets. */
export function createRefusals<Trait extends string>(): Refusals<Trait> {
  const targets = new Map<string, Set<Trait>>()
  const keyOf = ({ provider, model }: Target): string => `${provider}\n${model}`
  return {
    refusedBy: (target) => (targets.size === 0 ? NONE : (targets.get(keyOf(target)) ?? NONE)),
    learn(target, find) {
      const key = keyOf(target)
      const known = targets.get(key) ?? new Set<Trait>()
      const found = find(known)
      if (found === undefined) return undefined
      known.add(found)
      targets.delete(key)
      targets.set(key, known)
      if (targets.size > MAX_TARGETS) targets.delete(targets.keys().next().value!)
      return found
    },
  }
}

/**
 * What an upstream said when it refused a request for what stands in it, which another request may leave out; nothing
 * for a prompt that does not fit, and for any other failure.
 *
 * @param statuses the HTTP statuses by which servers of the protocol refuse, such as 400
 */
export function refusalOf(failure: AttemptFailure, statuses: readonly number[]): string | undefined {
  const { kind, status, message } = failure
  if (kind !== 'status' || status === undefined || !statuses.includes(status)) return undefined
  return isOverflow(message) ? undefined : message
}
