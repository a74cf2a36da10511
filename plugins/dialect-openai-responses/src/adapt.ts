import { createRefusals, outputLimitOf, refusalOf } from '@ccr/sdk'
import type { Attempt, AttemptFailure, OutputLimit, Target } from '@ccr/sdk'

/** A part of the protocol that not every server or model accepts. */
export type Trait =
  | OutputLimit
  | 'effort_range'
  | 'encrypted_reasoning'
  | 'files'
  | 'max_output_tokens'
  | 'mid_system'
  | 'parallel_tool_calls'
  | 'prompt_cache_key'
  | 'reasoning'
  | 'reasoning_summary'
  | 'short_limit'
  | 'temperature'
  | 'text_format'
  | 'tool_images'
  | 'top_p'
  | 'web_search'

/** What is known of each target: the traits it refused. */
export interface Adaptation {
  refusedBy(target: Target, attempt?: Attempt): ReadonlySet<Trait>
  /**
   * The trait, or the replayed reasoning, that this failure shows the target to refuse, if that is news: the request is
   * worth one more try. `sent` are the keys of the reasoning items of the attempt.
   */
  learn(
    target: Target,
    failure: AttemptFailure,
    sent: readonly string[],
    attempt?: Attempt,
  ): Trait | 'replayed_reasoning' | undefined
  /** Some server could not read this reasoning item, so it is not sent again. */
  isUnreadable(key: string): boolean
}

/** Most items remembered; beyond it the oldest is forgotten and would be learned again. */
const MAX_ITEMS = 10_000

/** Statuses by which servers refuse a request for what stands in it. */
const STATUSES = [400, 422, 500]

const REFUSED = new RegExp(
  [
    'unsupported|not support|unrecogni[sz]ed|unknown|unexpected|must be',
    'not (?:permitted|allowed|accepted)|extra (?:inputs|fields|forbidden)|additional propert',
  ].join('|'),
  'i',
)

/**
 * How servers word a refusal. Fields that the router adds of its own accord are left out on any complaint that names
 * them; what the client asked for only when it is said not to be supported.
 */
const WORDINGS: readonly { readonly trait: Trait; readonly names: RegExp; readonly anyComplaint?: boolean }[] = [
  { trait: 'encrypted_reasoning', names: /encrypted content is not supported|\binclude\b/i, anyComplaint: true },
  { trait: 'reasoning_summary', names: /reasoning[._ ]summar|generate reasoning summaries/i, anyComplaint: true },
  { trait: 'effort_range', names: /value:? '(?:none|minimal|xhigh|max)'/i, anyComplaint: true },
  { trait: 'short_limit', names: /max_output_tokens.{0,80}(?:minimum|at least|>=)/i, anyComplaint: true },
  { trait: 'max_output_tokens', names: /max_output_tokens/ },
  { trait: 'reasoning', names: /\breasoning(?:\.effort|_effort)?\b/i },
  { trait: 'prompt_cache_key', names: /prompt_cache_key/, anyComplaint: true },
  { trait: 'parallel_tool_calls', names: /parallel_tool_calls/, anyComplaint: true },
  { trait: 'text_format', names: /text\.format|json_schema/ },
  { trait: 'temperature', names: /\btemperature\b/ },
  { trait: 'top_p', names: /\btop_p\b/ },
  { trait: 'tool_images', names: /output of tool call|function_call_output|input\[\d+\]\.output/i },
  { trait: 'files', names: /input_file/ },
  { trait: 'web_search', names: /web_search|'type' of tool must be|tools\[\d+\]\.type/ },
  {
    trait: 'mid_system',
    names: /system (?:message|role|prompt)s?\b.{0,40}\b(?:beginning|first|start)\b/i,
    anyComplaint: true,
  },
]

/** Reasoning that its maker cannot read: another key, another organisation, or altered on its way. */
const UNREADABLE = /encrypted[_ ]content.{0,200}(?:verif|decrypt|parse|invalid)|invalid_encrypted_content/i

/** Learns from refused requests what a target does not accept, so that it costs one attempt and never a session. */
export function createAdaptation(): Adaptation {
  const refusals = createRefusals<Trait>()
  const unreadable = new Set<string>()
  return {
    refusedBy: refusals.refusedBy,
    isUnreadable: (item) => unreadable.has(item),
    learn(target, failure, sent, attempt) {
      const said = refusalOf(failure, STATUSES)
      if (said === undefined) return undefined
      if (UNREADABLE.test(said)) {
        const fresh = sent.filter((id) => !unreadable.has(id))
        for (const id of fresh) remember(unreadable, id)
        return fresh.length > 0 ? 'replayed_reasoning' : undefined
      }
      const plain = REFUSED.test(said)
      return refusals.learn(
        target,
        (known) =>
          outputLimitOf(said, known) ??
          WORDINGS.find(
            ({ trait, names, anyComplaint }) => (anyComplaint || plain) && names.test(said) && !known.has(trait),
          )?.trait,
        attempt,
      )
    },
  }
}

function remember(set: Set<string>, id: string): void {
  set.add(id)
  if (set.size > MAX_ITEMS) set.delete(set.values().next().value!)
}
