import { CcrError } from '@ccr/sdk'
import type { CanonicalEvent, StreamTransform } from '@ccr/sdk'
import { errorOf, reported } from './upstream-error.ts'

/** An event as the upstream sent it: a canonical one, or one whose type is not known. */
export type WireEvent = CanonicalEvent | { readonly type?: undefined; readonly error?: unknown }

/**
 * Wire events are canonical events already. A second `message_start` and all that follows `message_stop` are dropped,
 * an error is thrown, and fields whose absence clients do not bear are filled in.
 */
export function createDecoder(): StreamTransform<WireEvent, CanonicalEvent> {
  let started = false
  let stopped = false
  return {
    chunk(event, emit) {
      if (stopped) return
      switch (event.type) {
        case 'message_start':
          if (started) return
          started = true
          return emit(completeStart(event))
        case 'error':
          throw reported(errorOf(event) ?? {})
        case 'message_stop':
          stopped = true
          return emit(event)
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

type MessageStart = Extract<CanonicalEvent, { type: 'message_start' }>

function completeStart(event: MessageStart): MessageStart {
  const message: Partial<MessageStart['message']> | null | undefined = event.message
  if (typeof message !== 'object' || message === null) {
    throw new CcrError('CCR_STREAM_INVALID', 'the upstream sent a message_start without a message')
  }
  if (message.usage && Array.isArray(message.content)) return event
  const usage = message.usage ?? { input_tokens: 0, output_tokens: 0 }
  return { ...event, message: { ...event.message, content: message.content ?? [], usage } }
}
