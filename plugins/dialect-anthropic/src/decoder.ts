import { CcrError } from '@ccr/sdk'
import type { CanonicalEvent, Emit, StreamTransform } from '@ccr/sdk'
import { CallArguments } from './call-arguments.ts'
import { GivenCalls } from './given-calls.ts'
import { MissingFields } from './missing-fields.ts'
import { Sequencer } from './sequencer.ts'
import { Unfolder } from './unfold.ts'
import { errorOf, reported } from './upstream-error.ts'

/** An event as the upstream sent it: a canonical one, or one whose type is not known. */
export type WireEvent = CanonicalEvent | { readonly type?: undefined; readonly error?: unknown }

/**
 * Wire events are canonical events already. A second `message_start` and all that follows `message_stop` are dropped,
 * an error and half a call are thrown, fields whose absence clients do not bear are filled in, arguments become deltas,
 * and overlapping blocks are put in a row.
 */
export function createDecoder(newId: (prefix: string) => string): StreamTransform<WireEvent, CanonicalEvent> {
  let stopped = false
  const unfolder = new Unfolder()
  const sequencer = new Sequencer()
  const calls = new CallArguments()
  const given = new GivenCalls(newId)
  const missing = new MissingFields()
  const emitBlock = (event: CanonicalEvent, emit: Emit<CanonicalEvent>): void => {
    for (const one of given.unfold(event) ?? [event]) {
      calls.see(one)
      emit(one.type === 'content_block_start' ? completeBlock(one) : one)
    }
  }
  return {
    chunk(event, emit) {
      if (stopped) return
      switch (event.type) {
        case 'message_start':
          if (sequencer.fit(event) === 'drop') return
          return emitAll(missing.fill(event), unfolder, emit)
        case 'error':
          throw reported(errorOf(event) ?? {})
        case 'message_stop':
          stopped = true
          return emitAll(event, unfolder, emit)
        case 'message_delta':
          calls.see(event)
          return emitAll(missing.fill(event), unfolder, emit)
        case 'content_block_start':
        case 'content_block_delta':
        case 'content_block_stop': {
          const fit = sequencer.fit(event)
          if (fit === 'drop') return
          if (fit !== 'keep') emitBlock({ type: 'content_block_stop', index: fit }, emit)
          return emitBlock(event, emit)
        }
        default:
          // `{"error": …}` without a type: the form in which some gateways report an error inside a stream.
          if (event.type === undefined && event.error) throw reported(errorOf(event) ?? {})
          if (typeof event.type !== 'string')
            throw new CcrError('CCR_STREAM_INVALID', 'the upstream sent an event without a type')
          return emit(event)
      }
    },
    flush() {
      if (!stopped) throw new CcrError('CCR_STREAM_ENDED', 'the answer of the upstream ended before its message_stop')
    },
  }
}

function emitAll(event: CanonicalEvent, unfolder: Unfolder, emit: Emit<CanonicalEvent>): void {
  const events = unfolder.unfold(event)
  if (events) events.forEach(emit)
  else emit(event)
}

type BlockStart = Extract<CanonicalEvent, { type: 'content_block_start' }>

/** Thinking that nobody signs has an empty signature. */
function completeBlock(event: BlockStart): BlockStart {
  const { content_block: block } = event
  if (block?.type !== 'thinking' || 'signature' in block) return event
  return { ...event, content_block: { ...block, signature: '' } }
}
