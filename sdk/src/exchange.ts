import type { CanonicalRequest } from './canonical.ts'
import type { ErrorCode } from './errors.ts'
import type { AttemptFailure, AttemptOutcome } from './failure.ts'
import type { Secret } from './secret.ts'

/** Request headers as Node gives them: names in lower case. */
export type HeaderBag = Readonly<Record<string, string | readonly string[] | undefined>>

/** Who asks, as the client's dialect found it in headers and body. */
export interface ClientInfo {
  /** Product token of the user agent, such as `claude-cli`. */
  readonly app: string
  readonly sessionId?: string | undefined
  readonly agentId?: string | undefined
  /** `main`, `subagent`, `auxiliary`, `compaction`, as the client states it. */
  readonly requestClass?: string | undefined
}

/**
 * A provider of the running generation, without its secrets. That of an attempt is what it is for the attempt's model,
 * which may speak another dialect than the others.
 */
export interface Provider {
  readonly name: string
  /** In `exchange.providers` without those that are left out because of a fault. */
  readonly models: readonly string[]
  /** The wire protocol it speaks; `canonical` for a provider whose answers are made in the process. */
  readonly dialect: string
  /** What `transformer.use` says beside the name of the dialect, by the schema that the dialect declares for it. */
  readonly dialectOptions?: Readonly<Record<string, unknown>> | undefined
  readonly local: boolean
}

/** One client request and everything that happens to it. */
export interface Exchange {
  /** `req_` and 24 characters; also the `request-id` of the answer. */
  readonly id: string
  /** The canonical request; after `onRequest` the one its handlers left. Frozen in development. */
  readonly request: CanonicalRequest
  /** The client's dialect. */
  readonly dialect: string
  readonly client: ClientInfo
  readonly headers: HeaderBag
  readonly profile: string
  /** Number of the generation that serves this exchange. */
  readonly generation: number
  readonly providers: readonly Provider[]
  /** Aborted when the client leaves or the router stops. */
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** The plan, once selectRoute has run. */
  readonly plan: RoutePlan | undefined
  /** A new identifier, `prefix` followed by 24 random characters. */
  newId(prefix: string): string
  /**
   * `false` when the request as it was received surely does not hold this text, which spares whoever looks for it from
   * parsing a large one. Ask for letters, digits and `-` alone: clients may write anything else as an escape.
   */
  mayHold(text: string): boolean
  /**
   * What plugins know of this exchange alone, each under a symbol of its own; no place for what others must not see. It
   * ends with the exchange, and costs less than a WeakMap, which the garbage of each exchange passes through.
   */
  readonly locals: Record<symbol, unknown>
}

/** A provider and one of its models, by name. */
export interface Target {
  readonly provider: string
  readonly model: string
}

/** A rule or a target that a router looked at and did not take. */
export interface PassedOver {
  /** The rule, as the config or the request names it, such as `Router.think`. */
  readonly rule?: string | undefined
  readonly target?: Target | undefined
  readonly reason: string
  /** It was asked for by name and does not exist: shown in `x-ccr-route`, the log and `ccr status`. */
  readonly unmatched?: boolean | undefined
}

/** Where an exchange goes: ordered targets and the reason. A handler returns a new plan, or nothing to leave it. */
export interface RoutePlan {
  /** In the order they will be tried. */
  readonly targets: readonly Target[]
  /** The target that was chosen first, before refiners added or reordered others. */
  readonly primary?: Target | undefined
  /** The plugin that decided; pickers run only while this is unset. */
  readonly decidedBy?: string | undefined
  /** The rule by which it did, such as `Router.families.opus.think`. */
  readonly rule?: string | undefined
  readonly source?: 'custom' | 'explicit' | 'subagent' | 'config' | undefined
  /** `default`, `background`, `think`, … */
  readonly scenario?: string | undefined
  readonly family?: string | undefined
  /** What was looked at and not taken, and why. */
  readonly passedOver: readonly PassedOver[]
  /** If set, the new base of all attempts. */
  readonly request?: CanonicalRequest | undefined
}

