import { statedCount, type CanonicalUsage } from '@ccr/sdk'
import type { ChatUsage } from './wire.ts'

/**
 * Chat Completions usage as disjoint buckets. `prompt_tokens` includes what was read from and written to a cache, so
 * both are subtracted, never below zero; what the upstream does not say is left out.
 */
export function toUsage(usage: ChatUsage): CanonicalUsage {
  const result: Record<string, unknown> = {}
  const read =
    statedCount(usage.prompt_tokens_details?.cached_tokens) ??
    statedCount(usage.prompt_cache_hit_tokens) ??
    statedCount(usage.cached_tokens)
  const written = statedCount(usage.prompt_tokens_details?.cache_write_tokens)
  const prompt = statedCount(usage.prompt_tokens)
  if (prompt !== undefined) result['input_tokens'] = Math.max(0, prompt - (read ?? 0) - (written ?? 0))
  if (read !== undefined) result['cache_read_input_tokens'] = read
  if (written !== undefined) result['cache_creation_input_tokens'] = written
  const completion = statedCount(usage.completion_tokens)
  if (completion !== undefined) result['output_tokens'] = completion
  const reasoning = statedCount(usage.completion_tokens_details?.reasoning_tokens)
  if (reasoning !== undefined) result['output_tokens_details'] = { thinking_tokens: reasoning }
  return result
}
