import { deepFreeze } from '@ccr/sdk'
import type { AttemptRecord, CanonicalRequest, ClientDialect, ClientInfo, ClientInput, DecodedRequest } from '@ccr/sdk'
import type { Exchange, HeaderBag, Provider, RawBody, RoutePlan, Target, UsageRecord } from '@ccr/sdk'
import type { Cancellation, Patience } from '@ccr/sdk/kernel'
import type { Generation } from '../core/generation.ts'
import type { Log } from '../core/log.ts'
import type { Profile } from '../core/profile.ts'
import type { ClientSink, Runtime } from './ports.ts'

/** A client's request, ready to run. */
export interface Incoming {
  readonly dialect: string
  readonly client: ClientDialect
  readonly input: ClientInput
  readonly profile: string
  /** Of an exchange that a plugin runs inside another one. */
  readonly inner?: Inner | undefined
  readonly sink: ClientSink
  /** Aborted when the client leaves (`CCR_CLIENT_CLOSED`) or the router stops (`CCR_EXCHANGE_SHUTDOWN`). */
  readonly cancellation: Cancellation
}

/** What an inner exchange belongs to, and where it was told to go. */
export interface Inner {
  readonly parent: ExchangeState
  readonly target: Target | undefined
}

/** What serves an exchange. */
export interface Served {
  readonly generation: Generation
  readonly runtime: Runtime
  readonly log: Log
}

/** The kernel's own side of an exchange; plugins see it as {@link Exchange}. */
export class ExchangeState implements Exchange {
  readonly id: string
  readonly dialect: string
  readonly client: ClientInfo
  readonly headers: HeaderBag
  readonly profile: string
  readonly generation: number
  readonly providers: readonly Provider[]
  readonly cancellation: Cancellation
  readonly startedAt: number
  /** The model the client asked for; converted answers name it. */
  readonly requestedModel: string
  readonly stream: boolean
  readonly newId: (prefix: string) => string
  readonly served: Served
  readonly world: Profile
  readonly inner: Inner | undefined
  /** How many exchanges this one is inside of. */
  readonly depth: number
  readonly innerAttempts: AttemptRecord[] = []
  readonly locals: Record<symbol, unknown> = {}
  /** What stands still while an exchange runs inside it, which has timers of its own. */
  patience: Patience | undefined
  /** Its usage is settled. */
  ended = false
  readonly #decoded: DecodedRequest
  #request: CanonicalRequest
  #plan: RoutePlan | undefined

  constructor(id: string, decoded: DecodedRequest, incoming: Incoming, served: Served) {
    const { generation, runtime } = served
    this.id = id
    this.dialect = incoming.dialect
    this.client = decoded.client
    this.headers = incoming.input.headers
    this.profile = incoming.profile
    this.generation = generation.id
    this.served = served
    this.world = generation.profiles.get(incoming.profile)!
    this.inner = incoming.inner
    this.depth = incoming.inner ? incoming.inner.parent.depth + 1 : 0
    this.providers = this.world.providerList
    this.cancellation = incoming.cancellation
    this.startedAt = runtime.now()
    this.requestedModel = decoded.request.model
    this.stream = decoded.request.stream === true
    this.newId = runtime.newId
    this.#decoded = decoded
    this.#request = this.frozen(decoded.request)
  }

  get signal(): AbortSignal {
    return this.cancellation.signal
  }

  get request(): CanonicalRequest {
    return this.#request
  }

  /** The bytes as received, as long as no handler has put another request in their place. */
  get raw(): RawBody | undefined {
    return this.#request === this.#decoded.request ? this.#decoded.raw : undefined
  }

  get plan(): RoutePlan | undefined {
    return this.#plan
  }

  mayHold(text: string): boolean {
    return this.raw?.bytes.includes(text) ?? true
  }

  replaceRequest(request: CanonicalRequest): void {
    this.#request = this.frozen(request)
  }

  decide(plan: RoutePlan): void {
    this.#plan = this.frozen(plan)
  }

  /** Counts the attempts of an inner exchange among its own, unless it is too late for that. */
  adopt({ attempts, tokens }: UsageRecord): boolean {
    this.innerAttempts.push(...attempts.map((attempt) => (attempt.outcome === 'ok' ? { tokens, ...attempt } : attempt)))
    return !this.ended
  }

  /** In development what handlers are given is frozen to the bottom, so that a mutation names its culprit. */
  frozen<T>(value: T): T {
    return this.served.runtime.freeze ? deepFreeze(value) : value
  }
}
