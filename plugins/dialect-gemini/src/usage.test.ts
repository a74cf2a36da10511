import { describe, expect, it } from 'vitest'
import { fromUsage, toUsage } from './usage.ts'
import type { UsageMetadata } from './wire.ts'

describe('the counts of an answer', () => {
  it.each<[UsageMetadata, object]>([
    [{}, {}],
    [{ promptTokenCount: 9 }, { input_tokens: 9 }],
    [{ promptTokenCount: 9, toolUsePromptTokenCount: 5 }, { input_tokens: 14 }],
    [
      { promptTokenCount: 9, cachedContentTokenCount: 4 },
      { input_tokens: 5, cache_read_input_tokens: 4 },
    ],
    [
      { promptTokenCount: 3, cachedContentTokenCount: 4 },
      { input_tokens: 0, cache_read_input_tokens: 4 },
    ],
    [{ candidatesTokenCount: 2 }, { output_tokens: 2 }],
    [{ thoughtsTokenCount: 3 }, { output_tokens: 3, output_tokens_details: { thinking_tokens: 3 } }],
    [
      { candidatesTokenCount: 2.9, thoughtsTokenCount: 0 },
      { output_tokens: 2, output_tokens_details: { thinking_tokens: 0 } },
    ],
    [{ promptTokenCount: -1, candidatesTokenCount: NaN, thoughtsTokenCount: '3' as never }, { input_tokens: 0 }],
  ])('%j are %j', (given, counts) => {
    expect(toUsage(given)).toEqual(counts)
  })

  it.each<[Parameters<typeof fromUsage>[0], UsageMetadata]>([
    [{}, { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 }],
    [
      {
        ...{ input_tokens: 1, cache_read_input_tokens: 20, cache_creation_input_tokens: 300, output_tokens: 4000 },
        output_tokens_details: { thinking_tokens: 1 },
      },
      {
        ...{ promptTokenCount: 321, candidatesTokenCount: 3999, totalTokenCount: 4321 },
        ...{ cachedContentTokenCount: 20, thoughtsTokenCount: 1 },
      },
    ],
    [
      { output_tokens: 2, output_tokens_details: { thinking_tokens: 5 } },
      { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 5, thoughtsTokenCount: 5 },
    ],
  ])('%j are told a client as %j', (usage, told) => {
    expect(fromUsage(usage)).toEqual(told)
  })
})
