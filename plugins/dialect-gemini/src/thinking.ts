import type { CanonicalRequest, JsonObject, Thinking } from '@ccr/sdk'
import type { Trait } from './adapt.ts'
import { traitsOf, type ModelTraits } from './models.ts'

/**
 * How much a model thinks. Models of the second generation take a budget of tokens, later ones a level. Without a word
 * of the client a model does as it likes, and keeps its thoughts to itself.
 * Source: https://ai.google.dev/gemini-api/docs/thinking
 */
export function toThinkingConfig(
  { thinking, output_config }: CanonicalRequest,
  model: string,
  refused: ReadonlySet<Trait>,
): JsonObject | undefined {
  const traits = traitsOf(model)
  if (!thinking || !traits.thinks || refused.has('thinking')) return undefined
  if (refused.has('thinking_amount')) return { includeThoughts: isShown(thinking) }
  if (isOff(thinking)) {
    if (traits.isThird) return { thinkingLevel: traits.isPro ? 'LOW' : 'MINIMAL', includeThoughts: false }
    return { thinkingBudget: traits.isPro ? PRO_BUDGET.least : 0, includeThoughts: false }
  }
  const includeThoughts = isShown(thinking)
  const given: unknown = output_config?.effort
  const effort = typeof given === 'string' ? given : undefined
  if (traits.isThird) {
    const level = levelOf(thinking, effort)
    return level === undefined ? { includeThoughts } : { thinkingLevel: level, includeThoughts }
  }
  return { thinkingBudget: budgetOf(thinking, effort, traits), includeThoughts }
}

/** A budget of nothing is none. */
function isOff(thinking: Thinking): boolean {
  return thinking.type === 'disabled' || (thinking.type === 'enabled' && thinking.budget_tokens <= 0)
}

function isShown(thinking: Thinking): boolean {
  return !isOff(thinking) && (thinking as { display?: unknown }).display !== 'omitted'
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

const LEVEL_OF_EFFORT: Readonly<Record<string, string>> = {
  minimal: 'LOW',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
}

/** The steps are those by which budgets become efforts for other targets. */
function levelOf(thinking: Thinking, effort: string | undefined): string | undefined {
  if (thinking.type === 'enabled')
    return thinking.budget_tokens <= 1024 ? 'LOW' : thinking.budget_tokens <= 8192 ? 'MEDIUM' : 'HIGH'
  return effort !== undefined && Object.hasOwn(LEVEL_OF_EFFORT, effort) ? LEVEL_OF_EFFORT[effort] : undefined
}

const PRO_BUDGET = { least: 128, most: 32_768 }
const FLASH_BUDGET = { least: 0, most: 24_576 }
const LITE_BUDGET = { least: 512, most: 24_576 }

const BUDGET_OF_LEVEL: Readonly<Record<string, number>> = { LOW: 1024, MEDIUM: 8192, HIGH: 24_576 }

/** The model decides. */
const AUTOMATIC = -1

function budgetOf(thinking: Thinking, effort: string | undefined, { isPro, isLite }: ModelTraits): number {
  const level = thinking.type === 'enabled' ? undefined : levelOf(thinking, effort)
  const wanted = thinking.type === 'enabled' ? thinking.budget_tokens : BUDGET_OF_LEVEL[level ?? '']
  if (wanted === undefined || !Number.isFinite(wanted)) return AUTOMATIC
  const { least, most } = isPro ? PRO_BUDGET : isLite ? LITE_BUDGET : FLASH_BUDGET
  return Math.min(most, Math.max(least, Math.trunc(wanted)))
}
