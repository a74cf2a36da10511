import type { CanonicalEvent } from './canonical.ts'
import type { StreamTransform } from './stream.ts'

/**
 * Wraps a stage that divides, adds or leaves out content blocks: the blocks that it emits are numbered from 0 on, in
 * the order in which they start. The stage gives each the index that it likes, as long as what belongs to a block has
 * the same; blocks follow each other.
 *
 * @example
 * const withoutSearches = renumberBlocks(mapEvents((event) => (isOfSearch(event) ? undefined : event)))
 * stream.pipe('canonical', withoutSearches)
 */
export function renumberBlocks(stage: StreamTransform): StreamTransform {
  let next = 0
  let open: { readonly given: number; readonly index: number } | undefined
  const numbered = (event: CanonicalEvent): CanonicalEvent => {
    if (event.type === 'content_block_start') open = { given: event.index, index: next++ }
    else if (event.type !== 'content_block_delta' && event.type !== 'content_block_stop') return event
    // What belongs to no block is for the validator to find.
    if (event.index !== open?.given) return event
    const { index } = open
    if (event.type === 'content_block_stop') open = undefined
    return event.index === index ? event : { ...event, index }
  }
  return {
    chunk: (event, emit) => stage.chunk(event, (one) => emit(numbered(one))),
    flush: (emit) => stage.flush?.((one) => emit(numbered(one))),
    abort: (reason) => stage.abort?.(reason),
  }
}
