import { createRefusals, outputLimitOf, refusalOf } from '@ccr/sdk'
import type { Attempt, AttemptFailure, OutputLimit, Target } from '@ccr/sdk'

/** A part of the protocol that not every server or model accepts. */
export type Trait = OutputLimit | 'call_ids' | 'media_in_results' | 'response_schema' | 'thinking_amount' | 'thinking'

/** What is known of each target: the traits it refused. */
export interface Adaptation {
  refusedBy(target: Target, attempt?: Attempt): ReadonlySet<Trait>
  /** The trait that this failure shows the target to refuse, if that is news: the request is worth one more try. */
  learn(target: Target, failure: AttemptFailure, attempt?: Attempt): Trait | undefined
}

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
  const refusals = createRefusals<Trait>()
  return {
    refusedBy: refusals.refusedBy,
    learn(target, failure, attempt) {
      const said = refusalOf(failure, [400])
      if (said === undefined) return undefined
      return refusals.learn(
        target,
        (known) =>
          outputLimitOf(said, known) ??
          WORDINGS.find(([trait, wording]) => wording.test(said) && !known.has(trait))?.[0],
        attempt,
      )
    },
  }
}
