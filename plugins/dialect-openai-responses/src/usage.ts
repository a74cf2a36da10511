import { statedCount, type CanonicalUsage } from '@ccr/sdk'
import { fieldsOf, type Fields } from './wire.ts'

/**
 * Responses usage as disjoint buckets. `input_tokens` includes what was read from and written to a cache, so both are
 * subtracted, never below zero; what the upstream does not say is left out.
 */
export function toUsage(usage: unknown): CanonicalUsage {
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = fieldsOf(usage)
  const read = statedCount(fieldsOf(input_tokens_details)['cached_tokens'])
  const written = statedCount(fieldsOf(input_tokens_details)['cache_write_tokens'])
  const input = statedCount(input_tokens)
  const output = statedCount(output_tokens)
  const reasoning = statedCount(fieldsOf(output_tokens_details)['reasoning_tokens'])
  return {
    ...(input !== undefined && { input_tokens: Math.max(0, input - (read ?? 0) - (written ?? 0)) }),
    ...(read !== undefined && { cache_read_input_tokens: read }),
    ...(written !== undefined && { cache_creation_input_tokens: written }),
    ...(output !== undefined && { output_tokens: output }),
    ...(reasoning !== undefined && { output_tokens_details: { thinking_tokens: reasoning } }),
  }
}

/** Canonical usage as a client of this dialect counts: one input, of which parts are named. */
export function fromUsage(usage: CanonicalUsage): Fields {
  const cached_tokens = statedCount(usage.cache_read_input_tokens) ?? 0
  const cache_write_tokens = statedCount(usage.cache_creation_input_tokens) ?? 0
  const input_tokens = (statedCount(usage.input_tokens) ?? 0) + cached_tokens + cache_write_tokens
  const output_tokens = statedCount(usage.output_tokens) ?? 0
  return {
    input_tokens,
    input_tokens_details: { cached_tokens, cache_write_tokens },
    output_tokens,
    output_tokens_details: { reasoning_tokens: statedCount(usage.output_tokens_details?.thinking_tokens) ?? 0 },
    total_tokens: input_tokens + output_tokens,
  }
}