/** How the provider's credentials are put on a request. */
export type Auth =
  | { readonly scheme: 'bearer'; readonly secret: Secret }
  | { readonly scheme: 'header'; readonly name: string; readonly secret: Secret }

/**
 * What one attempt will send, as it moves through the stages `canonical` → `encode` → `wire` → `send`.
 * `dialect` says what `body` is: `canonical` before the target's dialect encoded it, the dialect's name afterwards.
 */
export interface Outbound<Dialect extends string = string, Body = unknown> {
  readonly dialect: Dialect
  readonly baseUrl: string
  readonly model: string
  readonly stream: boolean
  readonly body: Body
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Several are sent together; an empty list sends none, not even those of the dialect. */
  readonly auth?: Auth | readonly Auth[] | undefined
  /**
   * The member that stands in the body where `model` stood, for a server to which the URL names the model; set in the
   * wire stage. A handler that took `model` out of the body would have changed it, and nothing could go out, or come
   * back, as it was received.
   */
  readonly modelField?: { readonly name: string; readonly value: string } | undefined
  /** Set by the target's dialect in the send stage. */
  readonly url?: string | undefined
}

/** One immutable try of one target. */
export interface Attempt {
  readonly id: string
  readonly exchange: Exchange
  readonly target: Target
  readonly provider: Provider
  /** 1 for the first; a skipped target is not counted. */
  readonly number: number
  /** Every target was skipped and this one runs anyway: SkipTarget is an error now. */
  readonly lastResort: boolean
  /** Aborted when the exchange is, or when this attempt is given up. */
  readonly signal: AbortSignal
  /** Calls `fn` once, at once, when the first substantive event goes to the client. */
  onCommitted(fn: () => void): void
  /** Calls `fn` exactly once, with how the attempt ended: also after commit, on SkipTarget and on client abort. */
  onSettled(fn: (outcome: AttemptOutcome, failure: AttemptFailure | undefined) => void): void
}

/** Token counts in disjoint buckets. */
export interface TokenCounts {
  readonly input: number
  readonly cacheRead: number
  readonly cacheCreation: number
  /** Includes reasoning. */
  readonly output: number
  /** The part of `output` that was reasoning, where the upstream says so. */
  readonly reasoning: number
}

/** How an exchange ended. */
export type ExchangeStatus = 'ok' | 'error' | 'client_closed' | 'client_stalled'

/** One record per finished exchange. */
export interface UsageRecord {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Duration in milliseconds. */
  readonly ms: number
  /** Milliseconds until the first substantive event, where there was one. */
  readonly firstEventMs?: number | undefined
  readonly client: ClientInfo
  readonly dialect: string
  readonly requestedModel: string
  readonly stream: boolean
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly route?: { readonly decidedBy?: string | undefined; readonly scenario?: string | undefined } | undefined
  readonly status: ExchangeStatus
  /** The HTTP status the client saw. */
  readonly httpStatus: number
  readonly tokens: TokenCounts
  /** Some of the counts are guesses from lengths, because the upstream gave none. */
  readonly estimated: boolean
  /** The answer ended early: the counts are of what was seen of it. */
  readonly partial: boolean
  readonly attempts: readonly AttemptRecord[]
}

/** What one attempt came to, as the usage record tells it. */
export interface AttemptRecord {
  readonly provider: string
  readonly model: string
  readonly outcome: AttemptOutcome
  readonly status?: number | undefined
  readonly ms: number
  /** What kind of failure it was, and its code where the router gave it one. */
  readonly kind?: AttemptFailure['kind'] | undefined
  readonly code?: ErrorCode | undefined
  /** What was said of it: often the upstream's words, which may quote the request. No log holds these. */
  readonly error?: string | undefined
  /** The `retry-after` of its failure in milliseconds, where it was valid. */
  readonly retryAfterMs?: number | undefined
  /** Of an inner exchange, which has no record of its own. */
  readonly tokens?: TokenCounts | undefined
}
