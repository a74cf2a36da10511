import { fieldsOf, type Fields } from './wire.ts'

/** The annotation that a citation was, under a symbol, as the items of `original.ts` are. */
const ANNOTATION = Symbol.for('ccr.openai-responses.annotation')

/** What an annotation says of a place in its part. */
const PLACES = ['start_index', 'end_index', 'index']

/** A citation that clients of this dialect get back as the annotation it was; its part begins at `start`. */
export function withAnnotation(citation: Fields, annotation: unknown, start: number): Fields {
  const given = fieldsOf(annotation)
  const own: Record<string, unknown> = { ...given, ...fieldsOf(given['url_citation']) }
  delete own['url_citation']
  for (const place of PLACES) if (typeof own[place] === 'number') own[place] += start
  return { ...citation, [ANNOTATION]: own }
}

/** The annotation that a citation was, if it came from this dialect. */
export function annotationOf(citation: unknown): Fields | undefined {
  return (fieldsOf(citation) as { readonly [ANNOTATION]?: Fields })[ANNOTATION]
}
