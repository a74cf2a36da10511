import type { CanonicalRequest, JsonObject } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { withAnswerSchema } from './answer-schema.ts'

/** What becomes of the schema of an answer. */
function fit(schema: JsonObject): unknown {
  const format = { type: 'json_schema', schema }
  const request: CanonicalRequest = { model: 'm', messages: [], output_config: { effort: 'low', format } }
  const { output_config } = withAnswerSchema(request)
  expect(output_config).toMatchObject({ effort: 'low', format: { type: 'json_schema' } })
  return (output_config!.format as { readonly schema: unknown }).schema
}

const text = { type: 'string' }

describe('the schema of an answer', () => {
  it.each<[string, JsonObject, JsonObject]>([
    [
      'has closed objects, at every depth',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'object', properties: { b: text } } } } },
      {
        type: 'object',
        properties: {
          a: { type: 'array', items: { type: 'object', properties: { b: text }, additionalProperties: false } },
        },
        additionalProperties: false,
      },
    ],
    [
      'has none of the keywords that are refused',
      {
        $schema: 's',
        type: 'object',
        properties: {
          n: { type: 'integer', format: 'int32', minimum: 1, multipleOf: 2 },
          s: { type: 'string', minLength: 1, pattern: 'a', format: 'date-time' },
          l: { type: 'array', items: text, minItems: 2, uniqueItems: true },
        },
        propertyOrdering: ['n'],
        required: ['n'],
        additionalProperties: true,
      },
      {
        type: 'object',
        properties: {
          n: { type: 'integer' },
          s: { type: 'string', format: 'date-time' },
          l: { type: 'array', items: text },
        },
        required: ['n'],
        additionalProperties: false,
      },
    ],
    [
      'keeps its choices, and a property that is called like a keyword',
      { type: 'object', properties: { type: { anyOf: [{ type: 'object' }, text] }, enum: { enum: ['a', 1] } } },
      {
        type: 'object',
        properties: {
          type: { anyOf: [{ type: 'object', additionalProperties: false }, text] },
          enum: { enum: ['a', 1] },
        },
        additionalProperties: false,
      },
    ],
    [
      'that may be null says so',
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
    ],
  ])('%s', (_name, given, expected) => {
    expect(fit(given)).toEqual(expected)
  })

  it('is nobody’s where none is asked for', () => {
    const request: CanonicalRequest = { model: 'm', messages: [], output_config: { effort: 'low' } }
    expect(withAnswerSchema(request)).toBe(request)
  })
})
