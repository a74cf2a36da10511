import {
  type Attempt,
  CcrError,
  checkRequest,
  createEventReader,
  endpointUrl,
  errorInPlaceOf,
  parseObject,
  stripExtensions,
  type TargetDialect,
  type WireReader,
} from '@ccr/sdk'
import type { Adaptation } from './adapt.ts'
import { ResponsesDecoder, toItemEvents } from './decode.ts'
import { encodeRequest } from './encode.ts'
import { readError } from './errors.ts'
import { keyOf } from './reasoning.ts'
import { NamespacedNames } from './tool-names.ts'
import { fieldsOf, type ReasoningItem, type ResponsesBody, type ResponsesEvent } from './wire.ts'

/**
 * What the encoder renamed and the decoder of the same attempt must name back, and the reasoning that went out. Kept
 * on the attempt itself: a WeakMap that changes with every attempt holds on to many of them until a full collection.
 */
const NAMES = Symbol('names')
const SENT = Symbol('sent')
type MarkedAttempt = Attempt & { [NAMES]?: NamespacedNames; [SENT]?: readonly string[] }

/** The provider side of the Responses protocol. */
export function createTarget(adaptation: Adaptation): TargetDialect<ResponsesBody, ResponsesEvent> {
  return {
    encode(request, { model, stream }, attempt: MarkedAttempt) {
      checkRequest(request)
      const names = new NamespacedNames()
      const body = encodeRequest(request, {
        model,
        stream,
        provider: attempt.target.provider,
        names,
        sharesStrict: attempt.exchange.dialect !== 'anthropic',
        refused: adaptation.refusedBy(attempt.target, attempt),
        isUnreadable: (key) => adaptation.isUnreadable(key),
        sessionId: attempt.exchange.client.sessionId,
      })
      attempt[NAMES] = names
      attempt[SENT] = body.input.filter((item) => item.type === 'reasoning').map((item) => keyOf(item as ReasoningItem))
      return body
    },
    strip: stripExtensions,
    address: (outbound, secret) => ({
      url: endpointUrl(outbound.baseUrl, '/responses', { root: '/v1', always: false }),
      headers: {
        'content-type': 'application/json',
        accept: outbound.stream ? 'text/event-stream' : 'application/json',
      },
      auth: secret && { scheme: 'bearer', secret },
    }),
    reader: (contentType) => (/^\s*text\/event-stream\b/i.test(contentType) ? createReader() : undefined),
    explode,
    decoder: (attempt: MarkedAttempt) => new ResponsesDecoder(attempt, attempt[NAMES]),
    error: readError,
  }
}

/** The keys of the reasoning items that an attempt sent. */
export function sentReasoning(attempt: Attempt): readonly string[] {
  return (attempt as MarkedAttempt)[SENT] ?? []
}

/** A whole answer as the events that say it at once. */
function explode(answer: unknown): readonly ResponsesEvent[] {
  const response = fieldsOf(answer)
  const { status, error, output } = response
  if (status === undefined && error !== undefined && error !== null) return [{ type: 'error', error }]
  if (status !== 'failed' && status !== 'cancelled' && !Array.isArray(output))
    throw errorInPlaceOf(response) ?? notAResponse()
  const type = `response.${UNFINISHED.has(status) ? String(status) : 'completed'}`
  return [{ type: 'response.created' }, ...toItemEvents(output), { type, response }]
}

function notAResponse(): CcrError {
  return new CcrError(
    'CCR_STREAM_INVALID',
    'the answer is not a response; is the base URL that of a Responses endpoint?',
  )
}

/** How an answer may end otherwise than completed. */
const UNFINISHED: ReadonlySet<unknown> = new Set(['incomplete', 'failed', 'cancelled'])

function createReader(): WireReader<ResponsesEvent> {
  return createEventReader<ResponsesEvent>((text, name) => {
    const value = parseObject(text)
    // Some servers name the type of an event in its `event` line only.
    return value && value['type'] === undefined && name !== undefined ? { ...value, type: name } : value
  })
}
