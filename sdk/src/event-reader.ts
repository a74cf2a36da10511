import type { WireReader } from './dialect.ts'
import { CcrError, type ErrorCode } from './errors.ts'
import { createSseReader, type SseFrame } from './sse.ts'
import type { Emit } from './stream.ts'

/**
 * Reads server-sent events whose data is JSON, for {@link TargetDialect.reader}. Empty data, by which gateways keep
 * connections alive, is passed over; so is the closing marker `[DONE]`, which they send in other protocols than its own
 * too, where no event stands for it.
 *
 * @param read the event of one frame, from its trimmed data and the name in its `event` line; nothing when the data is
 * not what the protocol sends
 * @param done the event that the closing marker is
 * @throws CcrError `CCR_STREAM_INVALID` for a frame without an event, `CCR_STREAM_ENDED` where that is the last one and
 * was cut off, and what {@link createSseReader} throws
 */
export function createEventReader<Event>(
  read: (text: string, name: string | undefined) => Event | undefined,
  done?: Event,
): WireReader<Event> {
  const sse = createSseReader()
  const take = ({ event: name, data }: SseFrame, emit: Emit<Event>, code: ErrorCode): void => {
    const text = data.trim()
    if (text === '') return
    const event = text === '[DONE]' ? done : read(text, name)
    if (event !== undefined) return emit(event)
    if (text !== '[DONE]')
      throw new CcrError(code, 'an event of the answer is not a JSON object; the answer was given up')
  }
  return {
    push(bytes, emit) {
      for (const frame of sse.push(bytes)) take(frame, emit, 'CCR_STREAM_INVALID')
    },
    end(emit) {
      // A connection that broke inside an event leaves half a JSON text: the answer ended, it was not malformed.
      for (const frame of sse.end()) take(frame, emit, 'CCR_STREAM_ENDED')
    },
  }
}
