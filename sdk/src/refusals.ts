import type { Attempt, Target } from './exchange.ts'
import type { AttemptFailure } from './failure.ts'
import { isOverflow } from './overflow.ts'

/** Most targets remembered; beyond it the one that taught longest ago is forgotten, and would be learned again. */
const MAX_TARGETS = 1000

const NONE: ReadonlySet<never> = new Set()

/** What is known of each target: the traits of a protocol, such as `temperature`, that it refused. */
export interface Refusals<Trait extends string> {
  /**
   * All that this target is known to refuse; empty for one of which nothing is known.
   *
   * @param attempt what is sent without it, to be told apart from what was on its way before the last trait was learned
   */
  refusedBy(target: Target, attempt?: Attempt): ReadonlySet<Trait>
  /**
   * Remembers the trait that `find` gives, for this target alone, and gives it back; nothing when `find` does.
   *
   * @param find the trait that a failure shows to be refused; given those already known, none of which is news
   * @param attempt the one that failed: of a trait that it was sent with it is news, whoever taught it meanwhile
   */
  learn(target: Target, find: (known: ReadonlySet<Trait>) => Trait | undefined, attempt?: Attempt): Trait | undefined
}

/** A memory of what targets refuse, so that it costs one attempt and never a session; it holds 1,000 targets. */
export function createRefusals<Trait extends string>(): Refusals<Trait> {
  const targets = new Map<string, ReadonlySet<Trait>>()
  const sentWithout = new WeakMap<Attempt, ReadonlySet<Trait>>()
  const keyOf = ({ provider, model }: Target): string => `${provider}\n${model}`
  return {
    refusedBy(target, attempt) {
      const known = targets.size === 0 ? NONE : (targets.get(keyOf(target)) ?? NONE)
      if (attempt) sentWithout.set(attempt, known)
      return known
    },
    learn(target, find, attempt) {
      const key = keyOf(target)
      const known = targets.get(key) ?? NONE
      const found = find((attempt && sentWithout.get(attempt)) ?? known)
      if (found === undefined) return undefined
      targets.delete(key)
      targets.set(key, new Set([...known, found]))
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
