import type { Attempt, AttemptFailure, AttemptOutcome, AttemptRecord, Provider, Target } from '@ccr/sdk'
import type { Log } from '../core/log.ts'
import type { ExchangeState } from './state.ts'

/** A target with its provider, as attempts see it. */
export interface PlannedTarget {
  readonly target: Target
  readonly provider: Provider
}

type Settled = (outcome: AttemptOutcome, failure: AttemptFailure | undefined) => void

/** The kernel's own side of an attempt; it settles and commits at most once. */
export class AttemptState implements Attempt {
  readonly id: string
  readonly exchange: ExchangeState
  readonly target: Target
  readonly provider: Provider
  readonly number: number
  readonly lastResort: boolean
  readonly #abort = new AbortController()
  readonly #log: Log
  readonly #began = performance.now()
  #onSettled: Settled[] = []
  #onCommitted: (() => void)[] = []
  #committed = false
  #record: AttemptRecord | undefined

  constructor(exchange: ExchangeState, planned: PlannedTarget, number: number, lastResort: boolean, log: Log) {
    this.id = exchange.newId('att_')
    this.exchange = exchange
    this.target = planned.target
    this.provider = planned.provider
    this.number = number
    this.lastResort = lastResort
    this.#log = log
    if (exchange.signal.aborted) this.#abort.abort(exchange.signal.reason)
    else exchange.signal.addEventListener('abort', this.#leave, { once: true })
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** How it ended, once settled. */
  get record(): AttemptRecord | undefined {
    return this.#record
  }

  onCommitted(fn: () => void): void {
    this.#onCommitted.push(fn)
  }

  onSettled(fn: Settled): void {
    this.#onSettled.push(fn)
  }

  /** Gives the attempt up: its upstream is closed and whoever waits for it is told why. */
  abort(reason: Error): void {
    this.#abort.abort(reason)
  }

  commit(): void {
    if (this.#committed) return
    this.#committed = true
    for (const fn of this.#onCommitted) this.#call(fn)
  }

  settle(outcome: AttemptOutcome, failure?: AttemptFailure): void {
    if (this.#record) return
    this.exchange.signal.removeEventListener('abort', this.#leave)
    const { provider, model } = this.target
    const ms = Math.round(performance.now() - this.#began)
    this.#record = { provider, model, outcome, ms, status: failure?.status, error: failure?.message }
    for (const fn of this.#onSettled) this.#call(() => fn(outcome, failure))
  }

  readonly #leave = (): void => this.#abort.abort(this.exchange.signal.reason)

  #call(fn: () => void): void {
    try {
      fn()
    } catch (err) {
      this.#log.warn({ attempt: this.id, err }, 'a listener of an attempt threw')
    }
  }
}
