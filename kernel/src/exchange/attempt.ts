import type { Attempt, AttemptFailure, AttemptOutcome, AttemptRecord, Target } from '@ccr/sdk'
import { isCcrError } from '@ccr/sdk'
import { Cancellation } from '@ccr/sdk/kernel'
import type { GenerationProvider } from '../core/profile.ts'
import type { ExchangeState } from './state.ts'

/** A target with its provider. */
export interface PlannedTarget {
  readonly target: Target
  readonly provider: GenerationProvider
}

type Settled = (outcome: AttemptOutcome, failure: AttemptFailure | undefined) => void

/** The kernel's own side of an attempt; it settles and commits at most once. */
export class AttemptState implements Attempt {
  readonly exchange: ExchangeState
  readonly target: Target
  readonly provider: GenerationProvider
  readonly number: number
  readonly lastResort: boolean
  /** Aborted with the exchange, or when this attempt is given up. */
  readonly cancellation = new Cancellation()
  readonly #began = performance.now()
  #id: string | undefined
  #onSettled: Settled[] | undefined
  #onCommitted: (() => void)[] | undefined
  #committed = false
  #record: AttemptRecord | undefined

  constructor(exchange: ExchangeState, planned: PlannedTarget, number: number, lastResort: boolean) {
    this.exchange = exchange
    this.target = planned.target
    this.provider = planned.provider
    this.number = number
    this.lastResort = lastResort
    if (exchange.cancellation.aborted) this.handleEvent()
    else exchange.cancellation.addEventListener('abort', this)
  }

  get id(): string {
    return (this.#id ??= this.exchange.newId('att_'))
  }

  get signal(): AbortSignal {
    return this.cancellation.signal
  }

  /** How it ended, once settled. */
  get record(): AttemptRecord | undefined {
    return this.#record
  }

  onCommitted(fn: () => void): void {
    ;(this.#onCommitted ??= []).push(fn)
  }

  onSettled(fn: Settled): void {
    ;(this.#onSettled ??= []).push(fn)
  }

  /** The exchange was given up, and this attempt with it. */
  handleEvent(): void {
    this.cancellation.abort(this.exchange.cancellation.reason)
  }

  /** Whether this was the first time. */
  commit(): boolean {
    if (this.#committed) return false
    this.#committed = true
    for (const fn of this.#onCommitted ?? []) this.#call(fn)
    return true
  }

  settle(outcome: AttemptOutcome, failure?: AttemptFailure): void {
    if (this.#record) return
    this.exchange.cancellation.removeEventListener('abort', this)
    const { provider, model } = this.target
    const ms = Math.round(performance.now() - this.#began)
    const { status, kind, cause, retryAfterMs, message: error } = failure ?? ({} as Partial<AttemptFailure>)
    const code = isCcrError(cause) ? cause.code : undefined
    this.#record = { provider, model, outcome, ms, status, kind, code, error, retryAfterMs }
    for (const fn of this.#onSettled ?? []) this.#call(() => fn(outcome, failure))
  }

  #call(fn: () => void): void {
    try {
      fn()
    } catch (err) {
      this.exchange.served.log.warn({ attempt: this.id, err }, 'a listener of an attempt threw')
    }
  }
}
