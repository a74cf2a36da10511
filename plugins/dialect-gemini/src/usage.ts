import { statedCount, tokenCounts, type CanonicalUsage } from '@ccr/sdk'
import type { UsageMetadata } from './wire.ts'

/**
 * Counts of this API as disjoint buckets. The prompt includes what came from a cache, thoughts stand beside the answer;
 * what the upstream does not say is left out.
 */
export function toUsage(usage: UsageMetadata): CanonicalUsage {
  const result: Record<string, unknown> = {}
  const prompt = statedCount(usage.promptTokenCount)
  const cached = statedCount(usage.cachedContentTokenCount)
  if (prompt !== undefined)
    result['input_tokens'] = Math.max(0, prompt + (statedCount(usage.toolUsePromptTokenCount) ?? 0) - (cached ?? 0))
  if (cached !== undefined) result['cache_read_input_tokens'] = cached
  const thoughts = statedCount(usage.thoughtsTokenCount)
  const candidates = statedCount(usage.candidatesTokenCount)
  if (candidates !== undefined || thoughts !== undefined) result['output_tokens'] = (candidates ?? 0) + (thoughts ?? 0)
  if (thoughts !== undefined) result['output_tokens_details'] = { thinking_tokens: thoughts }
  return result
}

/** The buckets as a client of this API reads them. */
export function fromUsage(usage: CanonicalUsage): UsageMetadata {
  const { input, cacheRead, cacheCreation, output, reasoning } = tokenCounts(usage)
  const prompt = input + cacheRead + cacheCreation
  const candidates = Math.max(0, output - reasoning)
  return {
    promptTokenCount: prompt,
    candidatesTokenCount: candidates,
    totalTokenCount: prompt + candidates + reasoning,
    ...(cacheRead > 0 ? { cachedContentTokenCount: cacheRead } : {}),
    ...(reasoning > 0 ? { thoughtsTokenCount: reasoning } : {}),
  }
}
