import { CcrError, endpointUrl, isObject, messageEvents, Type } from '@ccr/sdk'
import type {
  Address,
  Attempt,
  CanonicalEvent,
  CanonicalMessage,
  CanonicalRequest,
  Outbound,
  Secret,
  Static,
  StreamTransform,
  TargetDialect,
  ToolNames,
} from '@ccr/sdk'
import { withAnswerSchema } from './answer-schema.ts'
import { withAnsweredCalls } from './answered-calls.ts'
import { speakable } from './content.ts'
import { createDecoder, type WireEvent } from './decoder.ts'
import { MAX_TOKENS, meetDemands, withoutIdleChoice } from './demands.ts'
import { unreasoned } from './event-mender.ts'
import { withoutForeignParts } from './history.ts'
import { upstreamHeaders } from './headers.ts'
import type { ModelTraits } from './model-traits.ts'
import { createPassthrough } from './passthrough.ts'
import { createReader } from './reader.ts'
import { isRefused, withoutRefused } from './refusals.ts'
import { withObjectSchemas } from './tool-schemas.ts'
import { isBlocks } from './unfold.ts'
import { errorOf, reported } from './upstream-error.ts'
import { fromWireNames, toWireNames } from './wire-names.ts'

/** What the encoder renamed and the decoder of the same attempt must name back. */
const NAMES = Symbol('names')
/** What the encoder was asked to send, before anything was left out that its model refuses. */
const ASKED = Symbol('asked')
type NamedAttempt = Attempt & { [NAMES]?: ToolNames; [ASKED]?: CanonicalRequest }

/** What may stand beside `Anthropic` in `transformer.use`. */
export const TargetOptions = Type.Object(
  {
    UseBearer: Type.Optional(
      Type.Boolean({ description: 'Sends the key as `authorization: Bearer …` and not as `x-api-key`.' }),
    ),
  },
  { additionalProperties: false },
)

/** The request of an attempt before anything was left out that its model refuses. */
export function askedOf(attempt: NamedAttempt): CanonicalRequest {
  return attempt[ASKED] ?? attempt.exchange.request
}

/** The provider side of the Messages protocol, which is the canonical form: little is left to convert. */
export function createTarget(traits: ModelTraits): TargetDialect<CanonicalRequest, WireEvent> {
  return {
    ...TARGET,
    encode: (request, outbound, attempt) => encode(request, outbound, attempt, traits),
    mustEncode(attempt) {
      const { request } = attempt.exchange
      return isRefused(attempt) || traits.fit(request, attempt) !== request
    },
  }
}

const TARGET: Omit<TargetDialect<CanonicalRequest, WireEvent>, 'encode' | 'mustEncode'> = {
  address,
  reader: (contentType) => (/^\s*text\/event-stream\s*(?:;|$)/i.test(contentType) ? createReader() : undefined),
  explode,
  decoder,
  error: errorOf,
  passthrough: (full) => createPassthrough(full),
}

function encode(
  request: CanonicalRequest,
  outbound: Outbound,
  attempt: NamedAttempt,
  traits: ModelTraits,
): CanonicalRequest {
  const asked = withoutRefused(withoutForeignParts(request), attempt)
  attempt[ASKED] = asked
  const own = traits.fit(asked, attempt)
  const { extra: _foreign, ...body } = attempt.exchange.dialect === 'anthropic' ? own : adapted(own, attempt)
  // This protocol demands what clients of others may leave out.
  return { max_tokens: MAX_TOKENS, ...body, model: outbound.model, stream: outbound.stream }
}

/** The request of a client of another protocol, with all that this one would refuse made to fit. */
function adapted(given: CanonicalRequest, attempt: NamedAttempt): CanonicalRequest {
  const said = withAnsweredCalls(speakable(given))
  const asked = withAnswerSchema(withObjectSchemas(meetDemands(withoutIdleChoice(said))))
  const { request, names } = toWireNames(asked)
  attempt[NAMES] = names
  return request
}

function decoder(attempt: NamedAttempt): StreamTransform<WireEvent, CanonicalEvent> {
  const { [NAMES]: names } = attempt
  const plain = createDecoder((prefix) => attempt.exchange.newId(prefix))
  if (!names) return plain
  return { ...plain, chunk: (event, emit) => plain.chunk(event, (one) => emit(fromWireNames(one, names))) }
}

function address(outbound: Outbound, secret: Secret | undefined, attempt: Attempt): Address {
  const { exchange } = attempt
  const headers = upstreamHeaders(exchange.dialect === 'anthropic' ? exchange.headers : undefined)
  // What a handler has set is meant, and stays.
  for (const name of Object.keys(outbound.headers)) delete headers[name]
  const url = endpointUrl(outbound.baseUrl, '/messages', { root: '/v1', always: true })
  // Clients that use beta features ask for them in the query as well.
  const beta = 'anthropic-beta' in headers || 'anthropic-beta' in outbound.headers
  // The schema was checked with the config.
  const { UseBearer } = (attempt.provider.dialectOptions ?? {}) as Static<typeof TargetOptions>
  const scheme = UseBearer ? ({ scheme: 'bearer' } as const) : ({ scheme: 'header', name: 'x-api-key' } as const)
  const auth = secret && { ...scheme, secret }
  return { url: beta ? withBeta(url) : url, headers, auth }
}

function withBeta(url: string): string {
  if (/[?&]beta=/.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}beta=true`
}

function explode(answer: unknown, attempt: Attempt): readonly WireEvent[] {
  const error =
    isObject(answer) && (answer['type'] === 'error' || answer['error']) ? (errorOf(answer) ?? {}) : undefined
  if (error) throw reported(error)
  return messageEvents(toMessage(answer, attempt)) as readonly WireEvent[]
}

/** Fills in what compatible servers leave out and clients rely on. */
function toMessage(answer: unknown, attempt: Attempt): CanonicalMessage {
  const { content, ...rest } = isObject(answer) ? answer : {}
  const { id, type, model, usage, stop_reason, stop_sequence } = rest
  if ((type ?? 'message') !== 'message' || !isBlocks(content))
    throw new CcrError('CCR_STREAM_INVALID', 'the answer of the upstream is not a message')
  if (typeof stop_reason !== 'string') throw unreasoned()
  return {
    ...rest,
    id: typeof id === 'string' ? id : attempt.exchange.newId('msg_'),
    type: 'message',
    role: 'assistant',
    model: typeof model === 'string' ? model : attempt.target.model,
    content,
    stop_reason,
    stop_sequence: typeof stop_sequence === 'string' ? stop_sequence : null,
    usage: isObject(usage) ? usage : { input_tokens: 0, output_tokens: 0 },
  }
}
