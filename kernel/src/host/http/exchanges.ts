import type { IncomingMessage } from 'node:http'
import { CcrError, isCcrError, type ClientDialect, type ClientInput, type HeaderBag } from '@ccr/sdk'
import type { Cancellation } from '@ccr/sdk/kernel'
import { DEFAULT_PROFILE } from '../../core/generation.ts'
import type { Lease } from '../../core/kernel.ts'
import type { Log } from '../../core/log.ts'
import type { Runtime } from '../../exchange/ports.ts'
import type { Incoming } from '../../exchange/state.ts'
import { Admission, type AdmissionLimits } from './admission.ts'
import { Bursts } from './bursts.ts'
import type { Refusal } from './failure-answer.ts'
import type { ResponseSink } from './sink.ts'
import type { ProfileEndpoint } from './table.ts'

/** An endpoint that runs exchanges. */
export type ExchangeEndpoint = Extract<ProfileEndpoint, { readonly client: unknown }>

/** Runs one exchange to its end; it never rejects, always answers the sink and lets go of the lease. */
export type RunExchange = (lease: Lease, incoming: Incoming, runtime: Runtime, log: Log) => Promise<unknown>

/** One request for an exchange, its body read. */
export interface ExchangeCall {
  readonly sink: ResponseSink
  /** Of the request. */
  readonly bytes: number
  /** Takes the lease and finds the endpoint in its generation; nothing when that is gone and was answered. */
  enter(): { readonly lease: Lease; readonly incoming: Incoming } | undefined
  refuse(refusal: Refusal): void
  /** It has ended. */
  left(): void
}

/** What exchanges need. */
export interface ExchangesOptions {
  readonly run: RunExchange
  readonly log: Log
  readonly limits: AdmissionLimits
}

/** The answer to what finds no place. */
export const OVERLOADED: Refusal = {
  status: 529,
  type: 'overloaded_error',
  message: 'the router runs as many exchanges as it may; try again',
  retryAfter: '1',
}
/** The answer to what comes too late. */
export const STOPPING: Refusal = {
  status: 529,
  type: 'overloaded_error',
  message: 'the router is shutting down; try again',
  retryAfter: '1',
  close: true,
}

/** An exchange that keeps a generation alive. */
export interface HoldingExchange {
  /** Of its request. */
  readonly path: string
  /** How long it has run, in milliseconds. */
  readonly ms: number
}

/** The exchanges that run or wait, and how they end when the router stops. */
export class Exchanges {
  readonly #run: RunExchange
  readonly #log: Log
  readonly #admission: Admission
  readonly #refused: Bursts
  readonly #gone: Bursts
  readonly #open: OpenCall[] = []
  #limits: AdmissionLimits
  #idle: (() => void) | undefined

  constructor({ run, log, limits }: ExchangesOptions) {
    this.#run = run
    this.#log = log
    this.#admission = new Admission(limits)
    this.#limits = limits
    this.#refused = new Bursts((refused) => log.warn({ refused, ...this.#limits }, 'exchanges found no place'))
    this.#gone = new Bursts((left) => log.warn({ left, ...this.#limits }, 'clients left before their turn'))
  }

  /** Exchanges that run now. */
  get running(): number {
    return this.#admission.running
  }

  /** Exchanges that wait for their turn. */
  get queued(): number {
    return this.#admission.queued
  }

  /** The exchanges that hold a generation, oldest first. */
  holding(generation: number): readonly HoldingExchange[] {
    const holding = this.#open.filter(({ held }) => held?.generation === generation)
    const now = performance.now()
    return holding
      .map(({ held, since }) => ({ path: held!.path.split('?', 1)[0]!, ms: Math.round(now - since) }))
      .sort((first, second) => second.ms - first.ms)
  }

  configure(limits: AdmissionLimits): void {
    this.#limits = limits
    this.#admission.configure(limits)
  }

  /** One was answered with {@link OVERLOADED}. None of these leaves a record, so the log has their number. */
  refused(): void {
    this.#refused.add()
  }

  async serve(call: ExchangeCall, runtime: Runtime): Promise<void> {
    const { sink, bytes } = call
    const open: OpenCall = { sink, at: this.#open.length, since: performance.now(), held: undefined }
    this.#open.push(open)
    let admitted = false
    try {
      admitted = this.#admission.enter(bytes) || (await this.#admission.wait(bytes, sink.cancellation))
      if (!admitted) return this.#turnAway(call)
      const entered = call.enter()
      open.held = entered && { generation: entered.lease.generation.id, path: entered.incoming.input.url }
      if (entered) await this.#run(entered.lease, entered.incoming, runtime, this.#log)
    } finally {
      if (admitted) this.#admission.leave(bytes)
      this.#remove(open)
      if (this.#open.length === 0) this.#idle?.()
      call.left()
    }
  }

  /** Resolves when no exchange is left; those that are after the limit, or after {@link abortAll}, are cut. */
  async drain(limitMs: number): Promise<void> {
    if (this.#open.length > 0) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve))
      const timer = setTimeout(() => this.abortAll(), limitMs)
      await idle
      clearTimeout(timer)
    }
    this.#refused.end()
    this.#gone.end()
  }

  /** Ends every exchange with an error that says why. */
  abortAll(): void {
    for (const { sink } of [...this.#open])
      sink.abort(new CcrError('CCR_EXCHANGE_SHUTDOWN', 'the router is shutting down; try again'))
  }

  #turnAway(call: ExchangeCall): void {
    const { aborted, reason } = call.sink.cancellation
    if (!aborted) this.refused()
    else if (isCcrError(reason) && reason.code === 'CCR_CLIENT_CLOSED') this.#gone.add()
    call.refuse(aborted ? STOPPING : OVERLOADED)
  }

  #remove(open: OpenCall): void {
    const last = this.#open.pop()!
    if (last === open) return
    this.#open[open.at] = last
    last.at = open.at
  }
}

/**
 * An entry of a list without order. A Set would do the same, but each of its tables, once outgrown, keeps everything
 * that was in it until the next full collection, which multiplied the cost of a small request's garbage by five.
 */
interface OpenCall {
  readonly sink: ResponseSink
  readonly since: number
  at: number
  held: { readonly generation: number; readonly path: string } | undefined
}

/** A request as an exchange sees it. */
export class ExchangeRequest implements Incoming, ClientInput {
  readonly dialect: string
  readonly client: ClientDialect
  readonly profile: string
  readonly body: Buffer
  readonly headers: HeaderBag
  readonly url: string
  readonly params: ClientInput['params']
  readonly sink: ResponseSink

  constructor(
    endpoint: ExchangeEndpoint,
    params: ClientInput['params'],
    request: IncomingMessage,
    body: Buffer,
    sink: ResponseSink,
  ) {
    this.dialect = endpoint.dialect
    this.client = endpoint.client
    this.profile = endpoint.profile ?? DEFAULT_PROFILE
    this.body = body
    this.headers = request.headers
    this.url = request.url!
    this.params = params
    this.sink = sink
  }

  get input(): ClientInput {
    return this
  }

  get cancellation(): Cancellation {
    return this.sink.cancellation
  }
}
