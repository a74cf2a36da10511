import type { CanonicalRequest } from '@ccr/sdk'
import { fieldsOf, type Fields } from './wire.ts'

/**
 * On a request: the form that a client wants its answer in, in the words of this protocol. The Chat Completions dialect
 * knows the same symbol, because both protocols mean the same by it, and so does the Gemini dialect.
 */
const FORMAT = Symbol.for('ccr.openai.answer-format')

/** The request with the `text.format` that its client sent. */
export function withFormat(request: CanonicalRequest, format: Fields): CanonicalRequest {
  const { type } = format
  if (type !== 'json_object' && type !== 'json_schema') return request
  return { ...request, [FORMAT]: format } as CanonicalRequest
}

/** The format that the client of a request asked for. */
export function askedFormat(request: CanonicalRequest): Fields {
  return fieldsOf((request as { readonly [FORMAT]?: Fields })[FORMAT])
}
