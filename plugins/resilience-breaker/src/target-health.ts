import type { AttemptRecord } from '@ccr/sdk'
import type { HealthSettings } from './settings.ts'

/** `closed`: used · `open`: left alone · `half-open`: one request at a time tries it. */
export type HealthStatus = 'closed' | 'open' | 'half-open'

/** What is known of a target, as it is told. Times are milliseconds since the epoch. */
export interface HealthReport {
  readonly status: HealthStatus
  readonly failureCount: number
  readonly successCount: number
  readonly lastFailureTime?: number | undefined
  /** Kind and HTTP status of the last failure; no words of an upstream. */
  readonly reason?: string | undefined
  readonly cooldownUntil?: number | undefined
  /** When a request may try it. */
  readonly nextTrialAt?: number | undefined
}

/** Whether a request may go to a target now. A trial is over with the outcome, or when nothing comes of it. */
export type Permission = 'use' | 'trial' | { readonly refused: string }

/** Refusals of the router's own credentials: the second one is enough. */
const CREDENTIALS: readonly (number | undefined)[] = [401, 402, 403]
const CONFIRMED = 2

/** Longest wait for the outcome of a trial, in milliseconds: an exchange inside another has none of its own. */
const TRIAL_MS = 600_000

/** How one target has fared. It knows no clock: every time comes in, in milliseconds since the epoch. */
export class TargetHealth {
  #failures = 0
  #successes = 0
  /** How often it was opened since it was last closed. */
  #openings = 0
  #openedAt: number | undefined
  #nextTrialAt = 0
  #trialUntil = 0
  #cooldownUntil = 0
  #lastFailureAt: number | undefined
  #reason: string | undefined

  /** Nothing needs to be remembered of it. */
  isForgettable(now: number): boolean {
    return this.#openedAt === undefined && this.#failures === 0 && this.#cooldownUntil <= now
  }

  permission(now: number): Permission {
    if (now < this.#cooldownUntil)
      return { refused: `it asked to be left alone for ${seconds(this.#cooldownUntil - now)}` }
    if (this.#openedAt === undefined) return 'use'
    const why = `it failed (${this.#reason})`
    if (now < this.#nextTrialAt) return { refused: `${why}, and is tried again in ${seconds(this.#nextTrialAt - now)}` }
    return now < this.#trialUntil ? { refused: `${why}, and another request is trying it` } : 'trial'
  }

  beginTrial(now: number): void {
    this.#trialUntil = now + TRIAL_MS
  }

  /** Another request may try it. */
  endTrial(): void {
    this.#trialUntil = 0
  }

  /**
   * Takes in how an attempt ended.
   *
   * @param startedAt of its exchange: what began before the target was opened says nothing new
   */
  see(attempt: AttemptRecord, startedAt: number, now: number, settings: HealthSettings): void {
    const isNews = this.#openedAt === undefined || startedAt >= this.#openedAt
    switch (attempt.outcome) {
      case 'neutral':
        return
      case 'ok':
        if (this.#openedAt === undefined) this.#failures = 0
        else if (isNews) this.#passed(settings)
        return
      case 'cooldown':
        this.#cool(attempt, now, settings)
        return
      case 'failure':
        if (isNews) this.#failed(attempt, now, settings)
    }
  }

  #passed({ halfOpenSuccesses }: HealthSettings): void {
    if (++this.#successes < halfOpenSuccesses) return
    this.#openedAt = undefined
    this.#failures = this.#successes = this.#openings = 0
  }

  #cool({ retryAfterMs }: AttemptRecord, now: number, { cooldownSeconds, maxOpenSeconds }: HealthSettings): void {
    const asked = retryAfterMs ?? cooldownSeconds * 1000
    this.#cooldownUntil = Math.max(this.#cooldownUntil, now + Math.min(Math.max(asked, 1000), maxOpenSeconds * 1000))
  }

  #failed(attempt: AttemptRecord, now: number, settings: HealthSettings): void {
    const { kind = 'status', status } = attempt
    this.#failures++
    this.#lastFailureAt = now
    this.#reason = status === undefined ? kind : `${kind} ${status}`
    const enough = CREDENTIALS.includes(status)
      ? Math.min(CONFIRMED, settings.failureThreshold)
      : settings.failureThreshold
    const isTrial = this.#openedAt !== undefined && now >= this.#nextTrialAt
    if (isTrial || (this.#openedAt === undefined && this.#failures >= enough)) this.#open(now, settings)
  }

  #open(now: number, { openSeconds, maxOpenSeconds }: HealthSettings): void {
    this.#openedAt = now
    this.#successes = 0
    this.#nextTrialAt = now + Math.min(openSeconds * 2 ** this.#openings++, maxOpenSeconds) * 1000
  }

  report(now: number): HealthReport {
    const isOpen = this.#openedAt !== undefined
    return {
      status: !isOpen ? 'closed' : now < this.#nextTrialAt ? 'open' : 'half-open',
      failureCount: this.#failures,
      successCount: this.#successes,
      lastFailureTime: this.#lastFailureAt,
      reason: this.#reason,
      cooldownUntil: this.#cooldownUntil > now ? this.#cooldownUntil : undefined,
      nextTrialAt: isOpen ? this.#nextTrialAt : undefined,
    }
  }
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
