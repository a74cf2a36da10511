import type { Exchange, RoutePlan, Target, UsageRecord } from '@ccr/sdk'
import type { BodySource, Cancellation, Settings } from '@ccr/sdk/kernel'

/** One request to an upstream. */
export interface TransportRequest {
  readonly url: string
  /** Lower-case names; credentials already rendered. */
  readonly headers: Readonly<Record<string, string>>
  /** Pieces are sent one after the other. */
  readonly body: string | Uint8Array | readonly Uint8Array[]
  /** Asks for an uncompressed answer, whose bytes are handed on as they come. */
  readonly stream: boolean
  readonly connectTimeoutMs: number
  /** Closes the upstream at once, in every phase. */
  readonly signal: Cancellation
}

/** An answer's head, and its body as it is read. */
export interface TransportResponse {
  readonly status: number
  /** Lower-case names; a repeated header is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: BodySource
}

/** The network, as the exchange sees it. Rejects with the error of the socket or client library; its `code` is kept. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>
}

/** Where an answer is written. */
export interface ClientSink {
  /** Sends status and headers, once. */
  head(status: number, headers: Readonly<Record<string, string>>): void
  /** `false` when the client does not take more for now. */
  write(chunk: string | Uint8Array): boolean
  /** Resolves when the client takes more; rejects when it has left. */
  drained(): Promise<void>
  /** Ends the answer, with a last chunk if given. */
  end(chunk?: string | Uint8Array): void
  /** Cuts the connection. */
  destroy(): void
}

/** What a line of the routing log tells, beside the exchange that it is of. */
export type RoutingNote =
  | ({ readonly event: 'route' } & Omit<RoutePlan, 'primary' | 'request'>)
  | ({ readonly event: 'attempt' | 'commit'; readonly number: number } & Target)
  | { readonly event: 'done'; readonly record: UsageRecord }

/** What was decided, tried, committed, line by line. Never bodies, never secrets. */
export interface RoutingLog {
  record(exchange: Exchange, note: RoutingNote): void
}

/** What an exchange needs from outside. */
export interface Runtime {
  readonly transport: Transport
  readonly settings: Settings
  readonly routing: RoutingLog
  /** Removes known secrets from a text that leaves the router. */
  redact(text: string): string
  /** `prefix` and 24 random characters of [A-Za-z0-9]. */
  newId(prefix: string): string
  /** Milliseconds since the epoch. */
  now(): number
  /** Why a provider that is configured, or this model of it, was left out, and what to do; nothing of any other. */
  absence?(target: Target): string | undefined
  /** Leaves `x-ccr-provider`, `x-ccr-model` and `x-ccr-route` out of answers. */
  readonly hidesRoute?: boolean | undefined
  /** Deep-freezes what handlers see, so that a mutation names its culprit. */
  readonly freeze: boolean
}
