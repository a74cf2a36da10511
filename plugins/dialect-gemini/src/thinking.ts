import { askedThinking, budgetOfEffort, type CanonicalRequest, type JsonObject, type Thinking } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { traitsOf, type ModelTraits } from './models.ts'

/**
 * How much a model thinks. Models of the second generation take a budget of tokens, later ones a level. Without a word
 * of the client a model does as it likes, and keeps its thoughts to itself.
 * Source: https://ai.google.dev/gemini-api/docs/thinking
 */
export function toThinkingConfig(
  request: CanonicalRequest,
  model: string,
  refused: ReadonlySet<Trait>,
): JsonObject | undefined {
  const traits = traitsOf(model)
  const { thinking } = request
  if (!thinking || !traits.thinks || refused.has('thinking')) return undefined
  const asked = askedThinking(request)
  const includeThoughts = asked?.on !== false && (thinking as { display?: unknown }).display !== 'omitted'
  if (refused.has('thinking_amount')) return { includeThoughts }
  if (asked?.on === false) {
    if (traits.isThird) return { thinkingLevel: traits.isPro ? 'LOW' : 'MINIMAL', includeThoughts: false }
    return { thinkingBudget: traits.isPro ? PRO_BUDGET.least : 0, includeThoughts: false }
  }
  if (traits.isThird) {
    const level = LEVEL_OF_EFFORT.get(asked?.effort)
    return level === undefined ? { includeThoughts } : { thinkingLevel: level, includeThoughts }
  }
  return { thinkingBudget: budgetOf(asked?.budget ?? budgetOfEffort(asked?.effort), traits), includeThoughts }
}

/** What a client of this API asks for, in canonical words. */
export function fromThinkingConfig(config: JsonObject): Pick<CanonicalRequest, 'thinking' | 'output_config'> {
  const { thinkingBudget: budget, thinkingLevel: level, includeThoughts } = config
  if (budget === 0) return { thinking: { type: 'disabled' } }
  const display = includeThoughts === true ? {} : { display: 'omitted' }
  if (typeof budget === 'number' && budget > 0)
    return { thinking: { type: 'enabled', budget_tokens: budget, ...display } }
  const effort = typeof level === 'string' ? EFFORT_OF_LEVEL[level.toUpperCase()] : undefined
  if (effort === undefined && includeThoughts !== true && budget === undefined) return {}
  const thinking: Thinking = { type: 'adaptive', ...display }
  return effort === undefined ? { thinking } : { thinking, output_config: { effort } }
}

const EFFORT_OF_LEVEL: Readonly<Record<string, string>> = { MINIMAL: 'low', LOW: 'low', MEDIUM: 'medium', HIGH: 'high' }

const LEVEL_OF_EFFORT: ReadonlyMap<string | undefined, string> = new Map([
  ['minimal', 'LOW'],
  ['low', 'LOW'],
  ['medium', 'MEDIUM'],
  ['high', 'HIGH'],
  ['xhigh', 'HIGH'],
  ['max', 'HIGH'],
])

const PRO_BUDGET = { least: 128, most: 32_768 }
const FLASH_BUDGET = { least: 0, most: 24_576 }
const LITE_BUDGET = { least: 512, most: 24_576 }

/** The model decides. */
const AUTOMATIC = -1

function budgetOf(wanted: number | undefined, { isPro, isLite }: ModelTraits): number {
  if (wanted === undefined || !Number.isFinite(wanted)) return AUTOMATIC
  const { least, most } = isPro ? PRO_BUDGET : isLite ? LITE_BUDGET : FLASH_BUDGET
  return Math.min(most, Math.max(least, Math.trunc(wanted)))
}
