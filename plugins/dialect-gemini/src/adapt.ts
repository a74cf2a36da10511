import { isOverflow, type AttemptFailure, type Target } from '@ccr/sdk'

/** A part of the protocol that not every server or model accepts. */
export type Trait = 'call_ids' | 'media_in_results' | 'response_schema' | 'thinking_amount' | 'thinking'

/** What is known of each target: the traits it refused. */
export interface Adaptation {
  refusedBy(target: Target): ReadonlySet<Trait>
  /** The trait that this failure shows the target to refuse, if that is news: the request is worth one more try. */
  learn(target: Target, failure: AttemptFailure): Trait | undefined
}

/** Most targets remembered; beyond it the oldest is forgotten and would learn again. */
const MAX_TARGETS = 1000

const NONE: ReadonlySet<Trait> = new Set()

/** How servers word a refusal; the first that is news counts. */
const WORDINGS: readonly (readonly [Trait, RegExp])[] = [
  ['call_ids', /unknown name \\?"id\\?" at '[^']*function_?(?:call|response)/i],
  ['media_in_results', /unknown name \\?"parts\\?" at '[^']*function_?response|multimodal function response/i],
  [
    'response_schema',
    /function calling with a response mime type|response_?(?:mime_?type|schema)\b.*(?:not |un)support/i,
  ],
  // A model that cannot be told how much to think may still think.
  ['thinking_amount', /thinking.?(?:budget|level)|budget \d+ is invalid|only works in thinking mode/i],
  [
    'thinking',
    /unknown name \\?"thinking|thinking.?config|thinking is not (?:supported|enabled)|not support thinking/i,
  ],
]

/** Learns from refused requests what a target does not accept, so that it costs one attempt and never a session. */
export function createAdaptation(): Adaptation {
  const known = new Map<string, Set<Trait>>()
  const keyOf = ({ provider, model }: Target): string => `${provider}\n${model}`
  return {
    refusedBy: (target) => (known.size === 0 ? NONE : (known.get(keyOf(target)) ?? NONE)),
    learn(target, failure) {
      if (failure.kind !== 'status' || failure.status !== 400 || isOverflow(failure.message)) return undefined
      const refused = known.get(keyOf(target)) ?? new Set<Trait>()
      const found = WORDINGS.find(([trait, wording]) => wording.test(failure.message) && !refused.has(trait))
      if (!found) return undefined
      refused.add(found[0])
      known.delete(keyOf(target))
      known.set(keyOf(target), refused)
      if (known.size > MAX_TARGETS) known.delete(known.keys().next().value!)
      return found[0]
    },
  }
}
