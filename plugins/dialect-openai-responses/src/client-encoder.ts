import { writeJson, type ClientEncoder, type Exchange } from '@ccr/sdk'
import type { KeptItems } from './kept-items.ts'
import { ResponseWriter } from './response-writer.ts'

/** Writes canonical events as the server-sent events of a Responses stream. */
export function createEncoder(exchange: Exchange, items: KeptItems): ClientEncoder {
  let text = ''
  const writer = new ResponseWriter(exchange, items, (type, event) => {
    text += `event: ${type}\ndata: ${writeJson(event)}\n\n`
  })
  const taken = (): string => {
    const frames = text
    text = ''
    return frames
  }
  return {
    contentType: 'text/event-stream; charset=utf-8',
    events(batch) {
      for (const event of batch) writer.event(event)
      return taken()
    },
    // The protocol has no event that may come before the first; a comment passes every parser.
    ping: () => ': ping\n\n',
    failure(reply) {
      writer.fail(reply)
      return taken()
    },
  }
}
