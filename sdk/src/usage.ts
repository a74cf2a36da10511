import type { CanonicalUsage } from './canonical.ts'
import type { TokenCounts } from './exchange.ts'

/** The disjoint buckets of canonical usage; what is absent, negative or no number counts as 0. */
export function tokenCounts(usage: CanonicalUsage): TokenCounts {
  return {
    input: count(usage.input_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheCreation: count(usage.cache_creation_input_tokens),
    output: count(usage.output_tokens),
    reasoning: count(usage.output_tokens_details?.thinking_tokens),
  }
}

function count(value: number | null | undefined): number {
  return typeof value === 'number' && value > 0 && value < Infinity ? Math.round(value) : 0
}
