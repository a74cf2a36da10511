import { budgetOfEffort, createRefusals, effortOfBudget, fitOutput, outputLimitOf, refusalOf } from '@ccr/sdk'
import type { Attempt, AttemptFailure, CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import type { OutputLimit, TextBlock, Thinking } from '@ccr/sdk'
import { fitBudget, fitSamplingToThinking, MAX_TOKENS, meetDemands } from './demands.ts'

/**
 * What not every model of this protocol takes: thinking as it likes or by a budget, an effort or the higher levels of
 * it, sampling at all, beside thinking or by two settings at once, system messages inside the history, answers of any
 * length.
 */
export type Trait =
  | OutputLimit
  | 'adaptive'
  | 'budget'
  | 'effort'
  | 'high_effort'
  | 'mid_system'
  | 'sampling'
  | 'thinking_sampling'
  | 'two_samplings'

/** What is known of each target: the traits it refused. */
export interface ModelTraits {
  /** The request without what this target refuses; the very request when there is nothing of it. */
  fit(request: CanonicalRequest, attempt: Attempt): CanonicalRequest
  /**
   * The trait that this failure shows the target to refuse, if that is news and the request would change without it: it
   * is worth one more try. The same words are the answer to a request that no model takes.
   */
  learn(attempt: Attempt, failure: AttemptFailure, request: CanonicalRequest): Trait | undefined
}

/** Source: the refusals of the Messages API, and https://docs.anthropic.com/en/docs/build-with-claude/effort */
const WORDINGS: readonly (readonly [Trait, RegExp])[] = [
  ['adaptive', /adaptive thinking is not supported|'adaptive' found using 'type' does not match/i],
  ['budget', /thinking\.type\.enabled\W{0,3} is not supported/i],
  ['effort', /not support the effort parameter/i],
  ['high_effort', /not support effort level|output_config\.effort: input should be/i],
  ['mid_system', /unexpected role \W{0,2}system|\brole: input should be 'user' or 'assistant'/i],
  ['thinking_sampling', /\b(?:temperature|top_[pk])\b.{1,80}\bwhen thinking is enabled/i],
  ['two_samplings', /\btemperature\b.{1,9}\btop_p\b.{1,9}cannot both/i],
  ['sampling', /\b(?:temperature|top_[pk])\b\W{0,3} is deprecated/i],
]

/** Learns from refused requests what a model does not take, so that it costs one attempt and never a session. */
export function createModelTraits(): ModelTraits {
  const refusals = createRefusals<Trait>()
  return {
    fit(request, attempt) {
      const refused = refusals.refusedBy(attempt.target, attempt)
      return refused.size === 0 ? request : fitAll(request, refused)
    },
    learn(attempt, failure, request) {
      const said = refusalOf(failure, [400, 422])
      if (said === undefined) return undefined
      const find = (known: ReadonlySet<Trait>): Trait | undefined => {
        const isNews = (trait: Trait): boolean =>
          !known.has(trait) && fitAll(request, new Set([...known, trait])) !== fitAll(request, known)
        const limit = outputLimitOf(said, known)
        if (limit && isNews(limit)) return limit
        return WORDINGS.find(([trait, words]) => words.test(said) && isNews(trait))?.[0]
      }
      return refusals.learn(attempt.target, find, attempt)
    },
  }
}

function fitAll(request: CanonicalRequest, refused: ReadonlySet<Trait>): CanonicalRequest {
  const thinking = refused.has('adaptive') ? withBudget(request) : refused.has('budget') ? withEffort(request) : request
  const fit = fitSampling(fitEffort(fitLength(thinking, refused), refused), refused)
  return refused.has('mid_system') ? withReminders(fit) : fit
}

function fitLength(request: CanonicalRequest, refused: ReadonlySet<Trait>): CanonicalRequest {
  // Without one, what this protocol demands is put in: that may be too much as well.
  const asked = request.max_tokens ?? fitBudget(request).max_tokens ?? MAX_TOKENS
  const max_tokens = fitOutput(asked, refused)
  return max_tokens === asked ? request : fitBudget({ ...request, max_tokens })
}

function withReminders(request: CanonicalRequest): CanonicalRequest {
  const messages = request.messages.map(toReminder)
  return messages.every((message, at) => message === request.messages[at]) ? request : { ...request, messages }
}

/** A system message as clients say it to models that know none; what is malformed is left for the server to refuse. */
function toReminder(message: Message | null): Message {
  const { role, content } = message ?? {}
  if (role !== 'system') return message as Message
  if (typeof content === 'string') return { role: 'user', content: reminderOf(content) }
  if (!Array.isArray(content)) return message as Message
  const blocks = (content as readonly ContentBlock[]).map((block: ContentBlock | null) => {
    return block?.type === 'text' ? { ...block, text: reminderOf(String((block as TextBlock).text)) } : block
  })
  return { role: 'user', content: blocks as readonly ContentBlock[] }
}

function reminderOf(text: string): string {
  return `<system-reminder>\n${text}\n</system-reminder>`
}

/** The budget that stands for no effort at all. */
const USUAL_BUDGET = 8192

function withBudget(request: CanonicalRequest): CanonicalRequest {
  const { thinking, output_config } = request
  if (thinking?.type !== 'adaptive') return request
  const budget_tokens = budgetOfEffort(output_config?.effort) ?? USUAL_BUDGET
  const enabled = { ...thinking, type: 'enabled', budget_tokens } as const
  return meetDemands(withoutEffort({ ...request, thinking: enabled }))
}

function withEffort(request: CanonicalRequest): CanonicalRequest {
  const { thinking, output_config } = request
  if (thinking?.type !== 'enabled') return request
  const { budget_tokens: budget, ...rest } = thinking
  const adaptive: Thinking = { ...rest, type: 'adaptive' }
  const effort = output_config?.effort ?? effortOfBudget(budget)
  return { ...request, thinking: adaptive, output_config: { ...output_config, effort } }
}

function fitEffort(request: CanonicalRequest, refused: ReadonlySet<Trait>): CanonicalRequest {
  if (refused.has('effort')) return withoutEffort(request)
  const { output_config } = request
  const isHigh = output_config?.effort === 'xhigh' || output_config?.effort === 'max'
  return refused.has('high_effort') && isHigh
    ? { ...request, output_config: { ...output_config, effort: 'high' } }
    : request
}

function withoutEffort(request: CanonicalRequest): CanonicalRequest {
  const { output_config, ...rest } = request
  if (!output_config || !('effort' in output_config)) return request
  const { effort: _refused, ...kept } = output_config
  return Object.keys(kept).length === 0 ? rest : { ...rest, output_config: kept }
}

function fitSampling(request: CanonicalRequest, refused: ReadonlySet<Trait>): CanonicalRequest {
  const borne = refused.has('thinking_sampling') ? fitSamplingToThinking(request) : request
  const { temperature, top_p, top_k, ...rest } = borne
  if (refused.has('sampling')) return [temperature, top_p, top_k].every((one) => one === undefined) ? borne : rest
  if (!refused.has('two_samplings') || temperature === undefined || top_p === undefined) return borne
  return { ...rest, temperature, ...(top_k !== undefined && { top_k }) }
}
