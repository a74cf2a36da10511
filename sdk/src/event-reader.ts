import type { WireReader } from './dialect.ts'
import { CcrError } from './errors.ts'
import { createSseReader, type SseFrame } from './sse.ts'
import type { Emit } from './stream.ts'

/**
 * Reads server-sent events whose data is JSON, for {@link TargetDialect.reader}. Empty data, by which gateways keep
 * connections alive, is passed over; so is the closing marker `[DONE]`, which they send in other protocols than its own
 * too, where no event stands for it. Half an event, which a broken connection leaves, is none: what the answer then
 * lacks is its end.
 *
 * @param read the event of one frame, from its trimmed data and the name in its `event` line; nothing when the data is
 * not what the protocol sends
 * @param done the event that the closing marker is
 * @throws CcrError `CCR_STREAM_INVALID` for a whole frame without an event, and what {@link createSseReader} throws
 */
export function createEventReader<Event>(
  read: (text: string, name: string | undefined) => Event | undefined,
  done?: Event,
): WireReader<Event> {
  const sse = createSseReader()
  /** Whether the frame has an event, or needs none. */
  const take = ({ event: name, data }: SseFrame, emit: Emit<Event>): boolean => {
    const text = data.trim()
    if (text === '') return true
    const event = text === '[DONE]' ? done : read(text, name)
    if (event !== undefined) emit(event)
    return event !== undefined || text === '[DONE]'
  }
  return {
    push(bytes, emit) {
      for (const frame of sse.push(bytes))
        if (!take(frame, emit))
          throw new CcrError(
            'CCR_STREAM_INVALID',
            'an event of the answer is not a JSON object; the answer was given up',
          )
    },
    end(emit) {
      for (const frame of sse.end()) take(frame, emit)
    },
  }
}
