import { CcrError, createSseReader, parseObject } from '@ccr/sdk'
import type { WireReader } from '@ccr/sdk'
import type { WireEvent } from './decoder.ts'

/**
 * Reads server-sent events into the objects of their data.
 *
 * @throws CcrError `CCR_STREAM_INVALID` for data that is not a JSON object, `CCR_STREAM_LIMIT` for too long a frame
 */
export function createReader(): WireReader<WireEvent> {
  const frames = createSseReader()
  return {
    push(bytes, emit) {
      for (const { event: name, data } of frames.push(bytes)) {
        // Some gateways end every stream with another vendor's marker, and keep connections alive with empty data.
        if (data === '' || data === '[DONE]') continue
        const event = parseObject(data)
        if (event === undefined) throw invalid(data)
        emit(named(event, name))
      }
    },
    end(emit) {
      for (const { event: name, data } of frames.end()) {
        // A last frame that was cut off is no event: the missing end of the stream is what will be reported.
        const event = parseObject(data)
        if (event !== undefined) emit(named(event, name))
      }
    },
  }
}

/** Where data has no type its `event` line tells it; errors are known without. */
function named(event: Record<string, unknown>, name: string | undefined): WireEvent {
  const isTyped = !name || event['error'] || (event['type'] ?? undefined) !== undefined
  return (isTyped ? event : { ...event, type: name }) as WireEvent
}

/** Quotes nothing: half a key in a quotation that was cut is no longer found as one. */
function invalid(data: string): CcrError {
  return new CcrError(
    'CCR_STREAM_INVALID',
    `the upstream sent an event that is not a JSON object, ${data.length} characters long`,
  )
}
