/**
 * How closely a model is to look at an image. The canonical form has no word for it, so it travels on the source of the
 * image under a symbol: JSON leaves it out, no other target sees it, and a handler that copies a block keeps it. The
 * Responses dialect knows the same symbol, because both protocols mean the same by it.
 */
const DETAIL = Symbol.for('ccr.openai.image-detail')

/** The source of an image with the detail that its client asked for. */
export function withDetail<Source extends object>(source: Source, detail: unknown): Source {
  return typeof detail === 'string' && detail !== 'auto' ? { ...source, [DETAIL]: detail } : source
}

/** The detail that the client of an image asked for. */
export function detailOf(source: object): string | undefined {
  return (source as { readonly [DETAIL]?: string })[DETAIL]
}
