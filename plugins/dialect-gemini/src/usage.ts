import { tokenCounts, type CanonicalUsage } from '@ccr/sdk'
import type { UsageMetadata } from './wire.ts'

/**
 * Counts of this API as disjoint buckets. The prompt includes what came from a cache, thoughts stand beside the answer;
 * what the upstream does not say is left out.
 */
export function toUsage(usage: UsageMetadata): CanonicalUsage {
  const result: Record<string, unknown> = {}
  const prompt = count(usage.promptTokenCount)
  const cached = count(usage.cachedContentTokenCount)
  if (prompt !== undefined)
    result['input_tokens'] = Math.max(0, prompt + (count(usage.toolUsePromptTokenCount) ?? 0) - (cached ?? 0))
  if (cached !== undefined) result['cache_read_input_tokens'] = cached
  const thoughts = count(usage.thoughtsTokenCount)
  const candidates = count(usage.candidatesTokenCount)
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

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : undefined
}
