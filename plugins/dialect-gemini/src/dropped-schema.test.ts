import type { CanonicalRequest, Tool } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode } from '../test/harness.ts'
import { createAdaptation } from './adapt.ts'
import { createTarget } from './target.ts'
import { TrailingSignatures } from './trailing-signatures.ts'

const output_config = { format: { type: 'json_schema', schema: { type: 'object', properties: {} } } }
const tools: readonly Tool[] = [{ name: 'f', input_schema: { type: 'object', properties: {} } }]

/** The models of which it was said that the schema of an answer is left out. */
function heard(model: string, ...requests: readonly Partial<CanonicalRequest>[]): readonly string[] {
  const models: string[] = []
  const target = createTarget(new TrailingSignatures(), createAdaptation(), (_provider, of) => void models.push(of))
  for (const request of requests) encode(request, { model, with: target })
  return models
}

describe('a schema of the answer beside functions', () => {
  it('is left out for models before Gemini 3, which is said once', () => {
    const both = { output_config, tools }
    expect(heard('gemini-2.5-pro', both, both)).toEqual(['gemini-2.5-pro'])
  })

  it.each<[string, string, Partial<CanonicalRequest>]>([
    ['a schema alone', 'gemini-2.5-pro', { output_config }],
    ['functions alone', 'gemini-2.5-pro', { tools }],
    ['both for Gemini 3', 'gemini-3-pro', { output_config, tools }],
  ])('is not left out: %s', (_name, model, request) => {
    expect(heard(model, request)).toEqual([])
  })
})
