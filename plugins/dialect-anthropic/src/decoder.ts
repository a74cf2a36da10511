import { CcrError } from '@ccr/sdk'
import type { CanonicalEvent, Emit, StreamTransform } from '@ccr/sdk'
import { EventMender } from './event-mender.ts'
import { errorOf, reported } from './upstream-error.ts'

/** An event as the upstream sent it: a canonical one, or one whose type is not known. */
export type WireEvent = CanonicalEvent | { readonly type?: undefined; readonly error?: unknown }

/**
 * Wire events are canonical events already. All that follows `message_stop` is dropped, an error is thrown, and what
 * clients do not bear is mended.
 */
export function createDecoder(newId: (prefix: string) => string): StreamTransform<WireEvent, CanonicalEvent> {
  let stopped = false
  const mender = new EventMender(newId)
  const give = (event: CanonicalEvent, emit: Emit<CanonicalEvent>): void =>
    emit(event.type === 'content_block_start' ? completeBlock(event) : event)
  return {
    chunk(event, emit) {
      if (stopped) return
      // `{"error": …}` without a type: the form in which some gateways report an error inside a stream.
      if (event.type === 'error' || (event.type === undefined && event.error)) throw reported(errorOf(event) ?? {})
      if (typeof event.type !== 'string')
        throw new CcrError('CCR_STREAM_INVALID', 'the upstream sent an event without a type')
      stopped = event.type === 'message_stop'
      const mended = mender.mend(event, true)
      if (mended === 'drop') return
      if (!mended) return give(event, emit)
      for (const one of mended.before) give(one, emit)
      for (const one of mended.told) give(one, emit)
    },
    flush() {
      if (!stopped) throw new CcrError('CCR_STREAM_ENDED', 'the answer of the upstream ended before its message_stop')
    },
  }
}

type BlockStart = Extract<CanonicalEvent, { type: 'content_block_start' }>

/** Thinking that nobody signs has an empty signature. */
function completeBlock(event: BlockStart): BlockStart {
  const { content_block: block } = event
  if (block?.type !== 'thinking' || 'signature' in block) return event
  return { ...event, content_block: { ...block, signature: '' } }
}
