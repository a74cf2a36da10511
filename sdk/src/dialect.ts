import type { CanonicalEvent, CanonicalMessage, CanonicalRequest } from './canonical.ts'
import type { Attempt, Auth, ClientInfo, Exchange, HeaderBag, Outbound } from './exchange.ts'
import type { FailureReply, FailureType } from './failure.ts'
import type { Secret } from './secret.ts'
import type { Emit, StreamTransform } from './stream.ts'

/** A request as it came in. */
export interface ClientInput {
  readonly body: Buffer
  readonly headers: HeaderBag
  /** Path and query. */
  readonly url: string
  /** Parameters of the endpoint's path. */
  readonly params: Readonly<Record<string, string | undefined>>
}

/** The bytes of a request that may go out as they came. */
export interface RawBody {
  readonly bytes: Buffer
  /** Byte ranges `[start, end)` of every top-level `model` value, in order. */
  readonly modelSpans: readonly (readonly [number, number])[]
  /** Holds something that this router signed, so it must be encoded anew. */
  readonly marked: boolean
  /** Lets go of what was parsed of these bytes, while the request waits for its answer; reading parses again. */
  forget?(): void
}

/** A client's request in canonical form. */
export interface DecodedRequest {
  readonly request: CanonicalRequest
  readonly client: ClientInfo
  readonly raw?: RawBody | undefined
}

/** Turns canonical events into the bytes of one streamed answer. */
export interface ClientEncoder {
  readonly contentType: string
  /** One string for a batch, written at once. */
  events(batch: readonly CanonicalEvent[]): string
  /** A frame that keeps the connection and the client's watchdogs alive. */
  ping(): string
  /** The frame that ends a stream which failed after bytes went out. */
  failure(reply: FailureReply): string
}

/** The client side of a wire protocol. */
export interface ClientDialect {
  /** Lower-case name of the header in which its clients look for the id that stands in `request-id`. */
  readonly requestIdHeader?: string | undefined
  /** @throws CcrError `CCR_REQUEST_INVALID` with the place of the fault. */
  decode(input: ClientInput): DecodedRequest
  encoder(exchange: Exchange): ClientEncoder
  /** The body of a non-streaming answer. */
  message(message: CanonicalMessage, exchange: Exchange): unknown
  /** The body of an error answer. */
  failure(reply: FailureReply, requestId: string): unknown
}

/**
 * Turns the bytes of an answer into wire events. What was emitted before it throws still counts, so that the events do
 * not depend on how the bytes were cut.
 */
export interface WireReader<Event> {
  push(bytes: Uint8Array, emit: Emit<Event>): void
  /** After the last byte: a residue without its final line end is still an event. */
  end(emit: Emit<Event>): void
}

/** Complete frames of a passed-through answer: the bytes as received, and as much of each event as is needed. */
export interface PassthroughFrames {
  /** Whole frames only; may be empty. */
  readonly bytes: Uint8Array
  /**
   * The event of each frame that carries one, or the events that it stands for. Types in the reader's `full` set are
   * complete; of the others `type`, `index`, the block's and the delta's `type` are.
   */
  readonly events: readonly CanonicalEvent[]
  /** Where in `bytes` the frame of each event ends, so that a stream can be cut between two of them. */
  readonly ends: readonly number[]
}

/** Cuts the bytes of a passed-through answer into whole frames. */
export interface PassthroughReader {
  push(bytes: Uint8Array): PassthroughFrames
  end(): PassthroughFrames
}

/**
 * Turns the wire events of one answer into canonical ones. It throws `CCR_STREAM_ENDED` from `flush` when the answer
 * lacks its terminal event, and `CCR_STREAM_ERROR` with an {@link UpstreamError} as its `cause` when the upstream
 * reports an error.
 */
export interface AnswerDecoder<Event = unknown> extends StreamTransform<Event, CanonicalEvent> {
  /**
   * Whether nothing but the mark of the end can be missing. From then on a connection that breaks, or is silent for
   * 10 s, ends the answer as if it had closed.
   */
  readonly complete?: boolean
}

/** Where and how an encoded request is sent. */
export interface Address {
  readonly url: string
  /** Lower-case names; those that a handler has set on the outbound win over them. */
  readonly headers: Readonly<Record<string, string>>
  readonly auth?: Auth | undefined
}

/** Longest part of an upstream's error text that is worth keeping, in UTF-16 units. */
export const MAX_ERROR_TEXT = 2000

/** What an upstream says about its error. */
export interface UpstreamError {
  readonly message?: string | undefined
  /** The upstream's own type or code, in the words of the canonical dialect; absent when it is none of them. */
  readonly type?: FailureType | undefined
  /** How long it asks to be left alone, in seconds, where it says so in the body. */
  readonly retryAfter?: string | undefined
  /** What it says for programs, where clients of its own dialect act on it. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** The provider side of a wire protocol. `Body` is its request body, `Event` its stream events. */
export interface TargetDialect<Body = unknown, Event = unknown> {
  /** Canonical request → wire body. `outbound.model` is the target's model. */
  encode(request: CanonicalRequest, outbound: Outbound, attempt: Attempt): Body
  /** Removes what only patches need, just before the body is serialised. */
  strip?(body: Body): Body
  /** `secret` is absent for a provider without a key. */
  address(outbound: Outbound, secret: Secret | undefined, attempt: Attempt): Address
  /** A reader for this content type, or nothing when it is not a stream of this dialect. */
  reader(contentType: string, attempt: Attempt): WireReader<Event> | undefined
  /** A whole answer → the events a stream of it would have had. */
  explode(answer: unknown, attempt: Attempt): readonly Event[]
  /** Wire events → canonical events, for one answer. */
  decoder(attempt: Attempt): AnswerDecoder<Event>
  /** Reads an error body, parsed where it was JSON. */
  error(body: unknown): UpstreamError | undefined
  /** Whether this request must be encoded although it could go out as received: the target refused it as it is. */
  mustEncode?(attempt: Attempt): boolean
  /** Present when an answer may be forwarded as received to a client of the same dialect. */
  passthrough?(full: ReadonlySet<CanonicalEvent['type']>): PassthroughReader
}

/** A wire protocol: the client side, the provider side, or both. */
export interface Dialect<Body = unknown, Event = unknown> {
  readonly name: string
  readonly client?: ClientDialect | undefined
  readonly target?: TargetDialect<Body, Event> | undefined
}
