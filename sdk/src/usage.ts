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

/** Usage objects whose counts are guesses. No field of theirs: clients are sent what they hold. */
const ESTIMATED = new WeakSet<CanonicalUsage>()

/** Marks usage that holds guesses, in the place of counts that the upstream did not give. */
export function asEstimated(usage: CanonicalUsage): CanonicalUsage {
  ESTIMATED.add(usage)
  return usage
}

/** Whether usage was marked by {@link asEstimated}. */
export function isEstimated(usage: CanonicalUsage | null | undefined): boolean {
  return usage !== null && usage !== undefined && ESTIMATED.has(usage)
}

/** A count of tokens as an upstream states it, whole and not below 0; nothing for what is no number. */
export function statedCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : undefined
}
