import { createRefusals, outputLimitOf, refusalOf } from '@ccr/sdk'
import type { Attempt, AttemptFailure, OutputLimit, Target } from '@ccr/sdk'

/** A part of the Chat Completions protocol that not every server or model accepts. */
export type Trait =
  | OutputLimit
  | 'file'
  | 'input_audio'
  | 'many_stops'
  | 'max_tokens'
  | 'mid_system'
  | 'missing_reasoning'
  | 'parallel_tool_calls'
  | 'reasoning_content'
  | 'reasoning_effort'
  | 'response_format'
  | 'stream_options'
  | 'temperature'
  | 'top_p'

/** What is known of each target: the traits it refused. */
export interface Adaptation {
  refusedBy(target: Target, attempt?: Attempt): ReadonlySet<Trait>
  /**
   * The trait that this failure shows the target to refuse, if that is news: the request is worth one more try.
   *
   * @param sentFiles the request held files, which few servers take and each refuses in its own words
   * @param attempt the one that failed
   */
  learn(target: Target, failure: AttemptFailure, sentFiles?: boolean, attempt?: Attempt): Trait | undefined
}

/** Statuses by which servers refuse a request for what stands in it. */
const STATUSES = [400, 422, 500]

const REFUSED = new RegExp(
  [
    'unsupported|not support|unrecogni[sz]ed|unknown|unexpected',
    'not (?:permitted|allowed|accepted)|extra (?:inputs|fields|forbidden)|additional propert',
  ].join('|'),
  'i',
)

/**
 * How servers word a refusal. Fields that the router adds of its own accord are left out on any complaint that names
 * them; what the client asked for only when it is said not to be supported.
 */
const WORDINGS: readonly { readonly trait: Trait; readonly names: RegExp; readonly anyComplaint?: boolean }[] = [
  { trait: 'max_tokens', names: /use '?max_completion_tokens/i, anyComplaint: true },
  {
    trait: 'mid_system',
    names: /system (?:message|role|prompt)s?\b.{0,40}\b(?:beginning|first|start)\b/i,
    anyComplaint: true,
  },
  // A loop that another model began has none.
  {
    trait: 'missing_reasoning',
    names: /\bmissing\b.{0,20}\breasoning_content\b|\breasoning[_ ]content\b.{0,60}\b(?:missing|must be passed back)/is,
    anyComplaint: true,
  },
  { trait: 'stream_options', names: /stream_options/, anyComplaint: true },
  { trait: 'parallel_tool_calls', names: /parallel_tool_calls/, anyComplaint: true },
  { trait: 'reasoning_effort', names: /reasoning_?effort|not support (?:thinking|reasoning)/i, anyComplaint: true },
  { trait: 'reasoning_content', names: /\breasoning(?:_content)?\b/ },
  { trait: 'response_format', names: /response_format/, anyComplaint: true },
  { trait: 'temperature', names: /\btemperature\b/ },
  { trait: 'top_p', names: /\btop_p\b/ },
  {
    trait: 'many_stops',
    names: /\bstop\b.{0,80}\b(?:too (?:long|many)|at most|maximum|up to)\b/is,
    anyComplaint: true,
  },
  // Behind these words stands what is accepted.
  { trait: 'input_audio', names: /^(?:(?!expected|supported values).)*\b(?:input_)?audio\b/is },
  // Asked last, and only where a file was sent: servers complain of the part, of its type, or of the whole content.
  {
    trait: 'file',
    names:
      /\bfiles?\b|\bfile_data\b|\bpdf\b|\bcontent\b.{0,60}\b(?:type|part|text|string)\b|unknown variant|image_url/is,
    anyComplaint: true,
  },
]

/** Learns from refused requests what a target does not accept, so that it costs one attempt and never a session. */
export function createAdaptation(): Adaptation {
  const refusals = createRefusals<Trait>()
  return {
    refusedBy: refusals.refusedBy,
    learn(target, failure, sentFiles = false, attempt) {
      const said = refusalOf(failure, STATUSES)
      if (said === undefined) return undefined
      const plain = REFUSED.test(said)
      return refusals.learn(
        target,
        (known) =>
          outputLimitOf(said, known) ??
          WORDINGS.find(
            ({ trait, names, anyComplaint }) =>
              (anyComplaint || plain) && names.test(said) && !known.has(trait) && (trait !== 'file' || sentFiles),
          )?.trait,
        attempt,
      )
    },
  }
}
