import type { CanonicalEvent, CanonicalMessage, CanonicalRequest } from './canonical.ts'
import type { Attempt, Exchange, Outbound, RoutePlan, UsageRecord } from './exchange.ts'
import type { AttemptFailure, FailureReply } from './failure.ts'
import type { StreamPipeline } from './stream.ts'

/** What a handler may give: a value, nothing, or a promise of either. */
export type Maybe<T> = T | undefined | void | Promise<T | undefined | void>

/** Goes on with a value: at once where it is there, since a promise costs a timer, else when it comes. */
export function andThen<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** An answer made by a plugin instead of an upstream. */
export type LocalReply =
  | { readonly message: CanonicalMessage }
  | { readonly failure: FailureReply }
  | { readonly events: AsyncIterable<readonly CanonicalEvent[]> }

/** Answer now, or replace the request. */
export type RequestDecision = { readonly reply: LocalReply } | { readonly request: CanonicalRequest }

/**
 * What happens after a failed attempt; nobody deciding means: tell the client. That is also what becomes of a `retry`
 * whose wait would end behind `timeouts.attempts`, and of another attempt when `limits.attempts` have run.
 */
export type ErrorDecision =
  | { readonly action: 'retry'; readonly afterMs: number }
  | {
      readonly action: 'next'
      /** What the client is told where no other is tried; of this failure unless given. */
      readonly reply?: FailureReply | undefined
    }
  | { readonly action: 'reply'; readonly reply: FailureReply }

/** The six hooks. Values are immutable: a handler returns a new value, or nothing to leave things as they are. */
export interface HookHandlers {
  /**
   * Once per exchange of a client, before anything is decided; what must hold of the inner exchanges of plugins too
   * belongs into transformRequest. Default on failure: the exchange fails (never overridable, so that a guard cannot be
   * skipped). Deadline 5 s.
   */
  onRequest(request: CanonicalRequest, exchange: Exchange): Maybe<RequestDecision>
  /** Once: refines the plan. Default on failure: skipped. Deadline 2 s. */
  selectRoute(plan: RoutePlan, exchange: Exchange): Maybe<RoutePlan>
  /** Once per attempt and stage. May throw SkipTarget. Default on failure: the attempt fails. Deadline 5 s. */
  transformRequest(outbound: Outbound, attempt: Attempt): Maybe<Outbound>
  /** Once per upstream answer, synchronously: adds transforms and observers. Default on failure: the attempt fails. */
  transformStream(stream: StreamPipeline, attempt: Attempt): void
  /** Per failed attempt, before anything was committed. Default on failure: skipped. Deadline 1 s. */
  onError(failure: AttemptFailure, attempt: Attempt): Maybe<ErrorDecision>
  /** At the end, while the lease is held. Default on failure: skipped. Deadline 10 s; 50 ms for `durable` taps. */
  onUsage(usage: UsageRecord, exchange: Exchange): Maybe<void>
}

/** The name of one of the six hooks. */
export type HookName = keyof HookHandlers

/** Where a tap stands. Inside a stage: `before`/`after` edges, then config order. */
export interface Placement {
  /** Names of plugins or entry ids this tap must precede; absent names are ignored. */
  readonly before?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  /** Overrides the hook's own policy; not for onRequest and onUsage. */
  readonly onFailure?: 'fail' | 'skip' | undefined
}

/** Where a tap of selectRoute stands. */
export interface RoutePlacement extends Placement {
  /** `pick` while nothing is decided (default), `refine` afterwards, `final` last. */
  readonly stage?: 'pick' | 'refine' | 'final' | undefined
}

/** Where a tap of transformRequest stands. */
export interface TransformPlacement extends Placement {
  /** `canonical` (default), `wire` (the target's own body) or `send` (may set only url, headers and auth). */
  readonly stage?: 'canonical' | 'wire' | 'send' | undefined
  /** In the wire stage: the dialect whose bodies this tap reads; `*` or absent sees any. */
  readonly dialect?: string | undefined
}

/** Where a tap of onUsage stands. */
export interface UsagePlacement extends Placement {
  /** Returns before the terminal frame goes out (at most 50 ms). */
  readonly durable?: boolean | undefined
}

/** The placement that each hook accepts. */
export interface HookPlacement {
  onRequest: Omit<Placement, 'onFailure'>
  selectRoute: RoutePlacement
  transformRequest: TransformPlacement
  transformStream: Placement
  onError: Placement
  onUsage: UsagePlacement
}
