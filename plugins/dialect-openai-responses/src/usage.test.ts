import { describe, expect, it } from 'vitest'
import { fromUsage, toUsage } from './usage.ts'

describe('usage', () => {
  it.each<[unknown, object]>([
    [undefined, {}],
    [{ input_tokens: 9 }, { input_tokens: 9 }],
    [
      { input_tokens: 9, input_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 } },
      { input_tokens: 2, cache_read_input_tokens: 4, cache_creation_input_tokens: 3 },
    ],
    [
      { input_tokens: 1, input_tokens_details: { cached_tokens: 4 } },
      { input_tokens: 0, cache_read_input_tokens: 4 },
    ],
    [
      { output_tokens: 5.5, output_tokens_details: { reasoning_tokens: 2 } },
      { output_tokens: 5, output_tokens_details: { thinking_tokens: 2 } },
    ],
    [
      { input_tokens: '9', output_tokens: NaN, output_tokens_details: { reasoning_tokens: -1 } },
      { output_tokens_details: { thinking_tokens: 0 } },
    ],
  ])('of %j is %j', (given, counts) => {
    expect(toUsage(given)).toEqual(counts)
  })

  it.each<[Parameters<typeof fromUsage>[0], readonly number[]]>([
    [{}, [0, 0, 0, 0, 0, 0]],
    [
      {
        ...{ input_tokens: 1, cache_read_input_tokens: 20, cache_creation_input_tokens: 300, output_tokens: 4000 },
        output_tokens_details: { thinking_tokens: 5 },
      },
      [321, 20, 300, 4000, 5, 4321],
    ],
  ])('%j is told a client as %j', (usage, [input, cached, written, output, reasoning, total]) => {
    expect(fromUsage(usage)).toEqual({
      input_tokens: input,
      input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: total,
    })
  })
})
