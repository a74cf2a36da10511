import { deepFreeze, type Cancellation, type CanonicalRequest, type ClientInfo, type DecodedRequest } from '@ccr/sdk'
import type { Exchange, HeaderBag, Provider, RawBody, RoutePlan } from '@ccr/sdk'
import type { Generation } from '../core/generation.ts'
import type { Incoming, Runtime } from './ports.ts'

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
  readonly #freeze: boolean
  readonly #decoded: DecodedRequest
  #request: CanonicalRequest
  #plan: RoutePlan | undefined

  constructor(id: string, decoded: DecodedRequest, incoming: Incoming, served: Generation, runtime: Runtime) {
    this.id = id
    this.dialect = incoming.dialect
    this.client = decoded.client
    this.headers = incoming.input.headers
    this.profile = incoming.profile
    this.generation = served.id
    this.providers = served.providerList
    this.cancellation = incoming.cancellation
    this.startedAt = runtime.now()
    this.requestedModel = decoded.request.model
    this.stream = decoded.request.stream === true
    this.newId = runtime.newId
    this.#freeze = runtime.freeze
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

  replaceRequest(request: CanonicalRequest): void {
    this.#request = this.frozen(request)
  }

  decide(plan: RoutePlan): void {
    this.#plan = this.frozen(plan)
  }

  /** In development what handlers are given is frozen to the bottom, so that a mutation names its culprit. */
  frozen<T>(value: T): T {
    return this.#freeze ? deepFreeze(value) : value
  }
}
