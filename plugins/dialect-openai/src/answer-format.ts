import type { CanonicalRequest } from '@ccr/sdk'

/**
 * The form that a client wants its answer in, in the words of the Responses protocol. The canonical form has a place
 * for a schema alone: not for its name and strictness, nor for JSON without any. They travel on the request under a
 * symbol: JSON leaves it out, and a handler that copies the request keeps it. The Responses dialect knows the same
 * symbol, because both protocols mean the same by it, and so does the Gemini dialect.
 */
const FORMAT = Symbol.for('ccr.openai.answer-format')

/** A schema has to have a name. */
const NAME = 'answer'

type Format = Readonly<Record<string, unknown>>

/** The request with the `response_format` that its client sent. */
export function withFormat(request: CanonicalRequest, given: unknown): CanonicalRequest {
  const { type, json_schema: named } = Object(given) as Format
  if (type !== 'json_object' && type !== 'json_schema') return request
  return { ...request, [FORMAT]: { ...(named as Format | undefined), type } } as CanonicalRequest
}

/** The `response_format` of a request: a schema, under its name unless it was changed, or JSON without one. */
export function responseFormat(request: CanonicalRequest): Format | undefined {
  const { [FORMAT]: asked } = request as { readonly [FORMAT]?: Format }
  const { type, schema } = Object(request.output_config?.format) as Format
  if (type !== 'json_schema' || !schema) return asked?.['type'] === 'json_object' ? { type: 'json_object' } : undefined
  if (asked?.['schema'] !== schema) return { type, json_schema: { name: NAME, schema } }
  const { type: _type, ...named } = asked
  return { type, json_schema: { name: NAME, ...named } }
}
