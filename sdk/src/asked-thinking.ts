import type { CanonicalRequest } from './canonical.ts'

/** What a client asks of a model's thinking. */
export type AskedThinking =
  | { readonly on: false }
  | {
      readonly on: true
      /** `low`, `medium`, `high`, `xhigh`, `max` or another word of the client; nothing where the model decides. */
      readonly effort: string | undefined
      /** Most tokens of it, above 0; nothing where the client names none. */
      readonly budget: number | undefined
    }

/** What a request asks of thinking; nothing where it leaves that to the model. A budget of nothing is none. */
export function askedThinking({
  thinking,
  output_config,
}: Pick<CanonicalRequest, 'thinking' | 'output_config'>): AskedThinking | undefined {
  switch (thinking?.type) {
    case 'disabled':
      return { on: false }
    case 'enabled': {
      const budget = thinking.budget_tokens
      return budget > 0 ? { on: true, effort: effortOfBudget(budget), budget } : { on: false }
    }
    case 'adaptive': {
      const effort: unknown = output_config?.effort
      return { on: true, effort: typeof effort === 'string' ? effort : undefined, budget: undefined }
    }
    default:
      return undefined
  }
}

/** The effort that a budget of tokens is worth: up to 1,024 are low, up to 8,192 medium. */
export function effortOfBudget(tokens: number): 'low' | 'medium' | 'high' {
  return tokens <= 1024 ? 'low' : tokens <= 8192 ? 'medium' : 'high'
}

/** The budget of tokens that an effort is worth, by the same steps; nothing for a word that says nothing of it. */
export function budgetOfEffort(effort: string | null | undefined): number | undefined {
  return effort !== undefined && effort !== null && Object.hasOwn(BUDGETS, effort) ? BUDGETS[effort] : undefined
}

const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
}
