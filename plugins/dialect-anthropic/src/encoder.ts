import { writeJson, type CanonicalEvent, type ClientEncoder, type FailureReply } from '@ccr/sdk'

/**
 * Writes canonical events as server-sent events. Each frame names its type twice, because clients dispatch on the
 * `event` line. Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export function createEncoder(): ClientEncoder {
  return {
    contentType: 'text/event-stream; charset=utf-8',
    events(batch) {
      let text = ''
      for (const event of batch) text += frameOf(event)
      return text
    },
    ping: () => 'event: ping\ndata: {"type":"ping"}\n\n',
    failure: (reply) => frame('error', toErrorEvent(reply)),
  }
}

/** A failure in this protocol's words; SDKs act on the `error_code` in its details. */
export function toErrorEvent({ type, message, details }: FailureReply): object {
  return { type: 'error', error: { type, message, ...(details && { details }) } }
}

function frameOf(event: CanonicalEvent): string {
  return (event.type === 'content_block_delta' && deltaFrame(event)) || frame(event.type, event)
}

/** Nearly all events are these deltas, so only their text is given to JSON.stringify. */
function deltaFrame(event: Extract<CanonicalEvent, { type: 'content_block_delta' }>): string | undefined {
  const { index, delta } = event
  // What has further fields is written whole.
  if (Object.keys(delta).length !== 2 || Object.keys(event).length !== 3) return undefined
  switch (delta.type) {
    case 'text_delta':
      return shortFrame(index, 'text_delta","text', delta.text)
    case 'thinking_delta':
      return shortFrame(index, 'thinking_delta","thinking', delta.thinking)
    case 'input_json_delta':
      return shortFrame(index, 'input_json_delta","partial_json', delta.partial_json)
    default:
      return undefined
  }
}

/** `kind` is the delta's type and the key of its text, with the quotes between them. */
function shortFrame(index: number, kind: string, text: unknown): string | undefined {
  if (typeof text !== 'string' || typeof index !== 'number') return undefined
  return `${DELTA}${index},"delta":{"type":"${kind}":${JSON.stringify(text)}}}\n\n`
}

const DELTA = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":'

/** One whole frame. */
export function frame(type: string, event: unknown): string {
  return `${eventLine(type)}data: ${writeJson(event)}\n\n`
}

/** The type of an unknown event is the upstream's own word: it must not end the line. */
export function eventLine(type: string): string {
  return `event: ${type.replace(/[\r\n\0]/g, ' ')}\n`
}
