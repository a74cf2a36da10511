import { appOf, messageEvents, readJson, type ClientDialect, type ClientInfo, type HeaderBag } from '@ccr/sdk'
import { createEncoder } from './client-encoder.ts'
import { toCanonical } from './client-request.ts'
import { toErrorObject } from './errors.ts'
import type { KeptItems } from './kept-items.ts'
import { ResponseWriter } from './response-writer.ts'
import { textOf, type Fields } from './wire.ts'

/** The client side of the Responses protocol; `items` are those that a request may refer to. */
export function createClient(items: KeptItems): ClientDialect {
  return {
    requestIdHeader: 'x-request-id',
    decode({ body, headers }) {
      const fields: Fields = readJson(body).value
      return { request: toCanonical(fields, items), client: clientInfo(headers, fields) }
    },
    encoder: (exchange) => createEncoder(exchange, items),
    message(message, exchange) {
      // A whole answer is what its stream would have come to.
      const writer = new ResponseWriter(exchange, items, () => undefined)
      for (const event of messageEvents(message)) writer.event(event)
      return writer.response
    },
    failure: (reply) => ({ error: toErrorObject(reply) }),
  }
}

function clientInfo(headers: HeaderBag, { prompt_cache_key }: Fields): ClientInfo {
  const subagent = textOf(headers['x-openai-subagent'])
  return {
    app: appOf(headers),
    // Codex names its conversation in a header, whose name changed over time, and in the key of its prompt cache.
    sessionId:
      identifier(headers['session_id']) ??
      identifier(headers['session-id']) ??
      identifier(headers['conversation_id']) ??
      identifier(prompt_cache_key),
    requestClass: subagent === '' ? undefined : subagent === 'compact' ? 'compaction' : 'subagent',
  }
}

/** These values reach logs and records, so nothing but an identifier is taken. */
function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : undefined
}
